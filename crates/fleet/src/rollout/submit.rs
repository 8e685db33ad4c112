//! Submitting: the target is frozen, wave by wave, and a manager is asked.

use super::{TOPIC, held, invalid, out_of_turn, subject_of, write};
use crate::{Actor, Error, FieldError, Fleet, Result, approval::open};
use domain::{
    approval::ApprovalKind,
    id::{ApprovalId, DeviceId},
    person::Permission,
    query,
    rollout::{Deed as Step, Frozen, Member, Members, Plan, WaveSize, fits_channel, freeze, plan_hash, validate},
};
use serde_json::{Value, json};
use store::{
    device_list::{self, Filter, Half},
    rollout::{Rollout, target::Part},
};

impl Fleet {
    /// Freezes the target of a draft and asks a manager to approve exactly that.
    ///
    /// # Errors
    /// When the actor may not, there is no such rollout, it is no draft or was changed since `version`, a release may not be
    /// sent to anybody, or a wave would be empty.
    pub async fn submit_rollout(&self, actor: &Actor, code: &str, version: i64) -> Result<ApprovalId> {
        let subject = subject_of(code);
        self.authorise(actor, Permission::RolloutWrite, &subject).await?;
        let known = self.kept_rollout(code).await?;
        known.course.state.after(Step::Submit).map_err(|error| out_of_turn(&error))?;
        validate(&known.plan).map_err(invalid)?;
        self.check_releases(&known.plan).await?;
        // Read before the deed begins: a deed holds the one writer. What is approved is what was read here.
        let (frozen, target, queries) = self.freeze(&known.plan).await?;
        let hash = plan_hash(&known.plan, &frozen);
        let mut deed = self.allow(actor, Permission::RolloutWrite, &subject).await?;
        let mut rollout = held(&mut deed, known.id, code).await?;
        if rollout.version != version || rollout.version != known.version {
            return Err(super::changed());
        }
        rollout.course = rollout.course.apply(Step::Submit, &hash).map_err(|error| out_of_turn(&error))?;
        store::rollout::target::clear(&mut deed.tx, rollout.id).await?;
        store::rollout::target::put(&mut deed.tx, rollout.id, &Part::Target, &target).await?;
        for (wave, members) in &queries {
            store::rollout::target::put(&mut deed.tx, rollout.id, &Part::Wave(*wave), members).await?;
        }
        rollout.frozen = Some(frozen);
        actor.name().clone_into(&mut rollout.submitted_by);
        rollout.submitted_at = Some(self.now());
        let detail = shown(&rollout);
        let title = format!("Rollout “{}”", rollout.plan.name);
        let approval = open(&mut deed, ApprovalKind::Rollout, &subject, &title, &detail).await?;
        rollout.approval_id = Some(approval);
        let words = format!("Submitted for {} devices", target.len());
        write(&mut deed, &mut rollout, (Step::Submit.as_str(), words, json!({"hash": hash}))).await?;
        deed.commit("rollout.submit", &subject, &detail).await?;
        Ok(approval)
    }

    /// Who a plan is for at this moment, wave by wave, without keeping it: what a designer sees.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or the plan is wrong.
    pub async fn preview_rollout(&self, actor: &Actor, plan: &Plan) -> Result<Frozen> {
        actor.require(Permission::FleetRead)?;
        validate(plan).map_err(invalid)?;
        let (target, queries) = self.meant(plan).await?;
        Ok(frozen_of(plan, target, queries).await?.0)
    }

    async fn freeze(&self, plan: &Plan) -> Result<(Frozen, Members, Vec<(usize, Members)>)> {
        let (members, queries) = self.meant(plan).await?;
        let (frozen, target, queries) = frozen_of(plan, members, queries).await?;
        let mut fields = Vec::new();
        if frozen.count == 0 {
            fields.push(FieldError { field: "target".to_owned(), message: "This means no device.".to_owned() });
        }
        for (n, _) in frozen.waves.iter().enumerate().filter(|(_, wave)| wave.count == 0) {
            let message =
                "No device is left for this wave. Take it out, or make the ones before it smaller.".to_owned();
            fields.push(FieldError { field: format!("waves.{n}.size"), message });
        }
        if fields.is_empty() { Ok((frozen, target, queries)) } else { Err(Error::Invalid { fields }) }
    }

    /// The devices that a plan's queries mean.
    pub(super) async fn meant(&self, plan: &Plan) -> Result<(Vec<Member>, Vec<(usize, Members)>)> {
        let target = self.members(&plan.target).await?;
        let mut queries = Vec::new();
        for (n, wave) in plan.waves.iter().enumerate() {
            if let WaveSize::Query(text) = &wave.size {
                let members = self.members(text).await?;
                queries.push((n, members.into_iter().map(|member| member.number).collect()));
            }
        }
        Ok((target, queries))
    }

    /// The devices that a fleet query means, read by two at the same time.
    pub(super) async fn members(&self, text: &str) -> Result<Vec<Member>> {
        let query = query::parse(text)?;
        let catalogue = self.load_catalogue().await?;
        let names = catalogue.names(self.now());
        let filter = Filter::new(self.db(), &query, &names).await?;
        let count = device_list::count(self.db(), &query, &names, &filter).await?;
        let (middle, whole) = (device_list::middle(self.db()).await?, count.number() >= device_list::COUNT_CAP);
        let half = |upper| device_list::members(self.db(), &filter, Half { middle, upper, whole });
        let (lower, upper) = tokio::try_join!(half(false), half(true))?;
        let member = |(number, id)| Member { number, id: DeviceId(id) };
        Ok(lower.into_iter().chain(upper).map(member).collect())
    }

    /// Whether devices may get what the plan names at all. Which device may is asked again when it is offered.
    async fn check_releases(&self, plan: &Plan) -> Result<()> {
        for release in plan.releases() {
            let found = self.deliverable(release).await?;
            let found = found.ok_or_else(|| Error::field("release", "There is no such release."))?;
            let stage = found.fits.stage.as_str();
            if !["production", "staging", "dev"].iter().any(|channel| fits_channel(stage, channel)) {
                let message = format!("{} was withdrawn: no device gets it.", found.title);
                return Err(Error::field("release", message));
            }
            if found.artifacts.is_empty() {
                return Err(Error::field("release", format!("{} has no files.", found.title)));
            }
        }
        Ok(())
    }

    /// Tells this process's memory what was committed.
    pub(super) async fn rollout_committed(&self) {
        if let Err(error) = self.refresh_rollouts().await {
            // It is durable; the steward tries again within a second.
            tracing::error!(%error, topic = TOPIC, "this process has not followed a rollout yet");
        }
    }
}

/// Freezes a plan for these devices where polls don't wait for it: of a million it takes a good part of a second.
async fn frozen_of(
    plan: &Plan,
    members: Vec<Member>,
    queries: Vec<(usize, Members)>,
) -> Result<(Frozen, Members, Vec<(usize, Members)>)> {
    let plan = plan.clone();
    let work = move || {
        let (frozen, membership) = freeze(&plan, &members, &queries);
        (frozen, membership.into_target(), queries)
    };
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

/// Everything that the second person must see. The hash covers the plan and who it is for.
pub(super) fn shown(rollout: &Rollout) -> Value {
    json!({"rollout": rollout.code, "hash": rollout.course.hash, "plan": rollout.plan, "frozen": rollout.frozen})
}
