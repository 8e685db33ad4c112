//! Deeds: how a change is allowed, audited and announced, always in this order and in one transaction.

use crate::{Actor, Fleet, Result};
use domain::{
    audit::{AuditRecord, Outcome, chain_hash},
    person::Permission,
    rollout::ActionState,
    time::{MINUTE, Timestamp},
};
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::PoisonError,
};
use store::{
    Tx,
    audit::{AuditEntry, AuditFilter},
    change::Change,
    count::{self, Delta},
};

/// How many of one kind who were refused are remembered, and so have their refusals written down, in a minute.
const REFUSED: usize = 1_000;
/// How many refusals of one station are written down in a minute.
const OF_STATION: u32 = 60;

/// Whose refusals were written down, and how often, within the last minute.
pub(crate) type Refusals = HashMap<(String, Permission), (Timestamp, u32)>;

/// Whether it is among the first `most` within a minute. Whoever is refused is known by kind and name (`device:GW-1`), and
/// each kind has room of its own: strangers have as many addresses as they like, and must not keep what devices and
/// stations did out of the log.
fn is_within(refusals: &mut Refusals, (who, permission): (String, Permission), most: u32, now: Timestamp) -> bool {
    fn kind(who: &str) -> &str {
        who.split_once(':').map_or(who, |(kind, _)| kind)
    }
    refusals.retain(|_, (since, _)| since.plus(MINUTE) > now && *since <= now);
    let is_full = refusals.keys().filter(|(other, _)| kind(other) == kind(&who)).count() >= REFUSED;
    match refusals.entry((who, permission)) {
        Entry::Occupied(mut known) => {
            let (_, n) = known.get_mut();
            *n = n.saturating_add(1);
            *n <= most
        }
        Entry::Vacant(free) => {
            if !is_full {
                free.insert((now, 1));
            }
            !is_full
        }
    }
}

/// A change under way: a transaction that can only be committed with its audit entry.
#[must_use = "dropping a deed undoes it"]
pub struct Deed<'a> {
    fleet: &'a Fleet,
    actor: &'a Actor,
    /// The transaction to write in.
    pub tx: Tx,
    /// What the deed moves in the counts of the fleet; added at its end.
    pub(crate) counts: Delta,
    changes: Vec<Change>,
    /// The states that updates of devices come into by it; counted once that is committed.
    pub(crate) reached: Vec<ActionState>,
}

impl Fleet {
    /// Begins a deed, if the actor may do it. A refusal is audited.
    ///
    /// # Errors
    /// [`Error::NotSignedIn`] or [`Error::Forbidden`].
    pub async fn allow<'a>(&'a self, actor: &'a Actor, permission: Permission, subject: &str) -> Result<Deed<'a>> {
        if let Err(refusal) = actor.require(permission) {
            if !self.is_worth_an_entry(actor, permission) {
                return Err(refusal);
            }
            self.audit_alone(actor, permission.as_str(), subject, Outcome::Denied, "").await?;
            return Err(refusal);
        }
        Ok(self.deed_of(actor, self.db().begin().await?))
    }

    /// Begins a deed of a device, which has no role. What it may do is decided by whoever calls this.
    pub(crate) async fn deed_of_device<'a>(&'a self, actor: &'a Actor) -> Result<Deed<'a>> {
        Ok(self.deed_of(actor, self.db().begin().await?))
    }

    fn deed_of<'a>(&'a self, actor: &'a Actor, tx: Tx) -> Deed<'a> {
        Deed { fleet: self, actor, tx, counts: Delta::default(), changes: Vec::new(), reached: Vec::new() }
    }

    /// Whether a refusal is written down. Every one of a person's or a program's is; strangers and what stands in the
    /// field would otherwise decide how fast the log grows. Of these one a minute for each permission is enough, of a
    /// station, whose refusals are of different devices, [`OF_STATION`].
    pub(crate) fn is_worth_an_entry(&self, actor: &Actor, permission: Permission) -> bool {
        let (who, most) = match actor {
            Actor::Nobody { .. } => (format!("stranger:{}", actor.address()), 1),
            Actor::Device { serial, .. } => (format!("device:{serial}"), 1),
            Actor::Station { name, .. } => (format!("station:{name}"), OF_STATION),
            _ => return true,
        };
        self.within_a_minute(who, permission, most)
    }

    /// Whether this happened fewer than `most` times within the last minute; counts it if so.
    pub(crate) fn within_a_minute(&self, who: String, permission: Permission, most: u32) -> bool {
        let now = self.now();
        let mut refusals = self.inner.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        is_within(&mut refusals, (who, permission), most, now)
    }

    /// Writes an audit entry of something that changed nothing: a refusal, a failed sign-in.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_alone(
        &self,
        actor: &Actor,
        action: &str,
        subject: &str,
        outcome: Outcome,
        detail: &str,
    ) -> Result<()> {
        let mut tx = self.db().begin().await?;
        store::audit::append(&mut tx, &self.record(actor, action, subject, outcome, detail)).await?;
        tx.commit().await?;
        Ok(())
    }

    fn record(&self, actor: &Actor, action: &str, subject: &str, outcome: Outcome, detail: &str) -> AuditRecord {
        AuditRecord {
            at: self.now(),
            actor_kind: actor.kind().to_owned(),
            actor_id: actor.id(),
            actor_name: actor.name().to_owned(),
            action: action.to_owned(),
            subject: subject.chars().take(200).collect(),
            outcome,
            detail: detail.to_owned(),
            address: actor.address().to_owned(),
        }
    }

    /// Audit entries that match, newest first, one page of `limit`.
    ///
    /// # Errors
    /// When the actor may not read them.
    pub async fn audit_log(&self, actor: &Actor, filter: &AuditFilter, limit: i64) -> Result<Vec<AuditEntry>> {
        actor.require(Permission::AuditRead)?;
        Ok(store::audit::list(self.db(), filter, limit.clamp(1, 500)).await?)
    }

    /// The actions that occur in the audit log, for its filter.
    ///
    /// # Errors
    /// When the actor may not read them.
    pub async fn audit_actions(&self, actor: &Actor) -> Result<Vec<String>> {
        actor.require(Permission::AuditRead)?;
        Ok(store::audit::actions(self.db()).await?)
    }

    /// Reads the whole chain and recomputes every hash.
    ///
    /// # Errors
    /// When the actor may not, or the database fails. A broken chain is an answer, not an error.
    pub async fn audit_verify(&self, actor: &Actor) -> Result<Verification> {
        self.authorise(actor, Permission::AuditRead, "").await?;
        let head = store::audit::head(self.db()).await?;
        let mut verified = Verification { entries: 0, head: domain::audit::GENESIS.to_owned(), break_at: None };
        loop {
            let entries = store::audit::forward(self.db(), verified.entries, 1000).await?;
            if entries.is_empty() {
                break;
            }
            for (seq, entry) in entries {
                let problem = match entry {
                    Ok(entry) => verified.extend(&entry).or_else(|| verified.contradicts(&head)),
                    Err(unknown) => Some(Break { seq, why: format!("its outcome was altered: {unknown}") }),
                };
                if problem.is_some() {
                    verified.break_at = problem;
                    return Ok(verified);
                }
            }
        }
        // Entries may have been appended since; fewer than the head said then have been removed, more than it says now
        // have been added behind its back.
        let (last, _) = store::audit::head(self.db()).await?;
        if verified.entries < head.0 || verified.entries > last {
            let (seq, entries) = (verified.entries + 1, verified.entries);
            let why = format!("the chain should end at entry {last}, but ends at {entries}");
            verified.break_at = Some(Break { seq, why });
        }
        Ok(verified)
    }
}

/// What verifying the audit chain found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// How many entries were found good, from the first.
    pub entries: i64,
    /// The hash of the last good one.
    pub head: String,
    /// Where the chain breaks, if it does.
    pub break_at: Option<Break>,
}

/// Where an audit chain breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// At which entry.
    pub seq: i64,
    /// What is wrong.
    pub why: String,
}

impl Verification {
    /// Whether the head that was kept says something else of the entry that was just found good.
    fn contradicts(&self, (seq, hash): &(i64, String)) -> Option<Break> {
        let differs = self.entries == *seq && self.head != *hash;
        differs.then(|| Break { seq: *seq, why: "the end that was kept apart has another hash".to_owned() })
    }

    fn extend(&mut self, entry: &AuditEntry) -> Option<Break> {
        let seq = self.entries + 1;
        let why = if entry.seq != seq {
            format!("entry {seq} is missing; the next one found is {}", entry.seq)
        } else if entry.previous_hash != self.head {
            "it does not follow from the entry before; entries were exchanged or removed".to_owned()
        } else if entry.hash != chain_hash(seq, &self.head, &entry.record) {
            "its text was altered after it was written".to_owned()
        } else {
            self.entries = seq;
            self.head.clone_from(&entry.hash);
            return None;
        };
        Some(Break { seq, why })
    }
}

impl<'a> Deed<'a> {
    /// Whose deed it is.
    pub(crate) fn actor(&self) -> &'a Actor {
        self.actor
    }

    /// The fleet that it is done in.
    pub(crate) fn fleet(&self) -> &'a Fleet {
        self.fleet
    }
}

impl Deed<'_> {
    /// Announces what changes, to be heard once the deed is committed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ring(&mut self, topic: &str, subject: &str) -> Result<()> {
        let at = self.fleet.now();
        let seq = store::change::ring(&mut self.tx, at, topic, subject).await?;
        self.changes.push(Change { seq, at: at.0, topic: topic.to_owned(), subject: subject.to_owned() });
        Ok(())
    }

    /// Audits the deed as done and makes it durable.
    ///
    /// # Errors
    /// When the database fails; then nothing was done.
    pub async fn commit(self, action: &str, subject: &str, detail: &serde_json::Value) -> Result<()> {
        self.commit_all(&[(action, subject, detail)]).await
    }

    /// The same for what is audited as several actions, each with its subject and detail, in this order.
    ///
    /// # Errors
    /// When the database fails; then nothing was done.
    pub(crate) async fn commit_all(mut self, actions: &[(&str, &str, &serde_json::Value)]) -> Result<()> {
        count::add(&mut self.tx, &self.counts).await?;
        self.counts = Delta::default();
        for (action, subject, detail) in actions {
            let detail = if detail.is_null() { String::new() } else { detail.to_string() };
            let record = self.fleet.record(self.actor, action, subject, Outcome::Done, &detail);
            store::audit::append(&mut self.tx, &record).await?;
        }
        self.finish().await
    }

    /// Makes durable what a device did. That is history and stays off the audit chain, which would otherwise be a
    /// queue in which every device waits for every other.
    ///
    /// # Errors
    /// When the database fails; then nothing was done.
    pub(crate) async fn commit_as_history(self) -> Result<()> {
        self.finish().await
    }

    async fn finish(mut self) -> Result<()> {
        count::add(&mut self.tx, &self.counts).await?;
        self.tx.commit().await?;
        for state in self.reached {
            self.fleet.inner.observed.reached(state);
        }
        for change in self.changes {
            self.fleet.tell(change);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_keep_nobody_elses_refusals_out_of_the_log() {
        let (mut refusals, now) = (Refusals::new(), Timestamp(10 * MINUTE));
        let mut asked = |who: String, most: u32, now: Timestamp| {
            is_within(&mut refusals, (who, Permission::CertificateEnrol), most, now)
        };
        let written = (0..2 * REFUSED).filter(|n| asked(format!("stranger:2001:db8::{n:x}"), 1, now)).count();
        assert_eq!(written, REFUSED);
        assert!(asked("device:GW-1".to_owned(), 1, now) && !asked("device:GW-1".to_owned(), 1, now));
        assert_eq!((0..9).filter(|_| asked("station:Line 4".to_owned(), 3, now)).count(), 3);
        assert!(asked("device:GW-1".to_owned(), 1, now.plus(MINUTE)), "a minute later it is written again");
    }
}
