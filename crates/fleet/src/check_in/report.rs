//! A report: kept, and judged when it changes what is known of the device.

use super::{
    RULE, beyond, brake, copies, device_of,
    judge::{Bench, Judged, Scope},
    reason,
    rules::Rules,
    travel,
};
use crate::{Actor, Deed, Error, Fleet, Result, again::again, observe::Taken, repair::on_report, update};
use domain::{
    component::{Component, Part},
    device::Device,
    history::{Entry, Event},
    id::DeviceId,
    person::Permission,
    report::{Attributes, Comparison, Listed, Reported, UpdateMode, compare},
    rollout,
    suspicion::Signal,
    time::{HOUR, MINUTE, Timestamp},
};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use store::report::Report;

/// How many manifests, from the newest on, a report is held against.
const MANIFESTS: i64 = 10;
/// How many changes of a device are judged within an hour, unless somebody asked for its report. Each may write history,
/// which is kept for good; what comes beyond is kept beside the device and judged later.
const CHANGES: i64 = 6;

/// The attribute by which a device says in which zone it stands, as the IANA database names it.
const ZONE: &str = "time.zone";

/// The lists of parts of a device's manifests, the newest first.
pub(super) fn lists(device: &Device, components: &[Component]) -> Vec<(i64, Vec<Part>)> {
    let oldest = (device.manifest_version - MANIFESTS).max(0);
    let parts = |version: i64| components.iter().filter(|c| c.is_in(version)).map(|c| c.part.clone()).collect();
    (oldest + 1..=device.manifest_version).rev().map(|version| (version, parts(version))).collect()
}

/// Holds what is reported against these lists.
pub(super) fn held_against(
    lists: &[(i64, Vec<Part>)],
    now: &Reported,
    before: Option<&Reported>,
    rules: &Rules,
) -> Comparison {
    let listed: Vec<Listed<'_>> = lists.iter().map(|(version, parts)| Listed { version: *version, parts }).collect();
    compare(now, &listed, before, &rules.makers)
}

/// What a judgement depends on: the parts that are reported, the manifest, the rules.
fn picture(reported: &Reported, device: &Device, rules: &Rules) -> String {
    let text = format!("{:?} {} {} {}", reported.parts, device.manifest_version, device.manifest_hash, rules.version);
    hex::encode(Sha256::digest(text.as_bytes()))
}

impl Fleet {
    /// Takes what a device reports of itself. The same again is only counted. Hardware that is not what it was, or not
    /// what its manifest lists by now, is judged; see [`crate::check_in`].
    ///
    /// # Errors
    /// When the actor is no device, it reports something else more often than anything honest does, or the database
    /// fails.
    pub async fn report(&self, actor: &Actor, sent: Attributes, mode: UpdateMode) -> Result<()> {
        let taken = self.hear_report(actor, sent, mode).await;
        self.inner.observed.reported(Taken::of(&taken));
        taken
    }

    async fn hear_report(&self, actor: &Actor, sent: Attributes, mode: UpdateMode) -> Result<()> {
        let (id, serial) = device_of(actor)?;
        let missing = || Error::not_found("device", serial);
        let device = store::device::by_serial(self.db(), serial).await?.filter(|d| d.id == id).ok_or_else(missing)?;
        let rules = self.rules_of(device.model_id).await?;
        let (now, known) = (self.now(), store::report::of_device(self.db(), id).await?.unwrap_or_default());
        let attributes = known.attributes.update(mode, sent.clone());
        let is_known = known.n > 0 && !is_asked(&known, now) && attributes == known.attributes;
        if is_known && !self.is_measured(id, &rules, &sent).await? {
            // What was put off is asked for again once it is due.
            let picture = || picture(&rules.mapping.read(&attributes), &device, &rules);
            if known.due_at.is_some() || picture() == known.picture {
                let seen = travel::seen(&rules.mapping.read(&sent), now);
                let is_there = |seen| known.sighting.as_ref().is_some_and(|before| travel::is_same(before, &seen));
                return self.report_again(id, &known, seen.is_some_and(is_there)).await;
            }
        }
        if let Err(wait_micros) = self.inner.polls.may_change(id, now) {
            if is_asked(&known, now) || known.due_at.is_none() {
                let mut tx = self.db().begin().await?;
                store::report::put_off(&mut tx, id, now.plus(HOUR)).await?;
                tx.commit().await?;
                self.inner.polls.states.forget(serial);
            }
            return Err(Error::TooMany { wait_micros });
        }
        again(|| self.judge_report(actor, &device, &rules, sent.clone(), mode)).await
    }

    async fn judge_report(
        &self,
        actor: &Actor,
        device: &Device,
        rules: &Rules,
        sent: Attributes,
        mode: UpdateMode,
    ) -> Result<()> {
        let (id, serial) = (device.id, device.serial.as_str());
        let missing = || Error::not_found("device", serial);
        let batch = store::report::batch_code(self.db(), device.batch_id).await?;
        let mut deed = self.allow(&RULE, Permission::CertificateHold, &format!("device:{serial}")).await?;
        // Held from here: a device that reports twice at once is judged in order.
        let device = store::device::lock(&mut deed.tx, id).await?.ok_or_else(missing)?;
        let components = store::component::of_device_within(&mut deed.tx, id).await?;
        let most = brake::most(&mut deed, device.model_id).await?;
        let bench = Bench { fleet: self, actor, device, batch, policy: rules.policy, components, most };
        self.take_report(deed, &bench, rules, sent, mode).await
    }

    /// Whether an experiment waits for a measurement that a report brings: its first value counts, also if it is the same as before.
    async fn is_measured(&self, id: DeviceId, rules: &Rules, sent: &Attributes) -> Result<bool> {
        // Asked of the database only where some experiment wants what is reported.
        let is_wanted = self.is_wanted(&rules.mapping.read(sent).metrics);
        Ok(is_wanted && store::evidence::exposure::is_awaited(self.db(), id).await?)
    }

    /// Whether an experiment that is active measures by any of these.
    fn is_wanted(&self, metrics: &BTreeMap<String, f64>) -> bool {
        let rollouts = self.inner.rollouts.all();
        let experiments = || rollouts.iter().filter_map(|live| live.rollout.plan.experiment.as_ref());
        metrics
            .keys()
            .any(|name| experiments().any(|one| one.criteria().any(|of| of.metric.reported() == Some(name.as_str()))))
    }

    /// Notes that a device reported the same again; once a minute at most, so that it can't keep others from writing.
    async fn report_again(&self, id: DeviceId, known: &Report, is_seen: bool) -> Result<()> {
        let now = self.now();
        if is_within(known.reported_at, now, MINUTE) {
            return Ok(());
        }
        let mut tx = self.db().begin().await?;
        store::report::again(&mut tx, id, now, is_seen).await?;
        Ok(tx.commit().await?)
    }

    /// Notes that a device sent what is no report. It is not asked for it again at each poll: some clients install
    /// nothing for as long as they are.
    ///
    /// # Errors
    /// When the actor is no device, or the database fails.
    pub async fn report_unreadable(&self, actor: &Actor) -> Result<()> {
        let (id, serial) = device_of(actor)?;
        self.inner.observed.reported(Taken::Unreadable);
        let (now, known) = (self.now(), store::report::of_device(self.db(), id).await?);
        if known.is_some_and(|known| !is_asked(&known, now) && is_within(known.unread_at, now, MINUTE)) {
            return Ok(());
        }
        let mut tx = self.db().begin().await?;
        store::report::unread(&mut tx, id, now, now.plus(HOUR)).await?;
        tx.commit().await?;
        self.inner.polls.states.forget(serial);
        Ok(())
    }

    /// Lets the device's update go on by what it says that it runs, takes the measurements that it sent for experiments, and notes
    /// the zone in which it says that it stands.
    async fn on_update(
        &self,
        deed: &mut Deed<'_>,
        bench: &Bench<'_>,
        (reported, attributes): (&Reported, &Attributes),
        metrics: &BTreeMap<String, f64>,
        entries: &mut Vec<Entry>,
    ) -> Result<()> {
        let mut moved = Vec::new();
        if let Some(firmware) = &reported.firmware
            && let Some(back) = update::on_report(deed, &bench.device, firmware, &mut moved).await?
        {
            // That it went back tells what runs, too.
            *entries = vec![bench.entry(back)];
        }
        let runs = reported.firmware.as_deref().unwrap_or_default();
        update::on_measured(deed, &bench.device, (runs, metrics), moved).await?;
        if let Some(zone) = attributes.get(ZONE).filter(|zone| !zone.is_empty() && rollout::zone(zone).is_some()) {
            store::poll::set_zone(&mut deed.tx, bench.device.id, zone).await?;
        }
        Ok(())
    }

    async fn take_report(
        &self,
        mut deed: Deed<'_>,
        bench: &Bench<'_>,
        rules: &Rules,
        sent: Attributes,
        mode: UpdateMode,
    ) -> Result<()> {
        let (id, now) = (bench.device.id, self.now());
        let mut kept = store::report::of_device_within(&mut deed.tx, id).await?.unwrap_or_default();
        let sent_now = rules.mapping.read(&sent);
        kept.attributes = kept.attributes.update(mode, sent);
        let reported = rules.mapping.read(&kept.attributes);
        let seen = travel::seen(&sent_now, now);
        let travelled = travel::between(kept.sighting.as_ref(), seen.as_ref());
        let picture = picture(&reported, &bench.device, rules);
        let mut entries: Vec<Entry> = firmware(bench, &reported).into_iter().collect();
        let is_news = picture != kept.picture || !entries.is_empty() || travelled.is_some();
        let (since, n) = match kept.told_since.filter(|since| is_within(Some(*since), now, HOUR)) {
            Some(since) => (since, kept.told_n),
            None => (now, 0),
        };
        let is_put_off = is_news && !kept.wanted && n >= CHANGES;
        kept = Report {
            first_at: kept.first_at.or(Some(now)),
            reported_at: Some(now),
            changed_at: Some(now),
            n: kept.n.saturating_add(1),
            told_since: Some(since),
            told_n: n.saturating_add(i64::from(is_news && !is_put_off)),
            due_at: is_put_off.then(|| since.plus(HOUR)),
            ..kept
        };
        if is_put_off {
            store::report::put(&mut deed.tx, id, &kept).await?;
            deed.commit_as_history().await?;
            self.inner.polls.states.forget(&bench.device.serial);
            return Ok(());
        }
        self.on_update(&mut deed, bench, (&reported, &kept.attributes), &sent_now.metrics, &mut entries).await?;
        // Where it was before is kept until it is judged by it.
        kept.sighting = seen.or(kept.sighting);
        let comparison = compared(bench, &reported, &kept, rules);
        // A repair is done when the device itself says so.
        let confirms = |version, fitted: &[Part]| comparison.confirms(version, fitted, &rules.mapping);
        let is_repaired = on_report(&mut deed, &bench.device, confirms).await?;
        let mut judged = Judged::nothing(reason::read(&kept.reasons));
        if picture != kept.picture {
            let is_first = kept.picture.is_empty();
            let signals = observe(&mut deed, bench, &reported, &comparison, is_first).await?;
            judged = bench.judge(&mut deed, &signals, judged.reasons, Scope::Report).await?;
            if let Some(manifest_version) = comparison.matched.filter(|version| kept.matched != Some(*version)) {
                entries.push(bench.entry(Event::HardwareReported { manifest_version }));
            }
            if comparison.matched.is_some() {
                kept.confirmed = Some(kept.attributes.clone());
            }
            (kept.matched, kept.picture) = (comparison.matched, picture);
        }
        if let Some(signal) = travelled {
            judged = travel::judge(&mut deed, bench, judged, signal).await?;
        }
        kept.wanted = false;
        reason::keep(&mut deed.tx, id, &kept, &judged.reasons).await?;
        entries.append(&mut judged.entries);
        (judged.entries, judged.is_repaired) = (entries, is_repaired);
        self.conclude(deed, bench, judged).await
    }
}

/// Whether the device was asked for this report.
fn is_asked(known: &Report, now: Timestamp) -> bool {
    known.wanted || known.due_at.is_some_and(|at| at <= now)
}

/// Whether it was so long ago at most.
fn is_within(at: Option<Timestamp>, now: Timestamp, micros: i64) -> bool {
    at.is_some_and(|at| at <= now && now < at.plus(micros))
}

/// What is reported, held against the device's manifests.
fn compared(bench: &Bench<'_>, reported: &Reported, kept: &Report, rules: &Rules) -> Comparison {
    let before = kept.confirmed.as_ref().map(|attributes| rules.mapping.read(attributes));
    held_against(&lists(&bench.device, &bench.components), reported, before.as_ref(), rules)
}

/// The firmware that runs, where that is news: the device itself says so after starting with it.
fn firmware(bench: &Bench<'_>, reported: &Reported) -> Option<Entry> {
    let version = reported.firmware.clone().filter(|version| bench.device.firmware.as_ref() != Some(version))?;
    Some(bench.entry(Event::UpdateVerified { from: bench.device.firmware.clone(), version }))
}

/// Everything that what a device reports says against it.
async fn observe(
    deed: &mut Deed<'_>,
    bench: &Bench<'_>,
    reported: &Reported,
    comparison: &Comparison,
    is_first: bool,
) -> Result<Vec<Signal>> {
    copies::note(deed, bench, reported).await?;
    let copied = copies::find(deed, bench, reported).await?;
    let signals = copies::without_explained(comparison.signals.clone(), &copied);
    let mut signals = beyond::find(deed, bench, signals, is_first).await?;
    signals.extend(copied.into_iter().map(|(_, signal)| signal));
    if bench.device.manifest_version == 0 && store::report::is_delivered(&mut deed.tx, bench.device.batch_id).await? {
        signals.push(Signal::DeviceBeyondBatch { batch: bench.batch.clone() });
    }
    Ok(signals)
}
