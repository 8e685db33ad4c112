//! Claiming: whoever has a device's label says which client the device is for, once.
//!
//! Codes are derived from a secret, the device and how often its label was spoilt, so none is kept anywhere and labels can
//! be printed again. The secret is sealed like the keys of the authorities and kept in the database: every node that knows
//! the passphrase has it, and neither the database nor a backup of it tells a code.

mod labels;

pub use labels::{LABELS_MAX, Label, LabelState, Labels};

use crate::{
    Actor, Error, Fleet, Result,
    custody::{append_to, held},
    keys::told,
    throttle::{Block, Subjects},
};
use domain::{
    audit::Outcome,
    claim::{ClaimCode, Ownership},
    custody::{CustodianKind, Holder},
    device::{Device, Lifecycle, Trust},
    history::{Entry, Event},
    id::{DeviceId, HistoryId},
    person::Permission,
    time::SECOND,
};
use pki::Deriver;
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};

/// In whose name it is tried whether the secret can be opened.
const OPENER: Actor = Actor::Rule { name: "labels" };

/// A claim as a form gives it.
#[derive(Clone, Debug, Default, serde::Deserialize)]
pub struct ClaimForm {
    /// The device's serial.
    #[serde(default)]
    pub serial: String,
    /// The code on its label.
    #[serde(default)]
    pub code: String,
    /// The code of the client that it is for; empty for a new one.
    #[serde(default)]
    pub custodian: String,
    /// The name of a new client; empty for one that is known.
    #[serde(default)]
    pub new_client: String,
    /// Where exactly; may be empty.
    #[serde(default)]
    pub place: String,
}

/// A device that was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The entry in its history.
    pub entry: HistoryId,
    /// The client.
    pub client: Holder,
    /// Whether it has a token, which from now on counts for nothing but getting the next one.
    pub token_rotates: bool,
}

/// The opened secret of a process.
#[derive(Debug, Default)]
pub(crate) struct Codes(Mutex<Option<Arc<Deriver>>>);

impl Codes {
    fn known(&self) -> std::sync::MutexGuard<'_, Option<Arc<Deriver>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The client of a claim, before anything is written.
enum Client {
    Known(Holder),
    New(String),
}

fn no_passphrase() -> Error {
    Error::Conflict(
        "Claim codes are derived from a sealed secret, and the passphrase was not given. Start Muster with \
         --key-passphrase-file FILE, with MUSTER_KEY_PASSPHRASE set, or with the systemd credential \
         muster-key-passphrase."
            .to_owned(),
    )
}

/// The code of a device's label, after so many were spoilt.
fn code_of(deriver: &Deriver, device: DeviceId, generation: i64) -> ClaimCode {
    let subject = [device.0.as_bytes().as_slice(), &generation.to_be_bytes()].concat();
    ClaimCode::from_bits(deriver.bits(&subject))
}

/// Whether a device can be claimed at all; if not, why.
fn claimable(device: &Device, history: &[Entry]) -> Result<()> {
    let serial = &device.serial;
    if let Some(claim) = Ownership::after(history).claim {
        let client = claim.event.holder_after().map_or("a client", |client| client.name.as_str());
        return Err(Error::Conflict(format!(
            "{serial} was claimed on {} UTC for {client}, recorded by {}. Its label counts no more; whoever has it now gets it \
             by a transfer.",
            claim.at.minute_words(),
            claim.actor
        )));
    }
    if device.lifecycle == Lifecycle::Retired {
        return Err(Error::Conflict(format!("{serial} is retired: nobody can claim it any more.")));
    }
    if matches!(device.trust, Trust::Revoked | Trust::Quarantined) {
        return Err(Error::Conflict(format!(
            "{serial} is cut off, so nobody can claim it. Look at its page for the reason, and release it or enrol it first."
        )));
    }
    Ok(())
}

impl Fleet {
    /// Claims a device for a client by the code on its label. A device's token counts for nothing but getting the next one
    /// from then on. Wrong codes are counted, per device and per network address, and audited.
    ///
    /// # Errors
    /// When the actor may not, there is no such device, a field is wrong, the device was claimed before, is retired or cut
    /// off, the code is another, or [`Error::TooMany`] after too many wrong ones.
    pub async fn claim(&self, actor: &Actor, form: &ClaimForm) -> Result<Claimed> {
        let serial = form.serial.trim();
        let subject = format!("device:{serial}");
        self.authorise(actor, Permission::DeviceClaim, &subject).await?;
        if !form.new_client.trim().is_empty() {
            self.authorise(actor, Permission::CustodianManage, &subject).await?;
        }
        let device = self.device(actor, serial).await?;
        claimable(&device, &store::history::of_device(self.db(), device.id).await?)?;
        let (code, client) = self.read_claim(form).await?;
        let deriver = self.deriver(actor, Permission::DeviceClaim).await?;
        let subjects = Subjects::of_claim(serial, actor.address());
        self.refuse_blocked(&subjects).await?;
        let blocks = self.count_try(&subjects).await?;

        let mut deed = self.allow(actor, Permission::DeviceClaim, &subject).await?;
        let (before, history) = held(&mut deed, &device).await?;
        claimable(&before, &history)?;
        let generation = store::claim::generation_within(&mut deed.tx, before.id).await?;
        if !code_of(&deriver, before.id, generation).matches(&code) {
            drop(deed);
            self.note_wrong_code(actor, &subject, generation, &blocks).await?;
            return Err(wrong_code(generation));
        }
        let client = match client {
            Client::Known(holder) => holder,
            Client::New(name) => self.enter_client(&mut deed, &name).await.map_err(of_new_client)?.holder(),
        };
        let now = self.now();
        let entry = self.entry(actor, now, form.place.trim(), Event::Claimed { by: client.clone() });
        let id = entry.id;
        append_to(&mut deed, before, vec![entry]).await?;
        let token_rotates = store::device_token::only_rotates(&mut deed.tx, device.id, now).await?;
        subjects.forgive(&mut deed.tx, now).await?;
        deed.ring("device", serial).await?;
        let detail = json!({"client": client.name, "place": form.place.trim(), "token_rotates": token_rotates});
        deed.commit("device.claim", &subject, &detail).await?;
        Ok(Claimed { entry: id, client, token_rotates })
    }

    /// Spoils a device's label, because it was lost or seen: from now on another code counts, on a new label.
    ///
    /// # Errors
    /// When the actor may not, there is no such device, or it is claimed already.
    pub async fn spoil_label(&self, actor: &Actor, serial: &str) -> Result<()> {
        let subject = format!("device:{serial}");
        self.authorise(actor, Permission::CertificateEnrol, &subject).await?;
        let device = self.device(actor, serial).await?;
        let mut deed = self.allow(actor, Permission::CertificateEnrol, &subject).await?;
        let (before, history) = held(&mut deed, &device).await?;
        claimable(&before, &history)?;
        store::claim::next_generation(&mut deed.tx, before.id).await?;
        deed.ring("device", serial).await?;
        deed.commit("label.spoil", &subject, &serde_json::Value::Null).await
    }

    /// How often a device's label was spoilt.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn labels_spoilt(&self, actor: &Actor, device: DeviceId) -> Result<i64> {
        actor.require(Permission::FleetRead)?;
        Ok(store::claim::generation(self.db(), device).await?)
    }

    async fn read_claim(&self, form: &ClaimForm) -> Result<(ClaimCode, Client)> {
        let mut wrong = Vec::new();
        let mut say = |field: &str, message: String| {
            wrong.push(crate::FieldError { field: field.to_owned(), message });
        };
        let code = ClaimCode::parse(&form.code).map_err(|error| say("code", error.to_string())).ok();
        let (custodian, new) = (form.custodian.trim(), form.new_client.trim());
        let client = match (custodian.is_empty(), new.is_empty()) {
            (true, true) => Err(("custodian", "Choose the client that it is for.")),
            (false, false) => Err(("new_client", "Choose a client, or name a new one, not both.")),
            (true, false) => Ok(Client::New(new.to_owned())),
            (false, true) => {
                let all = store::custodian::all(self.db()).await?;
                let is_it =
                    |one: &domain::custody::Custodian| one.code == custodian && one.kind == CustodianKind::Client;
                let found = all.into_iter().find(is_it).map(|one| Client::Known(one.holder()));
                found.ok_or(("custodian", "Choose a client from the list."))
            }
        };
        let client = client.map_err(|(field, message)| say(field, message.to_owned())).ok();
        if form.place.chars().count() > 200 {
            say("place", "Keep it under 200 characters.".to_owned());
        }
        match (code, client) {
            (Some(code), Some(client)) if wrong.is_empty() => Ok((code, client)),
            _ => Err(Error::Invalid { fields: wrong }),
        }
    }

    async fn note_wrong_code(&self, actor: &Actor, subject: &str, spoilt: i64, blocks: &[Block]) -> Result<()> {
        let detail = json!({"why": "wrong code", "labels_spoilt": spoilt}).to_string();
        self.audit_alone(actor, "device.claim", subject, Outcome::Failed, &detail).await?;
        for block in blocks {
            let detail = json!({"seconds": block.span / SECOND}).to_string();
            self.audit_alone(actor, "device.claim_block", &block.subject, Outcome::Denied, &detail).await?;
        }
        Ok(())
    }

    /// What derives the codes, opened once in a process and made when there is none.
    pub(crate) async fn deriver(&self, actor: &Actor, permission: Permission) -> Result<Arc<Deriver>> {
        if let Some(known) = self.inner.claims.known().clone() {
            return Ok(known);
        }
        let passphrase = self.keys().passphrase.ok_or_else(no_passphrase)?;
        let sealed = match store::claim::secret(self.db()).await? {
            Some(sealed) => sealed,
            None => self.make_secret(actor, permission, passphrase.clone()).await?,
        };
        let opened = tokio::task::spawn_blocking(move || Deriver::open(&sealed, &passphrase));
        let opened = Arc::new(opened.await.map_err(Error::internal)?.map_err(told)?);
        *self.inner.claims.known() = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// Makes sure that what was sealed for labels and webhooks can be opened here, if anything was.
    ///
    /// # Errors
    /// When the passphrase is missing or another one.
    pub async fn can_derive(&self) -> Result<()> {
        if store::claim::secret(self.db()).await?.is_some() {
            self.deriver(&OPENER, Permission::SettingManage).await?;
        }
        Ok(())
    }

    async fn make_secret(&self, actor: &Actor, permission: Permission, with: pki::Passphrase) -> Result<String> {
        let made = tokio::task::spawn_blocking(move || Deriver::sealed(&with));
        let made = made.await.map_err(Error::internal)?.map_err(told)?;
        let mut deed = self.allow(actor, permission, "labels").await?;
        store::claim::keep_secret(&mut deed.tx, &made).await?;
        deed.commit("claim.secret", "labels", &serde_json::Value::Null).await?;
        // Another node may have been first.
        Ok(store::claim::secret(self.db()).await?.unwrap_or(made))
    }
}

fn wrong_code(spoilt: i64) -> Error {
    let older =
        if spoilt > 0 { " It has had another label before, which counts no more: look for a newer one." } else { "" };
    Error::field("code", format!("This is not the code of this device's label.{older}"))
}

/// What is wrong with a new client's name, at the field where it was typed.
fn of_new_client(error: Error) -> Error {
    let Error::Invalid { mut fields } = error else { return error };
    for field in &mut fields {
        "new_client".clone_into(&mut field.field);
    }
    Error::Invalid { fields }
}
