//! After a restore of an older backup: what had been revoked since stays revoked.
//!
//! The data folder keeps the latest CRL of each authority. When it is later than the latest in the database, the
//! database was restored from an older backup, and what that CRL lists and the database does not know is cut off again.

use crate::{Actor, Error, Fleet, Result, authority::BACKDATED, trust::AuthorityTrust};
use domain::{
    certificate::RevocationReason,
    id::{AuthorityId, RevocationId},
    person::Permission,
    revocation::{RevocationAct, RevocationScope, RevocationState},
    time::Timestamp,
};
use pki::{CrlFacts, RevokedEntry};
use serde_json::json;
use store::{
    revocation::Revocation,
    revoked::{
        Revoked,
        cut::{self, Cut},
    },
};
use uuid::Uuid;

const RULE: Actor = Actor::Rule { name: "restore" };
const WHY: &str = "The database was restored from an older backup. This had been revoked since, as the CRL says that was \
                   published then.";

impl Fleet {
    pub(super) async fn make_good_what_was_restored(&self) -> Result<()> {
        let mut ids: Vec<AuthorityId> = self.trust().authorities().map(AuthorityTrust::id).collect();
        // Those above come first: what they cut off is not cut off one by one below.
        ids.sort_unstable();
        for id in ids {
            let trust = self.trust();
            let Some(authority) = trust.authority(id) else { continue };
            if let Some(facts) = self.lost_crl(authority).await? {
                self.cut_off_again(authority, &facts).await?;
                self.refresh_trust().await?;
            }
        }
        Ok(())
    }

    /// The CRL that the folder has and the database has lost.
    async fn lost_crl(&self, authority: &AuthorityTrust) -> Result<Option<CrlFacts>> {
        let Some(der) = self.kept_crl(authority.slug()).await? else { return Ok(None) };
        let facts = match pki::verify_crl(&der, authority.certificate()) {
            Ok(facts) => facts,
            Err(error) => {
                tracing::warn!(%error, authority = authority.slug(), "the CRL in the data folder is not of this authority");
                return Ok(None);
            }
        };
        let last = store::crl::latest(self.db(), authority.id()).await?.map_or(0, |latest| latest.number);
        Ok((i64::try_from(facts.number).unwrap_or(i64::MAX) > last).then_some(facts))
    }

    async fn cut_off_again(&self, authority: &AuthorityTrust, facts: &CrlFacts) -> Result<()> {
        let mut lost = Vec::new();
        for entry in &facts.entries {
            let serial = entry.serial.hex();
            let own = store::revoked::one(self.db(), authority.id(), &serial).await?;
            let own = own.map(|own| crate::trust::is_hold(own.reason));
            let is_held = own.or_else(|| authority.mark(entry.serial).map(|mark| mark.is_hold()));
            let is_lost = match is_held {
                // It says that it was made a little earlier than it was.
                None => {
                    let made = facts.this_update.plus(BACKDATED);
                    !store::revoked::lifted_since(self.db(), authority.id(), &serial, made).await?
                }
                // A hold that became a revocation after the backup was made.
                Some(is_held) => is_held && entry.reason != RevocationReason::CertificateHold.code(),
            };
            if is_lost {
                lost.push(entry);
            }
        }
        let hold = RevocationReason::CertificateHold.code();
        let (held, revoked): (Vec<&RevokedEntry>, Vec<&RevokedEntry>) =
            lost.iter().copied().partition(|entry| entry.reason == hold);
        for (act, entries) in [(RevocationAct::Hold, held), (RevocationAct::Revoke, revoked)] {
            if !entries.is_empty() {
                self.enter_again(authority, act, &entries, facts.number).await?;
            }
        }
        Ok(())
    }

    async fn enter_again(
        &self,
        authority: &AuthorityTrust,
        act: RevocationAct,
        entries: &[&RevokedEntry],
        number: u64,
    ) -> Result<()> {
        let now = self.now();
        let id = RevocationId(Uuid::now_v7());
        let subject = format!("authority:{}", authority.slug());
        tracing::warn!(authority = authority.slug(), entries = entries.len(), "revoked again what a restore had lost");
        let rows: Vec<Revoked> = entries.iter().map(|entry| row(authority.id(), id, entry)).collect();
        let record = Revocation {
            id,
            scope: RevocationScope::Certificate,
            act,
            subject: format!("{}, CRL {number}", authority.slug()),
            query: String::new(),
            reason: RevocationReason::Unspecified.as_str().to_owned(),
            note: WHY.to_owned(),
            preview: json!({"certificates": rows.len()}).to_string(),
            preview_hash: String::new(),
            state: RevocationState::Effective,
            requested_by: RULE.name().to_owned(),
            requested_at: now,
            approved_by: None,
            approval_id: None,
            effective_at: Some(now),
            total: i64::try_from(rows.len()).unwrap_or(i64::MAX),
            applied: 0,
            cursor: None,
        };
        let children = self.children_among(authority, entries);
        let mut deed = self.allow(&RULE, Permission::CertificateRevoke, &subject).await?;
        store::revocation::insert(&mut deed.tx, &record).await?;
        for row in &rows {
            if let Some(hold) = store::revoked::one_within(&mut deed.tx, row.authority, &row.serial).await? {
                let held = (&[row.serial.as_str()][..], hold.revocation);
                if !store::revoked::lift(&mut deed.tx, row.authority, held, now, id).await? {
                    return Err(Error::Conflict(format!("{} was revoked meanwhile.", row.serial)));
                }
            }
        }
        store::revoked::insert_many(&mut deed.tx, &rows).await?;
        let cuts = cut::alive_within(&mut deed.tx).await?;
        for (child, entry) in children {
            let mut state_before = child.state();
            for hold in cuts.iter().filter(|cut| cut.authority == child.id() && cut.act == RevocationAct::Hold) {
                state_before = hold.state_before;
                cut::lift(&mut deed.tx, hold, now, id).await?;
            }
            let reason = store::revoked::reason_of(i64::from(entry.reason));
            let cut = Cut { authority: child.id(), revocation: id, at: entry.at, act, reason, state_before };
            cut::insert(&mut deed.tx, &cut).await?;
            cut::set_state(&mut deed.tx, child.id(), crate::revocation::state_of(act), now).await?;
        }
        deed.ring(crate::trust::TOPIC, &format!("revocation:{id}")).await?;
        deed.commit("revocation.restore", &subject, &json!({"crl": number, "again": rows.len(), "act": act})).await
    }

    /// The authorities whose own certificates are among the entries.
    fn children_among(
        &self,
        authority: &AuthorityTrust,
        entries: &[&RevokedEntry],
    ) -> Vec<(AuthorityTrust, RevokedEntry)> {
        let trust = self.trust();
        let of_this = trust.authorities().filter(|child| child.parent() == Some(authority.id()));
        let found = of_this.filter_map(|child| {
            let entry = entries.iter().find(|entry| entry.serial.hex() == child.serial())?;
            Some((child.clone(), **entry))
        });
        found.collect()
    }
}

fn row(authority: AuthorityId, revocation: RevocationId, entry: &RevokedEntry) -> Revoked {
    let reason = store::revoked::reason_of(i64::from(entry.reason));
    Revoked { authority, serial: entry.serial.hex(), at: Timestamp(entry.at.0), revocation, reason }
}
