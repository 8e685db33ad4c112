//! What models ask of releases before they may enter a stage: reading the rules and changing them.

use crate::{Actor, Error, FieldError, Fleet, Result};
use domain::{
    batch::Model,
    person::Permission,
    release::{RuleError, Stage, StageRule},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::stage_rule::KeptRule;

/// What a model asks for before each stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelStages {
    /// The model.
    pub model: Model,
    /// What it asks for, in the order of stages.
    pub rules: Vec<ModelStage>,
}

/// What a model asks for before one stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelStage {
    /// The stage.
    pub stage: Stage,
    /// What is asked for.
    pub rule: StageRule,
    /// When that was changed last and by whom; none where the usual rule holds.
    pub changed: Option<(Timestamp, String)>,
}

/// A rule as a form or a program gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageForm {
    /// Before which stage.
    pub stage: Stage,
    /// What is asked for.
    #[serde(flatten)]
    pub rule: StageRule,
}

/// What holds before a stage, of what a model says.
pub(super) fn rule_of(kept: Vec<KeptRule>, stage: Stage) -> StageRule {
    let kept = kept.into_iter().find(|kept| kept.stage == stage).map(|kept| kept.rule);
    kept.unwrap_or_else(|| StageRule::usual(stage))
}

impl Fleet {
    async fn model_named(&self, name: &str) -> Result<Model> {
        let models = store::batch::models(self.db()).await?;
        models.into_iter().find(|model| model.name == name).ok_or_else(|| Error::not_found("model", name))
    }

    /// What a model asks for before each stage.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such model.
    pub async fn stage_rules(&self, actor: &Actor, model: &str) -> Result<ModelStages> {
        actor.require(Permission::FleetRead)?;
        let model = self.model_named(model).await?;
        let kept = store::stage_rule::of_model(self.db(), model.id).await?;
        let rules = Stage::WITH_RULES.into_iter().map(|stage| {
            let own = kept.iter().find(|kept| kept.stage == stage);
            let changed = own.map(|own| (own.changed_at, own.changed_by.clone()));
            let rule = own.map_or_else(|| StageRule::usual(stage), |own| own.rule.clone());
            ModelStage { stage, rule, changed }
        });
        let rules = rules.collect();
        Ok(ModelStages { model, rules })
    }

    /// Changes what a model asks for before a stage. It holds from the next promotion on; what waits for a second person
    /// is looked at anew when that one decides.
    ///
    /// # Errors
    /// When the actor may not, there is no such model, or a field is wrong.
    pub async fn change_stage_rule(&self, actor: &Actor, model: &str, form: &StageForm) -> Result<()> {
        let subject = format!("model:{model}");
        self.authorise(actor, Permission::SettingManage, &subject).await?;
        if !Stage::WITH_RULES.contains(&form.stage) {
            return Err(Error::field("stage", "There are rules for staging and production."));
        }
        let rule = form.rule.clone().checked().map_err(|error| wrong(&error))?;
        let model = self.model_named(model).await?;
        let mut deed = self.allow(actor, Permission::SettingManage, &subject).await?;
        let before = rule_of(store::stage_rule::of_model_within(&mut deed.tx, model.id).await?, form.stage);
        let (changed_at, changed_by) = (self.now(), actor.name().to_owned());
        let kept = KeptRule { stage: form.stage, rule: rule.clone(), changed_at, changed_by };
        store::stage_rule::put(&mut deed.tx, model.id, &kept).await?;
        deed.ring("model", &model.name).await?;
        let detail = json!({"stage": form.stage, "before": before, "after": rule});
        deed.commit("model.stage_rule", &subject, &detail).await
    }
}

fn wrong(error: &RuleError) -> Error {
    let field = match error {
        RuleError::Check(..) | RuleError::Checks => "checks",
        RuleError::Soak => "soak_hours",
        RuleError::Verified => "verified",
    };
    let told = error.to_string();
    let mut letters = told.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let message = format!("{first}{}.", letters.as_str());
    Error::Invalid { fields: vec![FieldError { field: field.to_owned(), message }] }
}
