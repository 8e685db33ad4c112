//! Who is in each wave: models, revisions, holders, regions, factories, and who would get nothing. Of a large wave so many are
//! looked at as tell their shares; they are drawn by the order of the plan, in which every device is as likely as any other.

use super::memory::Live;
use crate::{Actor, Error, Fleet, Result, catalogue::Catalogue, update::Deliverable};
use domain::{
    device::Connection,
    id::{ReleaseId, RolloutId},
    person::Permission,
    rollout::{
        Crowd, Foreseen, Frozen, FrozenWave, HeldBack, Member, Membership, NO_COHORT, Plan, Told, WaveForecast,
        Windows, due_at, eligible, forecast, freeze_and_draw, validate,
    },
    time::Timestamp,
};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use store::rollout::{
    Rollout,
    crowd::{Known, UnderWay},
};

/// How many devices of a wave are looked at.
pub(super) const DRAWN: usize = 2_000;
/// How many devices of a rollout that is frozen are looked at, at most.
const DRAWN_OF_ALL: usize = 20_000;

/// A part of those that were looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What they have in common.
    pub name: String,
    /// How many of those that were looked at they are.
    pub n: u64,
}

/// Who is in a wave, or in a cohort.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Makeup {
    /// How many devices there are.
    pub devices: u64,
    /// How many of them were looked at; parts are of these.
    pub looked_at: u64,
    /// By model, most first.
    pub models: Vec<Part>,
    /// By hardware revision, most first.
    pub revisions: Vec<Part>,
    /// By who holds them, most first.
    pub holders: Vec<Part>,
    /// By the country of who holds them, most first.
    pub regions: Vec<Part>,
    /// By factory, most first.
    pub factories: Vec<Part>,
    /// Those that would get nothing as they stand, by why.
    pub refused: Vec<Part>,
    /// Those that may get something and are not heard from.
    pub silent: u64,
    /// Whom to expect.
    pub crowd: Crowd,
}

/// A plan as its designer sees it before it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Design {
    /// What would be frozen at this moment.
    pub frozen: Frozen,
    /// Who would be in each wave.
    pub waves: Vec<Makeup>,
    /// When each wave would be through.
    pub forecast: Vec<WaveForecast>,
    /// What is to be expected, with ranges, and the worst case.
    pub foreseen: Foreseen,
}

/// Who is in a rollout that is frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Crowds {
    /// Who is in each wave.
    pub waves: Vec<Makeup>,
    /// Who is in each cohort of the plan, in their order; those of no cohort are not told.
    pub cohorts: Vec<Makeup>,
    /// When waves will be through, from the one on that is open; empty for what is over.
    pub forecast: Vec<WaveForecast>,
    /// The wave that the first forecast is about, from 0.
    pub first: usize,
}

impl Fleet {
    /// Who a plan is for at this moment, wave by wave, and how long it would take, without keeping it: what a designer sees.
    /// Costs what freezing costs, and a look at so many devices of each wave at most.
    ///
    /// # Errors
    /// When the actor may not see the fleet, the plan is wrong, or so many others are looked at that there is no turn for a while.
    pub async fn design_rollout(&self, actor: &Actor, plan: &Plan) -> Result<Design> {
        actor.require(Permission::FleetRead)?;
        validate(plan).map_err(super::invalid)?;
        let _turn = self.inner.previews.turn().await?;
        let (target, queries) = self.meant(plan).await?;
        let (target, left_out) = self.leave_out(plan, target).await?;
        let asked = plan.clone();
        // Where polls don't wait for it: of a million it takes a good part of a second.
        let freezing = tokio::task::spawn_blocking(move || freeze_and_draw(&asked, &target, &queries, DRAWN));
        let (frozen, membership, drawn) = freezing.await.map_err(Error::internal)?;
        let frozen = Frozen { left_out, ..frozen };
        let waves = self.makeups(plan, &frozen, &membership, &drawn).await?;
        let start = plan.start_at.unwrap_or_default().max(self.now());
        let crowds: Vec<Crowd> = waves.iter().map(|wave| wave.crowd.clone()).collect();
        let forecast = forecast(plan, 0, &crowds, start, self.now());
        let foreseen = self.foreseen(plan, &waves, start).await?;
        Ok(Design { frozen, waves, forecast, foreseen })
    }

    /// Who is in each wave, by the devices that were drawn of it.
    pub(super) async fn makeups(
        &self,
        plan: &Plan,
        frozen: &Frozen,
        membership: &Membership,
        drawn: &[Vec<Member>],
    ) -> Result<Vec<Makeup>> {
        let scene = self.scene(plan).await?;
        let mut waves = Vec::with_capacity(drawn.len());
        for (n, (drawn, wave)) in drawn.iter().zip(&frozen.waves).enumerate() {
            let numbers: Vec<u32> = drawn.iter().map(|member| member.number).collect();
            let known = store::rollout::crowd::known(self.db(), &numbers).await?;
            let placed = known.iter().map(|known| (known, membership.cohort_of(known.id, n)));
            waves.push(scene.makeup(wave.count, wave.offered(plan), placed));
        }
        Ok(waves)
    }

    /// Who is in a rollout that is frozen, wave by wave and cohort by cohort, and when it will be done. Looks at `most` devices,
    /// whatever the target is.
    ///
    /// # Errors
    /// When the actor may not see the fleet, there is no such rollout, or it is a draft.
    pub async fn rollout_crowds(&self, actor: &Actor, code: &str, most: usize) -> Result<Crowds> {
        actor.require(Permission::FleetRead)?;
        let rollout = self.kept_rollout(code).await?;
        let (id, course) = (rollout.id, rollout.course.clone());
        let Some(frozen) = rollout.frozen.clone() else { return Err(Error::not_found("frozen rollout", code)) };
        let live = self.live_rollout(id).await?.ok_or_else(|| Error::not_found("rollout", code))?;
        let scene = self.scene(&rollout.plan).await?.of(&rollout);
        let known = store::rollout::crowd::known(self.db(), &live.membership.drawn(most.min(DRAWN_OF_ALL))).await?;
        let placed: Vec<Placed<'_>> = known.iter().filter_map(|known| Placed::of(known, &live)).collect();
        let evidence = self.evidence_of(&rollout).await?;
        let of_wave = |(n, wave): (usize, &FrozenWave)| {
            let among = placed.iter().filter(|placed| placed.wave == n).map(|placed| (placed.known, placed.cohort));
            // Without those that are held back, and with those that joined.
            let evidence = evidence.get(n).copied().unwrap_or_default();
            let mut makeup = scene.makeup(wave.count, evidence.total, among);
            makeup.crowd.settle(evidence.settled(), evidence.under_way.saturating_sub(evidence.retried));
            makeup
        };
        let waves: Vec<Makeup> = frozen.waves.iter().enumerate().map(of_wave).collect();
        let variants = rollout.plan.cohorts.as_ref().map_or(0, |cohorts| cohorts.variants.len());
        let of_cohort = |cohort: usize| {
            let among = placed.iter().filter(|placed| placed.cohort == cohort).map(|placed| (placed.known, cohort));
            let all: u64 = frozen.waves.iter().filter_map(|wave| wave.cohorts.get(cohort)).sum();
            scene.makeup(all, all, among)
        };
        let cohorts = (NO_COHORT + 1..=variants).map(of_cohort).collect();
        let first = course.wave.unwrap_or_default();
        let opened = match course.wave {
            Some(_) => rollout.wave_opened_at.unwrap_or_else(|| self.now()),
            None => rollout.plan.start_at.unwrap_or_default().max(self.now()),
        };
        let crowds: Vec<Crowd> = waves.iter().skip(first).map(|wave| wave.crowd.clone()).collect();
        let forecast = if course.state.is_over() {
            Vec::new()
        } else {
            forecast(&rollout.plan, first, &crowds, opened, self.now())
        };
        Ok(Crowds { waves, cohorts, forecast, first })
    }

    async fn scene<'a>(&self, plan: &'a Plan) -> Result<Scene<'a>> {
        let mut releases = HashMap::new();
        for id in plan.releases() {
            if let Some(found) = self.deliverable(id).await? {
                releases.insert(id, found);
            }
        }
        // Whether a window is open at this moment says nothing of who gets it.
        let anytime = Plan { windows: Windows::default(), ..plan.clone() };
        Ok(Scene {
            plan,
            of: None,
            held_back: Vec::new(),
            anytime,
            releases,
            catalogue: self.load_catalogue().await?,
            now: self.now(),
        })
    }
}

/// A device with its wave and its cohort.
struct Placed<'a> {
    known: &'a Known,
    wave: usize,
    cohort: usize,
}

impl<'a> Placed<'a> {
    fn of(known: &'a Known, live: &Live) -> Option<Self> {
        let wave = live.membership.wave_of(Member { number: known.number, id: known.id })?;
        Some(Self { known, wave, cohort: live.membership.cohort_of(known.id, wave) })
    }
}

/// What is to be expected of a device.
enum Expected {
    /// It gets nothing as it stands, for this reason.
    Nothing(&'static str),
    /// It is not heard from.
    Silence,
    /// It polls every so many seconds, and is told then.
    Polls(i64),
    /// It was told, and has an outcome by then.
    Due(Timestamp),
}

/// What devices are looked at by.
struct Scene<'a> {
    plan: &'a Plan,
    /// The rollout that may have told them.
    of: Option<RolloutId>,
    /// Whom it goes on without.
    held_back: Vec<HeldBack>,
    anytime: Plan,
    releases: HashMap<ReleaseId, Deliverable>,
    catalogue: Catalogue,
    now: Timestamp,
}

/// Counts by name.
#[derive(Default)]
struct Tally(BTreeMap<String, u64>);

impl Tally {
    fn count(&mut self, name: &str) {
        match self.0.get_mut(name) {
            Some(n) => *n += 1,
            None => {
                self.0.insert(name.to_owned(), 1);
            }
        }
    }

    fn parts(self) -> Vec<Part> {
        let mut parts: Vec<Part> = self.0.into_iter().map(|(name, n)| Part { name, n }).collect();
        parts.sort_by_key(|part| std::cmp::Reverse(part.n));
        parts
    }
}

impl Scene<'_> {
    fn of(self, rollout: &Rollout) -> Self {
        Self { of: Some(rollout.id), held_back: rollout.held_back.clone(), ..self }
    }

    /// What is to be expected of a device.
    fn expected(&self, known: &Known, cohort: usize) -> Expected {
        if self.is_held_back(known, cohort) {
            return Expected::Nothing("held back");
        }
        let interval = self.interval_of(known);
        let is_silent = Connection::at(self.now, known.last_seen_at, interval) == Connection::Silent;
        if let Some(under_way) = known.under_way.filter(|under_way| Some(under_way.rollout) == self.of) {
            let UnderWay { offered_at: at, soak_until: lives_until, due_at: missed_at, .. } = under_way;
            return Expected::Due(due_at(
                self.plan,
                interval,
                Told { at, lives_until, missed_at, is_silent },
                self.now,
            ));
        }
        match self.refused(known, cohort) {
            Some(why) => Expected::Nothing(why),
            None if is_silent => Expected::Silence,
            None => Expected::Polls(interval),
        }
    }

    fn is_held_back(&self, known: &Known, cohort: usize) -> bool {
        self.held_back.iter().any(|one| one.holds(cohort, &known.subject.revision, &known.subject.batch))
    }

    /// What those have in common who were looked at: of `devices`, of which `offered` get anything.
    fn makeup<'k>(&self, devices: u64, offered: u64, among: impl Iterator<Item = (&'k Known, usize)>) -> Makeup {
        let [mut models, mut revisions, mut holders, mut regions, mut factories, mut refused] =
            std::array::from_fn::<Tally, 6, _>(|_| Tally::default());
        let (mut looked_at, mut silent, mut getting) = (0_u64, 0, 0_u64);
        let (mut polling, mut due) = (BTreeMap::<i64, u64>::new(), BTreeMap::<Timestamp, u64>::new());
        for (known, cohort) in among {
            looked_at += 1;
            models.count(self.catalogue.model_name(known.subject.model));
            revisions.count(&known.subject.revision);
            holders.count(self.catalogue.custodian_name(known.holder));
            regions.count(self.catalogue.custodian(known.holder).map_or("", |holder| &holder.country));
            factories.count(self.catalogue.custodian_name(known.factory));
            let gets = self.plan.release_of(cohort).is_some() && !self.is_held_back(known, cohort);
            getting += u64::from(gets);
            match self.expected(known, cohort) {
                Expected::Nothing(why) => refused.count(why),
                Expected::Silence => silent += 1,
                Expected::Polls(interval) => *polling.entry(interval).or_default() += 1,
                Expected::Due(at) => *due.entry(at).or_default() += 1,
            }
        }
        Makeup {
            devices,
            looked_at,
            models: models.parts(),
            revisions: revisions.parts(),
            holders: holders.parts(),
            regions: regions.parts(),
            factories: factories.parts(),
            refused: refused.parts(),
            silent,
            // What a sample says is said of all of them.
            crowd: Crowd::of_sample(offered, getting, polling.into_iter().collect(), due.into_iter().collect()),
        }
    }

    fn interval_of(&self, known: &Known) -> i64 {
        let of_model = || self.catalogue.model(known.subject.model).map(|model| model.poll_interval_s);
        known.interval_s.or_else(of_model).unwrap_or(300)
    }

    /// Why a device would get nothing as it stands.
    fn refused(&self, known: &Known, cohort: usize) -> Option<&'static str> {
        let Some(release) = self.plan.release_of(cohort) else { return Some("held out for comparison") };
        let Some(found) = self.releases.get(&release) else { return Some("its release is gone") };
        eligible(&known.subject, &found.fits, &self.anytime, self.now).err().map(|reason| reason.in_short())
    }
}
