//! Submitting: the target is frozen, wave by wave, and a manager is asked.

use super::{TOPIC, crowd::DRAWN, forecast::written, held, invalid, out_of_turn, subject_of, write};
use crate::{Actor, Deed, Error, FieldError, Fleet, Result, approval::open};
use domain::{
    approval::ApprovalKind,
    id::{ApprovalId, DeviceId},
    person::Permission,
    query::{self, FleetQuery},
    rollout::{
        Deed as Step, Frozen, Member, Members, Membership, Plan, WaveSize, fits_channel, freeze_and_draw, plan_hash,
        validate,
    },
    words::counted,
};
use serde_json::{Value, json};
use store::{
    device_list::{self, Filter, Half},
    rollout::{Rollout, target::Part},
};

/// What is frozen of a plan, who belongs where, some devices of each wave, and whom its queries mean.
type FrozenNow = (Frozen, Membership, Vec<Vec<Member>>, Vec<(usize, Members)>);

/// What is written when a plan is submitted.
pub(super) struct Ready {
    frozen: Frozen,
    hash: String,
    target: Members,
    queries: Vec<(usize, Members)>,
    /// What was foreseen, as it is kept.
    forecast: String,
}

/// Submits a rollout that the deed holds, with what was frozen of its plan. The approval that is asked for, and what is audited.
pub(super) async fn submit_within(
    deed: &mut Deed<'_>,
    rollout: &mut Rollout,
    ready: Ready,
) -> Result<(ApprovalId, Value)> {
    let now = deed.fleet().now();
    rollout.course = rollout.course.apply(Step::Submit, &ready.hash).map_err(|error| out_of_turn(&error))?;
    store::rollout::target::clear(&mut deed.tx, rollout.id).await?;
    store::rollout::target::put(&mut deed.tx, rollout.id, &Part::Target, &ready.target).await?;
    for (wave, members) in &ready.queries {
        store::rollout::target::put(&mut deed.tx, rollout.id, &Part::Wave(*wave), members).await?;
    }
    store::rollout::course::put_forecast(&mut deed.tx, rollout.id, now, &ready.forecast).await?;
    rollout.frozen = Some(ready.frozen);
    deed.actor().name().clone_into(&mut rollout.submitted_by);
    rollout.submitted_at = Some(now);
    let detail = shown(rollout);
    let title = format!("Rollout “{}”", rollout.plan.name);
    let approval = open(deed, ApprovalKind::Rollout, &subject_of(&rollout.code), &title, &detail).await?;
    rollout.approval_id = Some(approval);
    let words = format!("Submitted for {}", counted(ready.target.len(), "device"));
    write(deed, rollout, (Step::Submit.as_str(), words, json!({"hash": ready.hash}))).await?;
    Ok((approval, detail))
}

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
        // Read before the deed begins: a deed holds the one writer. What is approved is what was read here.
        let ready = self.ready(&known.plan).await?;
        let mut deed = self.allow(actor, Permission::RolloutWrite, &subject).await?;
        let mut rollout = held(&mut deed, known.id, code).await?;
        if rollout.version != version || rollout.version != known.version {
            return Err(super::changed());
        }
        let (approval, detail) = submit_within(&mut deed, &mut rollout, ready).await?;
        deed.commit("rollout.submit", &subject, &detail).await?;
        Ok(approval)
    }

    /// Everything that is frozen of a plan, if what it sends may be sent and somebody is in each wave.
    pub(super) async fn ready(&self, plan: &Plan) -> Result<Ready> {
        validate(plan).map_err(invalid)?;
        self.refuse_beside_before().await?;
        self.check_releases(plan).await?;
        let (mut frozen, membership, drawn, queries) = self.freeze(plan).await?;
        let waves = self.makeups(plan, &frozen, &membership, &drawn).await?;
        let start = plan.start_at.unwrap_or_default().max(self.now());
        let (forecast, forecast_hash) = written(&self.foreseen(plan, &waves, start).await?);
        frozen.forecast = Some(forecast_hash);
        let hash = plan_hash(plan, &frozen);
        Ok(Ready { frozen, hash, target: membership.into_target(), queries, forecast })
    }

    async fn freeze(&self, plan: &Plan) -> Result<FrozenNow> {
        let (members, queries) = self.meant(plan).await?;
        let (members, left_out) = self.leave_out(plan, members).await?;
        let (frozen, membership, drawn, queries) = frozen_of(plan, members, queries).await?;
        let frozen = Frozen { left_out, ..frozen };
        let mut fields = Vec::new();
        if frozen.count == 0 {
            let message = match left_out {
                0 => "This means no device.",
                _ => "Every device that this means runs the release already, or can’t get it.",
            };
            fields.push(FieldError { field: "target".to_owned(), message: message.to_owned() });
        }
        for (n, _) in frozen.waves.iter().enumerate().filter(|(_, wave)| wave.count == 0) {
            let message =
                "No device is left for this wave. Take it out, or make the ones before it smaller.".to_owned();
            fields.push(FieldError { field: format!("waves.{n}.size"), message });
        }
        if let Some(message) = Self::planned_too_many(plan, &frozen) {
            fields.push(FieldError { field: "experiment.planned".to_owned(), message });
        }
        if fields.is_empty() { Ok((frozen, membership, drawn, queries)) } else { Err(Error::Invalid { fields }) }
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
        self.members_of(&query::parse(text)?).await
    }

    /// The same of a query that was read.
    pub(super) async fn members_of(&self, query: &FleetQuery) -> Result<Vec<Member>> {
        let catalogue = self.load_catalogue().await?;
        let names = catalogue.names(self.now());
        let filter = Filter::new(self.db(), query, &names).await?;
        let count = device_list::count(self.db(), query, &names, &filter).await?;
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
            if plan.confirmation_required && plan.sent().contains(&release) && found.kind.is_repository() {
                let message = format!(
                    "{} lies in a repository, where no client asks its user. Choose a release that is sent to devices, or ask \
                     nobody.",
                    found.title
                );
                return Err(Error::field("confirmation_required", message));
            }
            if plan.sent().contains(&release) {
                self.check_lasts(plan, &found).await?;
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
async fn frozen_of(plan: &Plan, members: Vec<Member>, queries: Vec<(usize, Members)>) -> Result<FrozenNow> {
    let plan = plan.clone();
    let work = move || {
        let (frozen, membership, drawn) = freeze_and_draw(&plan, &members, &queries, DRAWN);
        (frozen, membership, drawn, queries)
    };
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

/// Everything that the second person must see. The hash covers the plan and who it is for.
pub(super) fn shown(rollout: &Rollout) -> Value {
    json!({"rollout": rollout.code, "hash": rollout.course.hash, "plan": rollout.plan, "frozen": rollout.frozen})
}
