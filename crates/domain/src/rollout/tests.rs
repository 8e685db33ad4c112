//! What holds of rollouts, whatever happens.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod actions;
mod answers;
mod courses;
mod evidence_gates;
mod forecasts;
mod foreseen;
mod gates;
mod members;
mod plans;

use super::*;
use crate::{
    bucket::PARTS,
    id::{DeviceId, ReleaseId},
};
use uuid::Uuid;

fn release(n: u128) -> ReleaseId {
    ReleaseId(Uuid::from_u128(n))
}

fn member(n: u32) -> Member {
    Member { number: n, id: DeviceId(Uuid::from_u128(0x0193_6e5a_0000_7000_8000_0000_0000_0000 + u128::from(n))) }
}

const GATE: Gate = Gate {
    advance: Advance::Auto,
    open_minutes: 0,
    min_sample: 10,
    failed_limit: 10_000,
    silent_limit: 20_000,
    done: PARTS,
    evidence: None,
};

fn wave(name: &str, size: WaveSize) -> Wave {
    Wave { name: name.to_owned(), size, gate: GATE }
}

pub(super) fn plan(sizes: Vec<WaveSize>) -> Plan {
    Plan {
        name: "Gateways to 2.4.1".to_owned(),
        release: release(1),
        target: "model:GW-200".to_owned(),
        waves: sizes.into_iter().enumerate().map(|(n, size)| wave(&format!("Wave {}", n + 1), size)).collect(),
        cohorts: None,
        start_at: None,
        windows: Windows::default(),
        rate_per_minute: None,
        retries: 0,
        timeout_minutes: 60,
        soak_minutes: 30,
        reaction: Reaction::Pause,
        revert_to: None,
        joins: false,
        downgrades: false,
        salt: "7".to_owned(),
        experiment: None,
        late_by_habit: false,
        confirmation_required: false,
    }
}

fn split(shares: &[u32]) -> Cohorts {
    let variant = |(n, share): (usize, &u32)| Variant {
        name: format!("{n}"),
        release: (n > 0).then(|| release(n as u128)),
        share: *share,
    };
    Cohorts { wave: None, variants: shares.iter().enumerate().map(variant).collect() }
}

#[test]
fn action_ids_survive_clients_that_drop_the_first_digit() {
    assert_eq!([10_000, 10_001, 20_000, 20_001, 100_000].map(is_action_id), [false, true, false, true, false]);
    assert!(is_action_id(i64::from(i32::MAX)) && !is_action_id(i64::from(i32::MAX) + 1) && !is_action_id(5));
}
