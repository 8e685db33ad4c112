//! The rules of a model: what its devices' attributes mean, what is known of makers, what follows from a suspicion.

use super::polls::LONGEST;
use crate::{Actor, Error, FieldError, Fleet, Result};
use domain::{
    batch::Model,
    id::ModelId,
    person::Permission,
    report::{Makers, Mapping, USUAL_MAPPING},
    suspicion::{Policy, Response},
    time::Timestamp,
};
use serde::Deserialize;
use serde_json::json;
use store::{Tx, model_rule::ModelRule};

/// How long a text of rules may be, in characters.
const TEXT_MAX: usize = 20_000;

/// A model's rules, read.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What attributes mean.
    pub mapping: Mapping,
    /// What is known of makers.
    pub makers: Makers,
    /// What follows from a suspicion.
    pub policy: Policy,
    /// Grows with each change; 0 for the usual ones.
    pub version: i64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { mapping: Mapping::usual(), makers: Makers::default(), policy: Policy::default(), version: 0 }
    }
}

impl From<&ModelRule> for Rules {
    /// What can't be read any more counts as usual: a device must not suffer from it.
    fn from(row: &ModelRule) -> Self {
        Self {
            mapping: Mapping::parse(&row.mapping).unwrap_or_else(|_| Mapping::usual()),
            makers: Makers::parse(&row.makers).unwrap_or_default(),
            policy: serde_json::from_str(&row.policy).unwrap_or_default(),
            version: row.version,
        }
    }
}

/// A model and its rules, for whoever reads or edits them.
#[derive(Clone, Debug)]
pub struct ModelRules {
    /// The model.
    pub model: Model,
    /// The mapping as text.
    pub mapping: String,
    /// What is known of makers as text.
    pub makers: String,
    /// What follows from a suspicion.
    pub policy: Policy,
    /// When they were changed last and by whom; none for the usual ones.
    pub changed: Option<(Timestamp, String)>,
}

/// A model's rules as a form gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RulesForm {
    /// The mapping, a rule a line.
    pub mapping: String,
    /// What is known of makers, a line each.
    pub makers: String,
    /// The score from which on a suspicion is noted; empty for never.
    pub note: String,
    /// … a person is asked.
    pub ask: String,
    /// … the certificate is put on hold.
    pub hold: String,
    /// … the device is quarantined.
    pub quarantine: String,
    /// How often its devices poll, in seconds; empty for as often as before.
    pub poll: String,
}

impl RulesForm {
    /// What the form says.
    ///
    /// # Errors
    /// Says of every line and every score what is wrong with it.
    pub fn read(&self) -> Result<(Mapping, Makers, Policy)> {
        let mut fields = Vec::new();
        let mut wrong = |field: &str, message: String| fields.push(FieldError { field: field.to_owned(), message });
        for (field, text) in [("mapping", &self.mapping), ("makers", &self.makers)] {
            if text.chars().count() > TEXT_MAX {
                wrong(field, format!("Keep it under {TEXT_MAX} characters."));
            }
        }
        let mapping = Mapping::parse(&self.mapping).map_err(|errors| wrong("mapping", sentence(&errors.to_string())));
        let makers = Makers::parse(&self.makers).map_err(|errors| wrong("makers", sentence(&errors.to_string())));
        if self.interval().is_none() {
            wrong("poll", format!("Give whole seconds from 1 to {LONGEST}."));
        }
        let mut scores = [None; 4];
        for (place, (response, text)) in scores.iter_mut().zip(self.scores()) {
            let text = text.trim();
            match text.parse::<u8>() {
                Ok(score) => *place = Some(score),
                Err(_) if text.is_empty() => {}
                Err(_) => wrong(response.as_str(), "Give a whole number from 1 to 100, or nothing.".to_owned()),
            }
        }
        let policy = Policy::new(scores).map_err(|error| {
            let field = match &error {
                domain::suspicion::PolicyError::Range(response, _) => *response,
                domain::suspicion::PolicyError::Order { harsher, .. } => *harsher,
            };
            wrong(field.as_str(), sentence(&error.to_string()));
        });
        match (mapping, makers, policy) {
            (Ok(mapping), Ok(makers), Ok(policy)) if fields.is_empty() => Ok((mapping, makers, policy)),
            _ => Err(Error::Invalid { fields }),
        }
    }

    /// The seconds between two polls, none inside for as before; none at all where that can't be.
    fn interval(&self) -> Option<Option<i64>> {
        match self.poll.trim() {
            "" => Some(None),
            text => text.parse().ok().filter(|seconds| (1..=LONGEST).contains(seconds)).map(Some),
        }
    }

    fn scores(&self) -> [(Response, &str); 4] {
        [
            (Response::Note, &self.note),
            (Response::Ask, &self.ask),
            (Response::Hold, &self.hold),
            (Response::Quarantine, &self.quarantine),
        ]
    }
}

/// The text as a sentence.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str())).unwrap_or_default()
}

/// What is known of makers for the devices of a model, as the transaction sees it.
pub(crate) async fn makers_within(tx: &mut Tx, model: ModelId) -> Result<Makers> {
    let row = store::model_rule::rule_within(tx, model).await?;
    Ok(row.as_ref().map(Rules::from).unwrap_or_default().makers)
}

impl Fleet {
    /// How devices of a model are read and judged.
    pub(crate) async fn rules_of(&self, model: ModelId) -> Result<Rules> {
        let row = store::model_rule::rule(self.db(), model).await?;
        Ok(row.as_ref().map(Rules::from).unwrap_or_default())
    }

    /// What is known of makers for the devices of a model; nothing where the device is not known.
    pub(crate) async fn makers_for(&self, serial: &str) -> Result<Makers> {
        let Some(device) = store::device::by_serial(self.db(), serial).await? else { return Ok(Makers::default()) };
        Ok(self.rules_of(device.model_id).await?.makers)
    }

    /// A model's rules.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such model.
    pub async fn model_rules(&self, actor: &Actor, model: &str) -> Result<ModelRules> {
        actor.require(Permission::FleetRead)?;
        let models = store::batch::models(self.db()).await?;
        let known = models.into_iter().find(|known| known.name == model);
        let model = known.ok_or_else(|| Error::not_found("model", model))?;
        Ok(match store::model_rule::rule(self.db(), model.id).await? {
            None => ModelRules {
                model,
                mapping: USUAL_MAPPING.to_owned(),
                makers: String::new(),
                policy: Policy::default(),
                changed: None,
            },
            Some(row) => ModelRules {
                policy: Rules::from(&row).policy,
                model,
                mapping: row.mapping,
                makers: row.makers,
                changed: Some((Timestamp(row.changed_at), row.changed_by)),
            },
        })
    }

    /// Changes a model's rules. They hold for what its devices report from now on, and how often they poll for whoever polls
    /// next; other processes hear of that within a minute.
    ///
    /// # Errors
    /// When the actor may not, there is no such model, or a line or a score is wrong.
    pub async fn change_model_rules(&self, actor: &Actor, model: &str, form: &RulesForm) -> Result<()> {
        let subject = format!("model:{model}");
        self.authorise(actor, Permission::SettingManage, &subject).await?;
        let (_, _, policy) = form.read()?;
        let before = self.model_rules(actor, model).await?;
        let text = |text: &str| text.replace("\r\n", "\n");
        let rule = ModelRule {
            mapping: text(&form.mapping),
            makers: text(&form.makers),
            policy: json!(policy).to_string(),
            version: 0,
            changed_at: self.now().0,
            changed_by: actor.name().to_owned(),
        };
        let mut deed = self.allow(actor, Permission::SettingManage, &subject).await?;
        store::model_rule::put_rule(&mut deed.tx, before.model.id, &rule).await?;
        let interval = form.interval().flatten().unwrap_or(before.model.poll_interval_s);
        if interval != before.model.poll_interval_s {
            let known = store::batch::models_within(&mut deed.tx).await?.into_iter();
            for model in known.filter(|known| known.id == before.model.id) {
                store::batch::update_model(&mut deed.tx, &Model { poll_interval_s: interval, ..model }).await?;
            }
        }
        deed.ring("model", model).await?;
        let was = json!({"mapping": before.mapping, "makers": before.makers, "policy": before.policy, "poll_s": before.model.poll_interval_s});
        let is = json!({"mapping": rule.mapping, "makers": rule.makers, "policy": policy, "poll_s": interval});
        deed.commit("model.rules", &subject, &json!({"before": was, "after": is})).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_says_what_is_wrong_with_it() {
        let form = RulesForm {
            mapping: "hw.cpu = cpu identifier\nhw.x".to_owned(),
            makers: "oui zz = A".to_owned(),
            note: "x".to_owned(),
            ask: "60".to_owned(),
            hold: "50".to_owned(),
            quarantine: String::new(),
            poll: "86400".to_owned(),
        };
        let Err(Error::Invalid { fields }) = form.read() else { unreachable!("five fields are wrong") };
        let named: Vec<&str> = fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!(named, ["mapping", "makers", "poll", "note", "hold"]);
        assert!(fields[0].message.starts_with("Line 2: there is no “=”"), "{}", fields[0].message);
    }
}
