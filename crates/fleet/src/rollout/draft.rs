//! Writing a rollout. Whoever changes one drops what was approved of it.

use super::{held, invalid, out_of_turn, subject_of, write};
use crate::{Actor, Deed, Error, FieldError, Fleet, Result, approval::makers_within};
use domain::{
    approval::ApprovalState,
    custody::slug,
    id::RolloutId,
    person::Permission,
    rollout::{Course, Deed as Step, Plan, RolloutState, validate},
};
use serde_json::{Value, json};
use store::rollout::Rollout;
use uuid::Uuid;

/// How often a name can be taken before nobody can say which is which.
const SAME_NAME: usize = 1_000;

impl Fleet {
    /// Makes a draft. Its word in addresses comes from its name.
    ///
    /// # Errors
    /// When the actor may not, or the plan is wrong.
    pub async fn create_rollout(&self, actor: &Actor, plan: Plan) -> Result<String> {
        self.authorise(actor, Permission::RolloutWrite, "rollout").await?;
        let id = RolloutId(Uuid::now_v7());
        let plan = self.checked_plan(plan, id).await?;
        let mut deed = self.allow(actor, Permission::RolloutWrite, "rollout").await?;
        let rollout = enter_draft(&mut deed, id, plan).await?;
        let detail = json!({"plan": rollout.plan});
        deed.commit("rollout.create", &subject_of(&rollout.code), &detail).await?;
        Ok(rollout.code)
    }

    /// Changes the plan of a rollout that was not started. An approval that was asked for or given is void.
    ///
    /// # Errors
    /// When the actor may not, there is no such rollout, it was started or changed since `version`, or the plan is wrong.
    pub async fn edit_rollout(&self, actor: &Actor, code: &str, version: i64, plan: Plan) -> Result<()> {
        let subject = subject_of(code);
        self.authorise(actor, Permission::RolloutWrite, &subject).await?;
        let known = self.kept_rollout(code).await?;
        // What splits devices stays what it was, unless another one is named.
        let salt = if plan.salt.is_empty() { known.plan.salt.clone() } else { plan.salt.clone() };
        let plan = self.checked_plan(Plan { salt, ..plan }, known.id).await?;
        let mut deed = self.allow(actor, Permission::RolloutWrite, &subject).await?;
        let mut rollout = held(&mut deed, known.id, code).await?;
        if rollout.version != version {
            return Err(super::changed());
        }
        let was = rollout.plan.clone();
        rollout.course = rollout.course.apply(Step::Edit, "").map_err(|error| out_of_turn(&error))?;
        rollout.course.waves = plan.waves.len();
        for author in makers_within(&mut deed).await?.lines() {
            if !rollout.authors.iter().any(|known| known == author) {
                rollout.authors.push(author.to_owned());
            }
        }
        rollout.plan = plan;
        back_to_draft(&mut deed, &mut rollout, "The rollout was changed.").await?;
        let detail = json!({"before": was, "after": rollout.plan});
        write(&mut deed, &mut rollout, (Step::Edit.as_str(), "Changed".to_owned(), Value::Null)).await?;
        deed.commit("rollout.edit", &subject, &detail).await
    }

    /// A plan that is right, with a salt of its own where none is named.
    pub(super) async fn checked_plan(&self, plan: Plan, id: RolloutId) -> Result<Plan> {
        let salt = if plan.salt.is_empty() { id.to_string() } else { plan.salt.clone() };
        let plan = Plan { name: plan.name.trim().to_owned(), salt, ..plan };
        validate(&plan).map_err(invalid)?;
        let mut fields = Vec::new();
        for release in plan.releases() {
            if self.deliverable(release).await?.is_none() {
                let field = if release == plan.release {
                    "release"
                } else if plan.revert_to == Some(release) {
                    "revert_to"
                } else {
                    "cohorts"
                };
                fields.push(FieldError { field: field.to_owned(), message: "There is no such release.".to_owned() });
            }
        }
        if fields.is_empty() { Ok(plan) } else { Err(Error::Invalid { fields }) }
    }
}

/// Enters a draft with a plan that was checked. Its word in addresses comes from its name.
pub(super) async fn enter_draft(deed: &mut Deed<'_>, id: RolloutId, plan: Plan) -> Result<Rollout> {
    let code = free_code(deed, &plan.name).await?;
    let now = deed.fleet().now();
    let authors = makers_within(deed).await?.lines().map(str::to_owned).collect();
    let course = Course {
        state: RolloutState::Draft,
        wave: None,
        waves: plan.waves.len(),
        hash: String::new(),
        approved: String::new(),
    };
    let mut rollout = Rollout {
        id,
        code,
        plan,
        frozen: None,
        course,
        authors,
        created_by: deed.actor().name().to_owned(),
        created_at: now,
        updated_at: now,
        submitted_by: String::new(),
        submitted_at: None,
        approval_id: None,
        approved_by: String::new(),
        started_at: None,
        ended_at: None,
        resumed_at: None,
        wave_opened_at: None,
        accepted: Vec::new(),
        reverting: false,
        joined: Vec::new(),
        held_back: Vec::new(),
        verdicts: Vec::new(),
        is_active: false,
        reason: String::new(),
        version: 0,
    };
    store::rollout::insert(&mut deed.tx, &rollout).await?;
    write(deed, &mut rollout, ("create", "Written".to_owned(), Value::Null)).await?;
    Ok(rollout)
}

/// Forgets what was frozen and asked for.
pub(super) async fn back_to_draft(deed: &mut Deed<'_>, rollout: &mut Rollout, why: &str) -> Result<()> {
    void_approval(deed, rollout, why).await?;
    rollout.approval_id = None;
    store::rollout::target::clear(&mut deed.tx, rollout.id).await?;
    rollout.frozen = None;
    rollout.submitted_by.clear();
    rollout.submitted_at = None;
    rollout.approved_by.clear();
    rollout.reason.clear();
    Ok(())
}

/// Takes back what a manager was asked.
pub(super) async fn void_approval(deed: &mut Deed<'_>, rollout: &Rollout, why: &str) -> Result<()> {
    let Some(approval) = rollout.approval_id else { return Ok(()) };
    let kept = store::approval::of_subject_within(&mut deed.tx, &subject_of(&rollout.code)).await?;
    if kept.is_some_and(|kept| kept.id == approval && kept.state == ApprovalState::Waiting) {
        store::approval::void(&mut deed.tx, approval, why).await?;
        deed.ring("approval", &approval.to_string()).await?;
    }
    Ok(())
}

async fn free_code(deed: &mut Deed<'_>, name: &str) -> Result<String> {
    let wanted = Some(slug(name)).filter(|slug| !slug.is_empty()).unwrap_or_else(|| "rollout".to_owned());
    let taken = store::rollout::codes_like(&mut deed.tx, &wanted).await?;
    if !taken.contains(&wanted) {
        return Ok(wanted);
    }
    let free = (2..SAME_NAME).map(|n| format!("{wanted}-{n}")).find(|code| !taken.contains(code));
    free.ok_or_else(|| Error::field("name", "So many rollouts have this name that another one would be confusing."))
}
