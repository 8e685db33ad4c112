//! Asking for an authority. A second person approves exactly what is asked for.

use crate::{Actor, Error, FieldError, Fleet, Result, approval, keys, people::checked_name, setting::Settings};
use domain::{
    approval::ApprovalKind,
    authority::{Authority, AuthorityKind, AuthorityState},
    batch::Batch,
    certificate::batch_dns_name,
    custody::{Custodian, slug},
    id::{ApprovalId, AuthorityId},
    person::Permission,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use store::StoreError;
use uuid::Uuid;

/// The longest life of an authority's certificate, in days.
const LONGEST_DAYS: i64 = 10_950;

/// An authority to be asked for, as a form gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuthorityForm {
    /// The kind's word: `factory`, `batch`, `operations`.
    pub kind: String,
    /// Its name; empty for one that says what it is for.
    pub name: String,
    /// The factory's code, for a factory CA.
    pub factory: String,
    /// The batch's code, for a batch CA.
    pub batch: String,
    /// For how many devices it may sign; none for what was agreed for the batch.
    pub quota: Option<i64>,
    /// How long its certificate is to hold, in days; none for what is usual.
    pub days: Option<i64>,
    /// For a batch CA: whether the factory gets the key, to sign without a connection.
    pub delegated: bool,
    /// Where the key is: empty for a sealed file, or `pkcs11:…` (RFC 7512) for one that is in a token already.
    pub key_location: String,
}

/// What an authority is for.
pub(super) struct Purpose {
    pub(super) kind: AuthorityKind,
    pub(super) factory: Option<Custodian>,
    pub(super) batch: Option<Batch>,
}

/// What an authority is made from, read at one moment.
pub(super) struct Basis {
    pub(super) purpose: Purpose,
    /// What signs it, if that is here.
    pub(super) parent: Option<Authority>,
    pub(super) settings: Settings,
}

impl Fleet {
    /// Asks for an authority: once somebody else has approved it, it is made.
    ///
    /// # Errors
    /// When the actor may not, a field is wrong, or there is such an authority already.
    pub async fn request_authority(&self, actor: &Actor, form: &AuthorityForm) -> Result<ApprovalId> {
        self.authorise(actor, Permission::AuthorityRequest, "authority").await?;
        let (purpose, settings) = (self.purpose_of(form).await?, self.load_settings().await?);
        let all = store::authority::all(self.db()).await?;
        let authority = self.asked_for(actor, form, &purpose, &all)?;
        check_place(&all, &authority, &purpose)?;
        let subject = format!("authority:{}", authority.id);
        let title = title_of(&authority, &purpose);
        let basis = Basis { parent: parent_of(&all, &authority).cloned(), purpose, settings };
        let detail = basis.detail(&authority);
        let mut deed = self.allow(actor, Permission::AuthorityRequest, &subject).await?;
        match store::authority::insert(&mut deed.tx, &authority).await {
            Err(StoreError::Exists) => {
                let message =
                    format!("There is an authority with a name like “{}”; choose another one.", authority.name);
                return Err(Error::field("name", message));
            }
            other => other?,
        }
        let id = approval::open(&mut deed, ApprovalKind::AuthorityCreate, &subject, &title, &detail).await?;
        deed.ring("authority", &authority.id.to_string()).await?;
        deed.commit("authority.request", &subject, &detail).await?;
        Ok(id)
    }

    /// What an authority that was asked for would be made from now.
    pub(super) async fn basis_of(&self, authority: &Authority) -> Result<Basis> {
        let (settings, catalogue) = (self.load_settings().await?, self.load_catalogue().await?);
        let all = store::authority::all(self.db()).await?;
        let batch = catalogue.batches.iter().find(|batch| Some(batch.id) == authority.batch_id).cloned();
        let factory = authority.factory_id.and_then(|id| catalogue.custodian(id)).cloned();
        let purpose = Purpose { kind: authority.kind, factory, batch };
        Ok(Basis { parent: parent_of(&all, authority).cloned(), purpose, settings })
    }

    async fn purpose_of(&self, form: &AuthorityForm) -> Result<Purpose> {
        let catalogue = self.load_catalogue().await?;
        let kind = form.kind.parse().ok().filter(|kind| *kind != AuthorityKind::Root);
        let kind = kind.ok_or_else(|| {
            Error::field(
                "kind",
                "Choose a factory, batch or operations CA. A root is made in a ceremony and brought in.",
            )
        })?;
        let (factory, batch) = match kind {
            AuthorityKind::Factory => (Some(catalogue.factory(&form.factory)?.clone()), None),
            AuthorityKind::Batch => {
                let batch = catalogue.batch_named(&form.batch)?;
                (catalogue.custodian(batch.factory_id).cloned(), Some(batch.clone()))
            }
            _ => (None, None),
        };
        Ok(Purpose { kind, factory, batch })
    }

    fn asked_for(
        &self,
        actor: &Actor,
        form: &AuthorityForm,
        purpose: &Purpose,
        all: &[Authority],
    ) -> Result<Authority> {
        let mut wrong = Vec::new();
        let mut say = |field: &str, message: String| wrong.push(FieldError { field: field.to_owned(), message });
        let delegated = form.delegated && purpose.kind == AuthorityKind::Batch;
        let days = form.days.unwrap_or(match purpose.kind {
            AuthorityKind::Batch if delegated => 30,
            AuthorityKind::Batch | AuthorityKind::Operations => 3_650,
            _ => 5_475,
        });
        let longest = if delegated { 365 } else { LONGEST_DAYS };
        if !(1..=longest).contains(&days) {
            say("days", format!("Give a number of days from 1 to {longest}."));
        }
        let agreed = purpose.batch.as_ref().and_then(|batch| batch.quota);
        let quota = if purpose.kind == AuthorityKind::Batch { form.quota.or(agreed) } else { None };
        if quota.is_some_and(|quota| !(1..=100_000_000).contains(&quota)) {
            say("quota", "Give a number of devices from 1 to 100,000,000.".to_owned());
        }
        if delegated && quota.is_none() {
            say("quota", "Say for how many devices the factory may sign.".to_owned());
        }
        let location = form.key_location.trim();
        if !location.is_empty() && !keys::is_token(location) {
            say("key_location", "Leave this empty for a sealed file, or give a token's pkcs11: address.".to_owned());
        }
        if location.contains("pin-value=") {
            // What is kept with an authority is shown to whoever approves it, and stands in the audit log.
            say(
                "key_location",
                "Leave the PIN out of the address: put it into a file, and name that by pin-source=.".into(),
            );
        }
        let has_it = |other: &&Authority| other.key_location == location && other.state != AuthorityState::Rejected;
        if let Some(other) = all.iter().find(has_it).filter(|_| !location.is_empty()) {
            say("key_location", format!("This is the key of “{}”. Every authority needs one of its own.", other.name));
        }
        if delegated && !location.is_empty() {
            say(
                "key_location",
                "The key of a delegated CA goes to the factory, so it can't be in a token here.".into(),
            );
        }
        let name = if form.name.trim().is_empty() {
            Ok(usual_name(purpose, self.now(), all))
        } else {
            checked_name(&form.name)
        };
        let name = match name {
            Ok(name) if name.chars().count() <= 64 && !slug(&name).is_empty() => name,
            _ => {
                say(
                    "name",
                    "Give a name of at most 64 characters, with letters of the Latin alphabet or digits.".into(),
                );
                String::new()
            }
        };
        if !wrong.is_empty() {
            return Err(Error::Invalid { fields: wrong });
        }
        let now = self.now();
        Ok(Authority {
            id: AuthorityId(Uuid::now_v7()),
            kind: purpose.kind,
            slug: slug(&name),
            name,
            parent_id: None,
            factory_id: purpose.factory.as_ref().map(|factory| factory.id),
            batch_id: purpose.batch.as_ref().map(|batch| batch.id),
            state: AuthorityState::Requested,
            key_location: location.to_owned(),
            serial: String::new(),
            key_id: String::new(),
            not_before: None,
            not_after: None,
            quota,
            issued: 0,
            days,
            delegated,
            requested_by: actor.name().to_owned(),
            created_at: now,
            activated_at: None,
            state_at: now,
        })
    }
}

impl Basis {
    /// All that a second person must see.
    pub(super) fn detail(&self, authority: &Authority) -> Value {
        detail_of(authority, &self.purpose, self.parent.as_ref().map(|parent| parent.name.as_str()), &self.settings)
    }
}

/// In what two details differ.
pub(super) fn differing(shown: &Value, now: &Value) -> Vec<String> {
    let keys = |value: &Value| value.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
    let (shown_keys, now_keys): (BTreeSet<String>, BTreeSet<String>) = (keys(shown), keys(now));
    let differs = |key: &&String| shown.get(key.as_str()) != now.get(key.as_str());
    shown_keys.union(&now_keys).filter(differs).map(|key| key.replace('_', " ")).collect()
}

/// The name of an authority that was given none; with a number when there was one like it before.
fn usual_name(purpose: &Purpose, now: domain::time::Timestamp, all: &[Authority]) -> String {
    let name = match (purpose.kind, &purpose.factory, &purpose.batch) {
        (AuthorityKind::Factory, Some(factory), _) => format!("Factory CA {}", factory.name),
        (AuthorityKind::Batch, _, Some(batch)) => format!("Batch CA {}", batch.code),
        (kind, ..) => format!("{} {}", kind.label(), now.to_utc().format("%Y")),
    };
    // What fits in a certificate, with room for a number.
    let name = name.chars().take(58).collect::<String>().trim().to_owned();
    let is_free = |name: &String| !all.iter().any(|other| other.name == *name || other.slug == slug(name));
    let numbered = (2..).map(|n| format!("{name} {n}"));
    std::iter::once(name.clone()).chain(numbered).find(is_free).unwrap_or(name)
}

/// Whether there is room for it: something to sign it, and nobody asked for the same already.
fn check_place(all: &[Authority], new: &Authority, purpose: &Purpose) -> Result<()> {
    let waits = |other: &&Authority| {
        matches!(other.state, AuthorityState::Requested | AuthorityState::AwaitingCertificate)
            && super::is_succeeded_by(other, new)
    };
    if let Some(other) = all.iter().find(waits) {
        let state = other.state.label().to_lowercase();
        return Err(Error::Conflict(format!("“{}” was asked for already and {state}.", other.name)));
    }
    if purpose.kind == AuthorityKind::Batch && parent_of(all, new).is_none() {
        let factory = purpose.factory.as_ref().map_or("The batch's factory", |factory| factory.name.as_str());
        return Err(Error::field("batch", format!("{factory} has no active CA. Request a factory CA first.")));
    }
    Ok(())
}

/// What signs a batch CA: the active CA of its factory.
pub(super) fn parent_of<'a>(all: &'a [Authority], authority: &Authority) -> Option<&'a Authority> {
    if authority.kind != AuthorityKind::Batch {
        return None;
    }
    let is_parent = |other: &&Authority| {
        other.kind == AuthorityKind::Factory
            && other.factory_id == authority.factory_id
            && other.state == AuthorityState::Active
    };
    all.iter().rev().find(is_parent)
}

fn title_of(authority: &Authority, purpose: &Purpose) -> String {
    let name = &authority.name;
    match (&purpose.batch, &purpose.factory) {
        (Some(batch), Some(factory)) if authority.delegated => {
            format!("Let {} sign for batch {} itself: {name}", factory.name, batch.code)
        }
        (Some(batch), _) => format!("Make the CA of batch {}: {name}", batch.code),
        (None, Some(factory)) => format!("Make the CA of {}: {name}", factory.name),
        _ => format!("Make an operations CA: {name}"),
    }
}

fn detail_of(authority: &Authority, purpose: &Purpose, parent: Option<&str>, settings: &Settings) -> Value {
    let factory = purpose.factory.as_ref();
    let names = purpose.batch.as_ref().map(|batch| batch_dns_name(&batch.code, &settings.domain));
    let mut detail = json!({
        "kind": authority.kind,
        "name": authority.name,
        "slug": authority.slug,
        "factory": factory.map(|factory| json!({"code": factory.code, "name": factory.name})),
        "batch": purpose.batch.as_ref().map(|batch| batch.code.as_str()),
        "signed_by": parent.unwrap_or("the root, in a ceremony"),
        "quota": authority.quota,
        "days": authority.days,
        "delegated": authority.delegated,
        "key": if authority.key_location.is_empty() { "a sealed file" } else { authority.key_location.as_str() },
        "permitted_names": names,
        "path_length": authority.kind.path_length(),
        "requested_by": authority.requested_by,
    });
    if let Some(fields) = detail.as_object_mut().filter(|_| authority.delegated) {
        fields.insert("until_renewed".to_owned(), json!(devices_end_with_it(authority.days)));
    }
    detail
}

/// What whoever lets a factory sign by itself has to know: the days are those of its devices as well.
fn devices_end_with_it(days: i64) -> String {
    format!(
        "Within {}, each device that the factory signs has to connect and renew its certificate. Its certificate ends with \
         this CA; a device that was under way for longer is refused and can't renew any more.",
        crate::import::counted(days, "day")
    )
}
