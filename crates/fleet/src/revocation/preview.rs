//! What would be hit, said before it is done.

use super::{
    Selection, permission,
    plan::{Hits, Plan},
};
use crate::{Actor, Fleet, Result, catalogue::Catalogue};
use domain::{
    device::Lifecycle,
    person::Permission,
    revocation::{RevocationAct, RevocationScope},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use store::revoked::target::{self, Group, SEEN, Which};

/// How many entries a list of the most frequent has.
const TOP: usize = 8;
/// How many serials are shown as examples.
const EXAMPLES: i64 = 10;
const FEW: usize = 10;

/// What an act would hit, exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preview {
    /// What would be done, in a sentence.
    pub title: String,
    /// How many devices.
    pub devices: i64,
    /// How many certificates that have not ended.
    pub certificates: i64,
    /// How many of the devices, or of the batch's or the factory's, have a token: that stands and falls with them, and is taken
    /// away from a device that is revoked.
    pub tokens: i64,
    /// How many certificates of the factory's stations are hit with it.
    pub stations: i64,
    /// The serials of certificates that go with the one that is meant: of the same key, or renewals never used.
    pub kin: Vec<String>,
    /// The names of the authorities that are cut off with all that they signed.
    pub authorities: Vec<String>,
    /// Who holds the devices, most first.
    pub custodians: Vec<(String, i64)>,
    /// Where they are, as far as the country of who holds them says it; most first.
    pub countries: Vec<(String, i64)>,
    /// Their models, most first.
    pub models: Vec<(String, i64)>,
    /// Where they stand in their lives.
    pub lifecycles: Vec<(String, i64)>,
    /// When they were last heard from.
    pub seen: Vec<(String, i64)>,
    /// How many were never heard from.
    pub never: i64,
    /// The rollouts that they take part in.
    pub rollouts: Vec<String>,
    /// Some of their serials.
    pub examples: Vec<String>,
    /// Whether a second person has to approve it.
    pub needs_second_person: bool,
    /// What has to be typed; empty where nothing has to.
    pub confirm_word: String,
    /// The hash of exactly this.
    pub hash: String,
    /// The fleet query of the devices, for links.
    pub query: Option<String>,
}

impl Fleet {
    /// What an act would hit, without doing it.
    ///
    /// # Errors
    /// When the actor may not do it, or there is no such thing.
    pub async fn preview(&self, actor: &Actor, selection: &Selection, act: RevocationAct) -> Result<Preview> {
        actor.require(Permission::AuthorityRead)?;
        actor.require(permission(selection.scope(), act))?;
        let plan = self.plan_revocation(selection, act).await?;
        self.preview_of(&plan).await.map(|(preview, _)| preview)
    }

    pub(super) async fn preview_of(&self, plan: &Plan) -> Result<(Preview, Hits)> {
        let now = self.now();
        let hits = plan.hits(self, now).await?;
        let mut preview = Preview {
            certificates: i64::try_from(hits.targets.len()).unwrap_or(i64::MAX),
            authorities: hits.authorities.iter().map(|signer| signer.name.clone()).collect(),
            query: plan.query.clone(),
            hash: hits.hash(plan),
            ..Preview::default()
        };
        self.describe(plan, &hits, &mut preview, now).await?;
        let limit = self.setting_number(crate::setting::REVOCATION_LIMIT).await?;
        preview.needs_second_person = plan.scope().cuts_authorities() || preview.devices > limit;
        preview.confirm_word = confirm_word(plan, preview.devices);
        preview.title = title(plan, &preview);
        Ok((preview, hits))
    }

    /// Tells of the devices that are hit.
    async fn describe(&self, plan: &Plan, hits: &Hits, preview: &mut Preview, now: Timestamp) -> Result<()> {
        let catalogue = self.load_catalogue().await?;
        let ids = hits.authority_ids();
        let (groups, examples) = if plan.scope().cuts_authorities() {
            let which = Which::StillSignedBy(&ids);
            preview.certificates = target::signed_by(self.db(), &ids, now).await?;
            tokio::try_join!(
                target::groups(self.db(), &which, now),
                target::examples(self.db(), &which, now, EXAMPLES)
            )?
        } else {
            let devices = hits.device_ids();
            preview.devices = i64::try_from(devices.len()).unwrap_or(i64::MAX);
            tokio::try_join!(
                target::groups_of(self.db(), &devices, now),
                target::examples_of(self.db(), &devices, FEW)
            )?
        };
        if plan.scope().cuts_authorities() {
            preview.stations = i64::try_from(hits.targets.len()).unwrap_or(i64::MAX);
            preview.devices = groups.iter().map(|group| group.n).sum();
        }
        preview.examples = examples;
        preview.tokens = plan.tokens(self, hits).await?;
        preview.kin = plan.kin(hits);
        preview.count(&groups, &catalogue);
        Ok(())
    }
}

impl Preview {
    fn count(&mut self, groups: &[Group], catalogue: &Catalogue) {
        let custodian = |group: &Group| catalogue.custodian(group.custodian_id.into());
        self.custodians = top(groups, |group| custodian(group).map(|c| c.name.clone()));
        self.countries = top(groups, |group| custodian(group).map(|c| c.country.clone()));
        self.models = top(groups, |group| Some(catalogue.model_name(group.model_id.into()).to_owned()));
        self.lifecycles = top(groups, |group| Some(group.lifecycle.parse::<Lifecycle>().ok()?.label().to_owned()));
        let place = |group: &Group| usize::try_from(group.seen).unwrap_or(SEEN.len());
        let within = |wanted: usize| groups.iter().filter(|group| place(group) == wanted).map(|group| group.n).sum();
        self.seen = SEEN.iter().enumerate().map(|(i, (_, label))| ((*label).to_owned(), within(i))).collect();
        self.never = groups.iter().filter(|group| place(group) >= SEEN.len()).map(|group| group.n).sum();
    }
}

/// The most frequent values, and how many all others are.
fn top(groups: &[Group], value: impl Fn(&Group) -> Option<String>) -> Vec<(String, i64)> {
    let mut counts: HashMap<String, i64> = HashMap::new();
    for group in groups {
        let value = value(group).filter(|value| !value.is_empty()).unwrap_or_else(|| "not known".to_owned());
        *counts.entry(value).or_default() += group.n;
    }
    let mut counts: Vec<(String, i64)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    if counts.len() > TOP {
        let rest: i64 = counts.drain(TOP..).map(|(_, n)| n).sum();
        counts.push(("others".to_owned(), rest));
    }
    counts
}

/// What is typed by who means it: holding and releasing one device can be undone, so nothing.
fn confirm_word(plan: &Plan, devices: i64) -> String {
    match (plan.scope(), plan.act) {
        (RevocationScope::Certificate | RevocationScope::Device, RevocationAct::Hold | RevocationAct::Release) => {
            String::new()
        }
        (RevocationScope::Certificate, _) => match &plan.selection {
            Selection::Certificate { serial, .. } => serial.get(..8).unwrap_or(serial).to_owned(),
            other => other.subject(),
        },
        (RevocationScope::Selection, _) => devices.to_string(),
        _ => plan.selection.subject(),
    }
}

fn title(plan: &Plan, preview: &Preview) -> String {
    let name = &plan.name;
    let certificates = crate::import::counted(preview.certificates, "certificate");
    let devices = crate::import::counted(preview.devices, "device");
    let tokens = match preview.tokens {
        0 => String::new(),
        n => format!("; of these devices {n} have a token"),
    };
    let stations = match preview.stations {
        0 => String::new(),
        n => format!(", and {}", crate::import::counted(n, "station")),
    };
    format!("{} {name}: {certificates} of {devices}{tokens}{stations}", plan.act.label())
}
