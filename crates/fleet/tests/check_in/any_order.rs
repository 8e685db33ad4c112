//! Whatever devices report in whatever order: one finding at most for each cause, counts that never shrink, and nothing
//! that speaks against a device which is exactly what its manifest lists, but what waits for a person.

use crate::world::{World, honest, imei, mac, worlds};
use domain::report::{Attributes, UpdateMode};
use fleet::{Actor, finding::FindingFilter};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use std::collections::{BTreeMap, BTreeSet};

const DEVICES: usize = 5;

/// What one device says of its parts: of each, whose it reports. Those from 5 on no manifest lists.
#[derive(Clone, Debug)]
struct Said {
    device: usize,
    cpu: usize,
    board: usize,
    mac: usize,
    /// None where it says nothing of its modem.
    modem: Option<usize>,
}

impl Said {
    fn attributes(&self) -> Vec<(&'static str, String)> {
        let mut said = vec![
            ("hw.cpu", format!("4E1D{:06}", self.cpu)),
            ("hw.board", format!("MB26B-{:06}", self.board)),
            ("hw.eth0.mac", mac(self.mac)),
        ];
        said.extend(self.modem.map(|modem| ("hw.lte0.imei", imei(modem))));
        said
    }

    fn is_exact(&self) -> bool {
        [self.cpu, self.board, self.mac].iter().all(|part| *part == self.device) && self.modem == Some(self.device)
    }
}

/// Reports of a few devices with parts from a small pool; many are as listed.
fn reports() -> impl Strategy<Value = Vec<Said>> {
    let one = (0..DEVICES, 0..8_usize, 0..8_usize, 0..8_usize, prop::option::weighted(0.9, 0..8_usize), 0..4_u8);
    let said = one.prop_map(|(device, cpu, board, mac, modem, odd)| match odd {
        0 => Said { device, cpu: device, board: device, mac: device, modem: Some(device) },
        1 => Said { device, cpu: device, board, mac: device, modem: Some(device) },
        2 => Said { device, cpu: device, board: device, mac, modem },
        _ => Said { device, cpu, board, mac, modem },
    });
    prop::collection::vec(said, 1..40)
}

/// What must hold after each report.
async fn check(world: &World, counts: &mut BTreeMap<String, i64>, said: &[Said]) {
    let all = FindingFilter { all: true, limit: 500, ..FindingFilter::default() };
    let rows = world.fleet.finding_page(&crate::world::operator(), &all).await.unwrap().rows;
    let mut seen = BTreeSet::new();
    for row in &rows {
        assert!(seen.insert(row.id), "{}: {row:?} twice after {said:?}", world.name());
        let before = counts.insert(row.id.to_string(), row.n).unwrap_or_default();
        assert!(row.n >= before, "{}: {row:?} was found {before} times, after {said:?}", world.name());
        // What is part of another one is told there, and that stands.
        if let Some((whole, _)) = row.part_of.as_ref().filter(|_| row.state.as_str() == "folded") {
            let whole = rows.iter().find(|row| row.id == *whole).unwrap();
            assert_eq!(whole.state.as_str(), "open", "{}: {row:?} is hidden, after {said:?}", world.name());
        }
    }
    assert!(counts.len() <= rows.len(), "{}: a finding is gone after {said:?}", world.name());
    let mut open: Vec<(String, String)> = rows
        .iter()
        .filter(|row| row.state.as_str() == "open")
        .map(|row| (row.kind.to_string(), row.detail["signals"].to_string()))
        .collect();
    let n = open.len();
    open.sort();
    open.dedup();
    assert_eq!(open.len(), n, "{}: one cause twice after {said:?}", world.name());
}

async fn check_exact(world: &World, device: &Actor, said: &[Said]) {
    for shown in world.shown(device).await.reasons {
        let is_copied = shown.reason.signals.iter().all(|signal| signal.copied().is_some());
        // That others have its parts speaks of them, too; all else must be past and wait for a person.
        let is_over = shown.reason.is_past || !shown.stands();
        assert!(is_over || is_copied, "{}: {:?} after {said:?}", world.name(), shown.reason);
    }
}

#[tokio::test]
async fn whatever_is_reported_a_cause_is_one_finding_and_what_fits_is_not_suspected() {
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let cases: Vec<Vec<Said>> = (0..12).map(|_| reports().new_tree(&mut runner).unwrap().current()).collect();
    for (n, world) in worlds().await.into_iter().enumerate() {
        for (case, reports) in cases.iter().enumerate() {
            // Each case has devices of its own, in the same world: what others report must not disturb.
            let fresh: Vec<usize> = (0..DEVICES).map(|at| case * 10 + at).collect();
            let own = |part: usize| case * 10 + part;
            let mut devices = Vec::new();
            for device in &fresh {
                // Of one batch or the other, and in every third case of both.
                let is_of_a = if case % 3 == 0 { *device % 2 == 0 } else { case % 2 == n % 2 };
                devices.push(world.made(if is_of_a { "A" } else { "B" }, *device).await);
            }
            let mut counts = BTreeMap::new();
            for (at, said) in reports.iter().enumerate() {
                let moved = Said {
                    device: said.device,
                    cpu: own(said.cpu),
                    board: own(said.board),
                    mac: own(said.mac),
                    modem: said.modem.map(own),
                };
                // More than a few an hour are put off.
                world.wait(domain::time::HOUR);
                let attributes = Attributes::collect(moved.attributes());
                world.fleet.report(&devices[said.device], attributes, UpdateMode::Replace).await.unwrap();
                check(&world, &mut counts, &reports[..=at]).await;
                if said.is_exact() {
                    check_exact(&world, &devices[said.device], &reports[..=at]).await;
                }
            }
            // Each as listed: whatever copies there were are past as well.
            for (device, actor) in fresh.iter().zip(&devices) {
                world.wait(domain::time::HOUR);
                world.reports(actor, honest(*device)).await;
                check_exact(&world, actor, reports).await;
            }
        }
    }
}
