//! Lets the records follow what an act cut off: the status of certificates, the history and trust of devices. In pieces
//! of a transaction each, which also moves the act's own cursor; so whoever dies is continued, exactly once.

use crate::{Actor, Deed, Fleet, Result, check_in::quarantine, custody::standing_of, webhook};
use domain::{
    certificate::{CertificateStatus, RevocationReason},
    device::{Device, Trust},
    history::{Entry, Event, Standing},
    id::{AuthorityId, DeviceId},
    node::Lease,
    person::Permission,
    revocation::{RevocationAct, RevocationScope},
    webhook::EventKind,
};
use serde_json::json;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};
use store::{
    Tx,
    revocation::Revocation,
    revoked::{
        cut::{self, Cut},
        record::{self, Record},
    },
};
use tokio::sync::Mutex;
use uuid::Uuid;

/// How many certificates one piece takes at most, at least, and to begin with.
const LARGEST: i64 = 1_000;
const SMALLEST: i64 = 20;
const FIRST: i64 = 100;
/// How long a piece should take: for that long whoever cuts off something else waits for the one writer of SQLite.
const SHORT: Duration = Duration::from_millis(15);
/// Records of a large act wait until the CRL is out, which needs the same cores and the same writer.
const HEAD_START: Duration = Duration::from_secs(1);
/// How many devices are named one by one when they change; of more, pages are told that devices changed.
const NAMED: usize = 10;
/// How long to wait when the database fails.
const AGAIN: Duration = Duration::from_secs(5);
/// How often it is looked for what another node left behind.
const LOOK: Duration = Duration::from_secs(1);
/// Between pieces, so that others get at the one writer of SQLite.
const PAUSE: Duration = Duration::from_millis(5);

const RULE: Actor = Actor::Rule { name: "revocation" };

/// What a process keeps for this.
#[derive(Default)]
pub(crate) struct Revoker {
    /// Held by the one who works.
    working: Mutex<()>,
}

/// The size of the next piece, after one of `size` took so long.
fn next_size(size: i64, took: Duration) -> i64 {
    let size = if took > SHORT {
        size / 2
    } else if took < SHORT / 2 {
        size * 2
    } else {
        size
    };
    size.clamp(SMALLEST, LARGEST)
}

/// How a certificate stands now, and why.
type Stands = (CertificateStatus, Option<RevocationReason>);

impl Fleet {
    /// Sees to it that records follow.
    pub(crate) fn wake_revoker(&self) {
        let fleet = self.clone();
        tokio::spawn(async move {
            let _working = fleet.inner.revoker.working.lock().await;
            let unfinished = store::revocation::unfinished(fleet.db()).await;
            if unfinished.is_ok_and(|act| act.is_some_and(|act| act.total > LARGEST)) {
                tokio::time::sleep(HEAD_START).await;
            }
            while let Err(error) = fleet.follow_acts().await {
                if fleet.is_ending() {
                    return;
                }
                tracing::error!(%error, "devices' records have not followed what was revoked; it counts all the same");
                tokio::time::sleep(AGAIN).await;
            }
        });
    }

    /// Lets all records follow, if it is this process's turn, to the end.
    ///
    /// # Errors
    /// When the database fails; what followed until then did.
    pub async fn follow_acts(&self) -> Result<()> {
        while store::revocation::unfinished(self.db()).await?.is_some() {
            let turn = self.turn(Lease::Revocations).await?;
            turn.run(self.follow_to_the_end()).await?;
        }
        Ok(())
    }

    async fn follow_to_the_end(&self) -> Result<()> {
        let mut size = FIRST;
        while let Some(act) = store::revocation::unfinished(self.db()).await? {
            let took = self.follow_piece(&act, size).await?;
            size = next_size(size, took);
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Goes on with what another node began and can't end any more.
    pub(crate) async fn take_over_acts(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            // Where it can't be read, it is looked again.
            if self.inner.revoker.working.try_lock().is_ok()
                && store::revocation::unfinished(self.db()).await.is_ok_and(|act| act.is_some())
            {
                self.wake_revoker();
            }
        }
    }

    /// Lets one piece follow. To be called again until the act is through. How long it held the writer.
    async fn follow_piece(&self, act: &Revocation, size: i64) -> Result<Duration> {
        let authorities = if act.act == RevocationAct::Release {
            cut::lifted_by(self.db(), act.id).await?
        } else {
            cut::of_act(self.db(), act.id).await?
        };
        let subject = format!("revocation:{}", act.id);
        let mut deed = self.allow(&RULE, Permission::CertificateRevoke, &subject).await?;
        let begun = Instant::now();
        let records = next(&mut deed, act, &authorities, size).await?;
        let Some(last) = records.last() else {
            self.finish_act(&mut deed, act).await?;
            deed.ring("revocation", &act.id.to_string()).await?;
            deed.ring("device", "").await?;
            deed.commit("revocation.spread", &subject, &json!({"certificates": act.applied})).await?;
            return Ok(begun.elapsed());
        };
        self.follow_records(&mut deed, act, &records).await?;
        let n = i64::try_from(records.len()).unwrap_or(i64::MAX);
        if store::revocation::advance(&mut deed.tx, act, n, (last.authority, &last.serial)).await? {
            deed.ring("revocation", &act.id.to_string()).await?;
            // The act is on the audit chain; that records follow it is history.
            deed.commit_as_history().await?;
        }
        Ok(begun.elapsed())
    }

    /// Lets all records of a small act follow in the act's own transaction.
    pub(super) async fn follow_at_once(&self, deed: &mut Deed<'_>, act: &Revocation) -> Result<()> {
        let records = next(deed, act, &[], LARGEST).await?;
        self.follow_records(deed, act, &records).await?;
        if let Some(last) = records.last() {
            let n = i64::try_from(records.len()).unwrap_or(i64::MAX);
            store::revocation::advance(&mut deed.tx, act, n, (last.authority, &last.serial)).await?;
        }
        self.finish_act(deed, act).await
    }

    /// Notes that everything has followed, and lets webhooks be told.
    async fn finish_act(&self, deed: &mut Deed<'_>, act: &Revocation) -> Result<()> {
        store::revocation::finish(&mut deed.tx, act.id).await?;
        webhook::tell(&mut deed.tx, self.now(), EventKind::RevocationDone, &act.id.to_string()).await
    }

    async fn follow_records(&self, deed: &mut Deed<'_>, act: &Revocation, records: &[Record]) -> Result<()> {
        let cuts = cut::alive_within(&mut deed.tx).await?;
        let stand: Vec<Stands> = records.iter().map(|record| stands(record, &cuts)).collect();
        self.write_statuses(deed, records, &stand).await?;
        let mut by_device: BTreeMap<DeviceId, Vec<(&Record, Stands)>> = BTreeMap::new();
        for (record, stands) in records.iter().zip(stand) {
            if let Some(device) = record.device {
                by_device.entry(device).or_default().push((record, stands));
            }
        }
        let ids: Vec<DeviceId> = by_device.keys().copied().collect();
        let devices = record::lock_devices(&mut deed.tx, &ids).await?;
        let last = record::last_events(&mut deed.tx, &ids).await?;
        let apart = quarantined_apart(&mut deed.tx, act, &devices).await?;
        let at = act.effective_at.unwrap_or_else(|| self.now());
        let mut rows = Vec::new();
        let mut changed = Vec::new();
        for device in &devices {
            let hit = by_device.get(&device.id).map(Vec::as_slice).unwrap_or_default();
            if let Some(event) = event_of(act, device, hit, apart.contains(&device.id)) {
                let entry = Entry { actor: act.requested_by.clone(), ..self.entry(&RULE, at, "", event) };
                changed.push((device, moved_on(device, &entry.event)));
                rows.push((device.id, entry));
            }
        }
        store::history::insert_many(&mut deed.tx, &rows).await?;
        for (before, mut after) in changed {
            if last.get(&before.id).is_some_and(|last| *last > at) {
                // Something happened later: then only the whole history tells how it stands.
                let history = store::history::of_device_within(&mut deed.tx, before.id).await?;
                after = standing_of(before, &Standing::after(&history));
            }
            if after.trust == Trust::Revoked {
                store::device_token::remove(&mut deed.tx, before.id).await?;
            }
            if after != *before {
                store::device::update(&mut deed.tx, before, &after, &mut deed.counts).await?;
            }
        }
        ring_devices(deed, &devices).await
    }

    async fn write_statuses(&self, deed: &mut Deed<'_>, records: &[Record], stand: &[Stands]) -> Result<()> {
        let mut groups: HashMap<(AuthorityId, Stands), Vec<&str>> = HashMap::new();
        for (record, stands) in records.iter().zip(stand).filter(|(record, stands)| record.status != stands.0) {
            groups.entry((record.authority, *stands)).or_default().push(&record.serial);
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_unstable_by_key(|((authority, (status, _)), _)| (*authority, *status));
        let now = self.now();
        for ((authority, (status, reason)), serials) in groups {
            record::set_status(&mut deed.tx, authority, &serials, status, reason, now).await?;
        }
        Ok(())
    }
}

async fn ring_devices(deed: &mut Deed<'_>, devices: &[Device]) -> Result<()> {
    if devices.len() > NAMED {
        return deed.ring("device", "").await;
    }
    for device in devices {
        deed.ring("device", &device.serial).await?;
    }
    Ok(())
}

/// The next certificates after the act's cursor. Empty when there are no more.
async fn next(deed: &mut Deed<'_>, act: &Revocation, authorities: &[AuthorityId], size: i64) -> Result<Vec<Record>> {
    if !act.scope.cuts_authorities() {
        let (authority, serial) = act.cursor.clone().unwrap_or_else(|| (AuthorityId(Uuid::nil()), String::new()));
        return Ok(record::of_act(&mut deed.tx, act.id, act.act, (authority, &serial), size).await?);
    }
    for authority in authorities {
        let after = match &act.cursor {
            Some((at, _)) if authority < at => continue,
            Some((at, serial)) if authority == at => serial.as_str(),
            _ => "",
        };
        let records = record::of_authority(&mut deed.tx, *authority, after, size).await?;
        if !records.is_empty() {
            return Ok(records);
        }
    }
    Ok(Vec::new())
}

/// How a certificate stands by what cuts it off now, whichever act that was: so an act that was overtaken by a later
/// one writes what is true.
fn stands(record: &Record, cuts: &[Cut]) -> Stands {
    let own = record.revoked;
    let cut = cuts.iter().filter(|cut| cut.authority == record.authority).map(|cut| cut.reason);
    let heaviest = own.into_iter().chain(cut).min_by_key(|reason| *reason == RevocationReason::CertificateHold);
    match heaviest {
        None => (CertificateStatus::Valid, None),
        Some(RevocationReason::CertificateHold) => (CertificateStatus::Held, heaviest),
        Some(RevocationReason::Superseded) => (CertificateStatus::Superseded, heaviest),
        Some(_) => (CertificateStatus::Revoked, heaviest),
    }
}

/// Which of these devices are quarantined by themselves, so that what is released of their certificates doesn't let them
/// go. Whoever releases a device means the device.
async fn quarantined_apart(tx: &mut Tx, act: &Revocation, devices: &[Device]) -> Result<HashSet<DeviceId>> {
    let mut apart = HashSet::new();
    if act.act != RevocationAct::Release || act.scope == RevocationScope::Device {
        return Ok(apart);
    }
    let quarantined = devices.iter().filter(|device| device.trust == Trust::Quarantined).map(|device| device.id);
    let ids: Vec<DeviceId> = quarantined.collect();
    for id in record::ever_quarantined(tx, &ids).await? {
        let history = store::history::of_device_within(tx, id).await?;
        if quarantine(&history).is_some() {
            apart.insert(id);
        }
    }
    Ok(apart)
}

/// What an act means for a device, of whose certificates it hit these, and which may be quarantined by itself.
fn event_of(act: &Revocation, device: &Device, hit: &[(&Record, Stands)], is_apart: bool) -> Option<Event> {
    let reason = reason_words(act);
    let present = hit.iter().find(|(record, _)| device.certificate_serial.as_ref().is_none_or(|s| *s == record.serial));
    let Some((_, (status, _))) = present else {
        // Another than the one it uses: that says nothing of the device itself. Of a whole batch nothing needs saying.
        let (record, _) = hit.first().filter(|_| !act.scope.cuts_authorities())?;
        let text = format!("Its earlier certificate {} was {}. {reason}", record.serial, act.act.done());
        return Some(Event::Note { text: text.trim_end().to_owned() });
    };
    match (act.act, status) {
        (RevocationAct::Hold, CertificateStatus::Held) if device.trust != Trust::Revoked => {
            Some(Event::CertificateHeld { reason })
        }
        (RevocationAct::Revoke, CertificateStatus::Revoked) if device.trust != Trust::Revoked => {
            Some(Event::CertificateRevoked { reason })
        }
        (RevocationAct::Release, CertificateStatus::Valid) if is_apart => {
            let text = format!("Its certificate was released; the device itself stays quarantined. {reason}");
            Some(Event::Note { text: text.trim_end().to_owned() })
        }
        (RevocationAct::Release, CertificateStatus::Valid) if device.trust == Trust::Quarantined => {
            Some(Event::Released { reason })
        }
        _ => None,
    }
}

fn reason_words(act: &Revocation) -> String {
    let label = act.reason.parse().map_or("", RevocationReason::label);
    match (act.act, act.note.is_empty()) {
        (RevocationAct::Revoke, true) => label.to_owned(),
        (RevocationAct::Revoke, false) => format!("{label}: {}", act.note),
        _ => act.note.clone(),
    }
}

/// A device after an event that is the last of its history: what the fold over all of it would give.
fn moved_on(device: &Device, event: &Event) -> Device {
    let mut after = device.clone();
    match event {
        Event::CertificateRevoked { .. } => {
            after.trust = Trust::Revoked;
            (after.certificate_serial, after.certificate_not_after) = (None, None);
        }
        Event::CertificateHeld { .. } if device.trust != Trust::Revoked => after.trust = Trust::Quarantined,
        Event::Released { .. } if device.trust != Trust::Revoked => after.trust = Trust::Trusted,
        _ => {}
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_as_large_as_they_are_quick() {
        let ms = Duration::from_millis;
        let sizes: Vec<i64> =
            [(100, 3), (100, 10), (100, 40), (30, 500), (800, 1)].map(|(size, took)| next_size(size, ms(took))).into();
        assert_eq!(sizes, [200, 100, 50, SMALLEST, LARGEST]);
    }
}
