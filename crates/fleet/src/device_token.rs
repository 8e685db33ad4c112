//! Tokens of devices that are too small for a certificate: the weaker trust. Only the hash is kept.

use crate::{
    Actor, Error, Fleet, Origin, Result,
    finding::{self, Found},
    secret, throttle,
    trust::Verdict,
};
use domain::{
    authority::FindingKind,
    device::{Lifecycle, Trust},
    id::{BatchId, CustodianId, DeviceId},
    person::Permission,
    time::{DAY, MINUTE, Timestamp},
};
use serde_json::json;
use store::device_token::{Next, Owner};
use tokio::sync::Semaphore;

pub use store::device_token::DeviceToken;

/// What every device's token begins with.
const PREFIX: &str = "musterd_";
/// How stale "last used" may be.
const USED_EVERY: i64 = MINUTE;

/// Who came with a token, and what it is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHolder {
    /// The device.
    pub actor: Actor,
    /// Whether the token counts for nothing but getting the next one: the device was claimed, and earlier holders may
    /// know it.
    pub only_rotates: bool,
    /// Whether the device is quarantined or on hold, and may do only what its repair needs.
    pub is_held: bool,
}

/// In whose name refusals are noted.
const GATEWAY: Actor = Actor::Rule { name: "gateway" };

/// One note of use at a time.
static NOTING: Semaphore = Semaphore::const_new(1);

impl Fleet {
    /// Gives a device a token, shown this once. The one before works no more.
    ///
    /// # Errors
    /// When the actor may not, there is no such device, or its certificate was revoked.
    pub async fn set_device_token(&self, actor: &Actor, serial: &str) -> Result<String> {
        let subject = format!("device:{serial}");
        self.authorise(actor, Permission::CertificateEnrol, &subject).await?;
        if matches!(actor, Actor::Station { .. }) {
            return Err(Error::Conflict(
                "A factory station enrols by certificates; tokens are given by people.".into(),
            ));
        }
        let device = store::device::by_serial(self.db(), serial).await?;
        let device = device.ok_or_else(|| Error::not_found("device", serial))?;
        if matches!(device.trust, Trust::Revoked | Trust::Quarantined) {
            let why = "This device is cut off. Release it, or enrol it with a new certificate, before it gets a token.";
            return Err(Error::Conflict(why.to_owned()));
        }
        let token = format!("{PREFIX}{}", secret::fresh()?);
        let mut deed = self.allow(actor, Permission::CertificateEnrol, &subject).await?;
        store::device_token::put(&mut deed.tx, device.id, &secret::hash(&token), self.now()).await?;
        deed.ring("device", serial).await?;
        deed.commit("device_token.set", &subject, &serde_json::Value::Null).await?;
        Ok(token)
    }

    /// Takes a device's token away.
    ///
    /// # Errors
    /// When the actor may not, there is no such device, or it has none.
    pub async fn remove_device_token(&self, actor: &Actor, serial: &str) -> Result<()> {
        let subject = format!("device:{serial}");
        self.authorise(actor, Permission::CertificateHold, &subject).await?;
        let device = store::device::by_serial(self.db(), serial).await?;
        let device = device.ok_or_else(|| Error::not_found("device", serial))?;
        let mut deed = self.allow(actor, Permission::CertificateHold, &subject).await?;
        if !store::device_token::remove(&mut deed.tx, device.id).await? {
            return Err(Error::Conflict("This device has no token.".to_owned()));
        }
        deed.ring("device", serial).await?;
        deed.commit("device_token.remove", &subject, &json!(null)).await
    }

    /// Gives a device that came with its token the next one. The present one counts until the next is first used, so an
    /// answer that is lost locks nobody out. Who asks from another network while a next one is not used gets none for a
    /// day: one of the two is not the device, and that is noted. What devices do is not audited.
    ///
    /// # Errors
    /// When the actor is no device, is held or cut off, itself or by its batch or its factory, has no token, or another has
    /// asked first.
    pub async fn rotate_device_token(&self, actor: &Actor) -> Result<String> {
        let Actor::Device { id, serial, origin } = actor else {
            return Err(Error::Conflict("Only a device that came with its token gets the next one.".to_owned()));
        };
        let token = format!("{PREFIX}{}", secret::fresh()?);
        let (now, hash, from) = (self.now(), secret::hash(&token), throttle::neighbourhood(&origin.address));
        let next = Next { hash: &hash, at: now, from: &from, stays_since: now.plus(-DAY) };
        self.know_trust().await?;
        let mut deed = self.deed_of_device(actor).await?;
        let device = store::device::lock(&mut deed.tx, *id).await?;
        let device = device.ok_or_else(|| Error::not_found("device", serial))?;
        let of = (device.batch_id, device.factory_id);
        if self.verdict_without_certificate(device.trust, device.lifecycle, of) != Verdict::Good {
            let why = "This device is on hold, quarantined or cut off: its token is not exchanged.";
            return Err(Error::Conflict(why.to_owned()));
        }
        if !store::device_token::put_next(&mut deed.tx, *id, &next).await? {
            drop(deed);
            if store::device_token::of_device(self.db(), *id).await?.is_none() {
                return Err(Error::Conflict("This device has no token.".to_owned()));
            }
            let words = format!(
                "Two ask for the next token of {serial}: one asked and has not used it yet, then another from {}. Make a \
                 new token for the device.",
                origin.address
            );
            self.note_shared(*id, serial, None, words, &origin.address).await?;
            return Err(Error::Conflict(
                "Somebody at another address has asked for this device's next token and not used it yet. Ask again in a \
                 day, or let whoever manages the fleet make a new one."
                    .to_owned(),
            ));
        }
        deed.ring("device", serial).await?;
        deed.commit_as_history().await?;
        Ok(token)
    }

    /// Notes that two have a device's token, once in a minute for each device.
    async fn note_shared(
        &self,
        device: DeviceId,
        serial: &str,
        batch: Option<BatchId>,
        words: String,
        address: &str,
    ) -> Result<()> {
        if !self.within_a_minute(format!("shared-token:{serial}"), Permission::CertificateEnrol, 1) {
            return Ok(());
        }
        let now = self.now();
        let mut deed = self.allow(&GATEWAY, Permission::CertificateHold, serial).await?;
        // First, as every deed does that goes on to what hangs on a device.
        store::device::lock(&mut deed.tx, device).await?;
        if !store::device_token::shared(&mut deed.tx, device, now).await? {
            return Ok(());
        }
        let found = Found {
            kind: FindingKind::CloneSuspected,
            about: &format!("{serial}:token"),
            batch,
            authority: None,
            device: Some(device),
            words,
            detail: json!({"serial": serial, "address": address}),
        };
        finding::note(&mut deed.tx, &found, now).await?;
        deed.ring("finding", FindingKind::CloneSuspected.as_str()).await?;
        deed.ring("device", serial).await?;
        deed.commit_as_history().await
    }

    /// Notes that the token before the present one came again: the device has lost the next one, or another has it.
    async fn note_former(&self, token: &str, address: &str) -> Result<()> {
        let Some(former) = store::device_token::by_previous(self.db(), &secret::hash(token)).await? else {
            return Ok(());
        };
        let words = format!(
            "The token that {} had until {} UTC came again from {address}, after the next one was used: the device has lost \
             that, or two have its token. Make a new one for the device.",
            former.serial,
            Timestamp(former.made_at).minute_words()
        );
        let batch = Some(BatchId(former.batch_id));
        self.note_shared(DeviceId(former.device_id), &former.serial, batch, words, address).await
    }

    /// Lets the next token take the present one's place, at its first use, unless its device was put on hold or cut off
    /// since it was looked up. How the device stands.
    async fn take_next(&self, owner: &Owner, token: &str) -> Result<Verdict> {
        let mut tx = self.db().begin().await?;
        let device = store::device::lock(&mut tx, DeviceId(owner.device_id)).await?;
        let device = device.ok_or_else(|| Error::not_found("device", &owner.serial))?;
        // What cuts off its batch or its factory is in memory before that is answered.
        let of = (device.batch_id, device.factory_id);
        let verdict = self.verdict_without_certificate(device.trust, device.lifecycle, of);
        if verdict == Verdict::Good {
            store::device_token::take_next(&mut tx, device.id, &secret::hash(token)).await?;
            tx.commit().await?;
        }
        Ok(verdict)
    }

    /// A device's token, without its secret.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn device_token(&self, actor: &Actor, device: DeviceId) -> Result<Option<DeviceToken>> {
        actor.require(Permission::FleetRead)?;
        Ok(store::device_token::of_device(self.db(), device).await?)
    }

    /// The device behind a token that counts for everything; see [`Fleet::token_holder`].
    ///
    /// # Errors
    /// [`Error::TooMany`] when an address tried too often, or the database fails.
    pub async fn device_by_token(&self, token: &str, address: &str) -> Result<Option<Actor>> {
        let holder = self.token_holder(token, address).await?;
        Ok(holder.filter(|holder| !holder.only_rotates && !holder.is_held).map(|holder| holder.actor))
    }

    /// Who came with a token; none when it is unknown, the device is revoked or retired, or its batch or its factory is
    /// revoked. That one came that is on hold is noted. Wrong tokens from one address are limited, right ones are not:
    /// many devices may be behind one.
    ///
    /// # Errors
    /// [`Error::TooMany`] when an address tried too often, or the database fails.
    pub async fn token_holder(&self, token: &str, address: &str) -> Result<Option<TokenHolder>> {
        let can_be = token.len() == PREFIX.len() + secret::LENGTH && token.starts_with(PREFIX);
        let found = if can_be { store::device_token::by_hash(self.db(), &secret::hash(token)).await? } else { None };
        let Some(owner) = found else {
            let subjects = throttle::Subjects::of_device_token(address);
            self.refuse_blocked(&subjects).await?;
            self.count_try(&subjects).await?;
            if can_be {
                self.note_former(token, address).await?;
            }
            return Ok(None);
        };
        let mut verdict = self.verdict_of_token(&owner).await?;
        // A hold often means that somebody else may have the token: nothing is exchanged until it ends.
        if owner.is_next == 1 && verdict == Verdict::Good {
            verdict = self.take_next(&owner, token).await?;
        }
        if !matches!(verdict, Verdict::Good | Verdict::Held) {
            return Ok(None);
        }
        let is_held = verdict == Verdict::Held;
        if is_held {
            self.note_limited_token(&owner, address).await?;
        }
        let id = DeviceId(owner.device_id);
        self.note_token_use(id, Timestamp(owner.last_used_at));
        let origin = Origin { address: address.to_owned() };
        let actor = Actor::Device { id, serial: owner.serial, origin };
        Ok(Some(TokenHolder { actor, only_rotates: owner.only_rotates != 0, is_held }))
    }

    async fn verdict_of_token(&self, owner: &Owner) -> Result<Verdict> {
        let trust: Trust = owner.trust.parse().map_err(Error::internal)?;
        let lifecycle: Lifecycle = owner.lifecycle.parse().map_err(Error::internal)?;
        self.know_trust().await?;
        let of = (BatchId(owner.batch_id), CustodianId(owner.factory_id));
        Ok(self.verdict_without_certificate(trust, lifecycle, of))
    }

    /// Loads what is trusted, if this process has not done so yet.
    async fn know_trust(&self) -> Result<()> {
        if self.trust().generation() == 0 {
            self.load_trust().await?;
        }
        Ok(())
    }

    /// A token is no certificate that an authority's cut would refuse, so what cuts off the device's batch or factory is
    /// asked for here.
    fn verdict_without_certificate(
        &self,
        trust: Trust,
        lifecycle: Lifecycle,
        (batch, factory): (BatchId, CustodianId),
    ) -> Verdict {
        if trust == Trust::Revoked || lifecycle == Lifecycle::Retired {
            return Verdict::Revoked;
        }
        let of_batch = self.trust().verdict_of_batch(batch, factory);
        if trust == Trust::Quarantined && of_batch == Verdict::Good { Verdict::Held } else { of_batch }
    }

    /// Whether a token that lets nobody in is a real one, of a device that is cut off or retired. That the device came back
    /// is noted. Such tokens are limited like wrong ones.
    ///
    /// # Errors
    /// [`Error::TooMany`] when an address tried too often, or the database fails.
    pub async fn is_cut_off_token(&self, token: &str, address: &str) -> Result<bool> {
        let found = store::device_token::by_hash(self.db(), &secret::hash(token)).await?;
        let Some(owner) = found else { return Ok(false) };
        self.note_limited_token(&owner, address).await?;
        let subjects = throttle::Subjects::of_device_token(address);
        self.refuse_blocked(&subjects).await?;
        self.count_try(&subjects).await?;
        Ok(true)
    }

    /// Notes that a device came back after what cuts it off: itself by one of its certificates, or its batch or factory.
    async fn note_limited_token(&self, owner: &Owner, address: &str) -> Result<()> {
        let trust = self.trust();
        for certificate in store::certificate::of_device(self.db(), &owner.serial).await?.into_iter().rev() {
            if trust.mark(certificate.authority_id, &certificate.serial).is_some() {
                self.refused(&GATEWAY, certificate.authority_id, &certificate.serial, address);
                return Ok(());
            }
        }
        if let Some((authority, mark)) = trust.cut_of_batch(BatchId(owner.batch_id), CustodianId(owner.factory_id)) {
            self.refused_by_token(mark, authority, &owner.serial, address);
        }
        Ok(())
    }

    /// Notes the use beside the request, which must not wait for a writer. Whoever comes next notes it otherwise.
    fn note_token_use(&self, device: DeviceId, last: Timestamp) {
        let now = self.now();
        if now.0 - last.0 < USED_EVERY {
            return;
        }
        let Ok(permit) = NOTING.try_acquire() else { return };
        let db = self.db().clone();
        tokio::spawn(async move {
            let _permit = permit;
            let noted = async {
                let mut tx = db.begin().await?;
                store::device_token::used(&mut tx, device, now).await?;
                tx.commit().await
            };
            if let Err(error) = noted.await {
                tracing::debug!(%error, "the use of a device's token was not noted");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::testing::{self, RULE};
    use domain::history::Event;

    #[tokio::test]
    async fn a_device_that_was_quarantined_since_its_token_was_looked_up_exchanges_nothing() {
        for fixture in store::testing::both().await.unwrap() {
            let fleet = testing::fleet(&fixture).await;
            let first = fleet.set_device_token(&RULE, "GW-0").await.unwrap();
            let device = fleet.token_holder(&first, "192.0.2.1").await.unwrap().unwrap().actor;
            let next = fleet.rotate_device_token(&device).await.unwrap();
            let look =
                async |token: &str| store::device_token::by_hash(fleet.db(), &secret::hash(token)).await.unwrap();
            let owner = look(&next).await.unwrap();
            assert_eq!(fleet.verdict_of_token(&owner).await.unwrap(), Verdict::Good);
            let quarantined = Event::Quarantined { reason: "looked into".into() };
            fleet.device_did(&RULE, "GW-0", quarantined).await.unwrap();
            assert_eq!(fleet.take_next(&owner, &next).await.unwrap(), Verdict::Held, "{}", fixture.name);
            assert_eq!(look(&first).await.unwrap().is_next, 0, "{}: the first is the present one", fixture.name);
            assert_eq!(look(&next).await.unwrap().is_next, 1, "{}: and this waits", fixture.name);
            fleet.release_quarantine(&RULE, "GW-0", "it is well").await.unwrap();
            assert_eq!(fleet.take_next(&owner, &next).await.unwrap(), Verdict::Good);
            assert_eq!((look(&first).await, look(&next).await.unwrap().is_next), (None, 0), "{}", fixture.name);
        }
    }
}
