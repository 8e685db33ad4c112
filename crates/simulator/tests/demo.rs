//! What calls in, and what is suspect, on both databases.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use domain::{
    authority::FindingState,
    device::{Device, Trust},
    time::{DAY, HOUR, MINUTE},
};
use fleet::Fleet;
use simulator::{
    Travel,
    demo::{self, ACTOR, Plan},
    live::{self, Callers},
    reports,
};
use store::{device_list::Sort, testing};

/// So many rounds until every device has reported: a few do in each.
const ROUNDS: i64 = 30;

/// The devices that a query means, by serial.
async fn devices(fleet: &Fleet, query: &str) -> Vec<Device> {
    let mut found = fleet.devices(&ACTOR, query, Sort::default(), None, 500).await.unwrap().page.devices;
    found.sort_by(|a, b| a.serial.cmp(&b.serial));
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_suspect_in_the_demo_has_a_finding_and_keeps_it() {
    for fixture in testing::both().await.unwrap() {
        let travel = Travel::default();
        let fleet = Fleet::with_clock(fixture.db.clone(), fixture.folder.path().to_owned(), travel.clock());
        let plan = Plan::new(fleet.now(), 1, 400);
        demo::fill(&fleet, plan, |_| {}).await.unwrap();
        assert!(devices(&fleet, "trust:suspect,quarantined").await.is_empty(), "{}: nothing says why", fixture.name);
        reports::happen(&fleet, &travel, plan).await.unwrap();
        let suspect = devices(&fleet, "trust:suspect,quarantined").await;
        assert!(suspect.len() >= 8, "{}: {}", fixture.name, suspect.len());
        stand(&fleet, &suspect, fixture.name).await;
        // Hours later all devices have called in, and those that were asked have reported again.
        for device in &suspect {
            fleet.want_report(&ACTOR, &device.serial).await.unwrap();
        }
        let (mut callers, mut heard) = (Callers::of(&fleet, &live::faults(1)).await.unwrap(), 0);
        for round in 0..ROUNDS {
            travel.to(plan.now.plus(2 * HOUR + round * 50 * MINUTE));
            heard += callers.call_in(&fleet).await.unwrap();
        }
        assert!(heard > 100, "{}: {heard}", fixture.name);
        for device in &suspect {
            let shown = fleet.device_report(&ACTOR, &device.serial).await.unwrap();
            assert!(shown.reported_at > Some(plan.now), "{}: {} did not report", fixture.name, device.serial);
        }
        let later = devices(&fleet, "trust:suspect,quarantined").await;
        let serials = |of: &[Device]| of.iter().map(|device| device.serial.clone()).collect::<Vec<_>>();
        assert_eq!(serials(&later), serials(&suspect), "{}: nothing heals by itself", fixture.name);
        stand(&fleet, &later, fixture.name).await;
    }
}

/// That each of these devices has a reason whose finding is open.
async fn stand(fleet: &Fleet, suspect: &[Device], name: &str) {
    for device in suspect {
        let shown = fleet.device_report(&ACTOR, &device.serial).await.unwrap();
        let is_open = shown.reasons.iter().any(|one| one.finding.is_some_and(|(_, state)| state == FindingState::Open));
        assert!(is_open, "{name}: {}: {:?}", device.serial, shown.reasons);
    }
}

#[tokio::test]
async fn what_was_revoked_is_not_heard_any_more() {
    let fixture = testing::sqlite().await.unwrap();
    let fleet = Fleet::new(fixture.db.clone(), fixture.folder.path().to_owned());
    let plan = Plan::new(fleet.now(), 1, 2_000);
    demo::fill(&fleet, plan, |_| {}).await.unwrap();
    let revoked = devices(&fleet, "trust:revoked state:active").await;
    assert!(!revoked.is_empty());
    let callers = Callers::of(&fleet, &live::faults(1)).await.unwrap();
    assert!(callers.serials().count() > 500);
    for device in revoked {
        assert_eq!(device.trust, Trust::Revoked);
        assert!(!callers.serials().any(|serial| serial == device.serial), "{} calls in", device.serial);
        let record = fleet.device_record(&ACTOR, &device.serial).await.unwrap();
        let last = record.history.last().unwrap();
        assert!(device.last_seen_at <= Some(last.at) && last.at < plan.now.plus(DAY), "{}", device.serial);
    }
}
