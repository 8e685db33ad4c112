//! What is kept no longer goes, and nothing else.

use crate::world::*;
use domain::{
    history::Event,
    release::Stage,
    retention::{Keep, Kept},
    rollout::{Plan, WaveSize},
    time::DAY,
};
use fleet::{Actor, AuditFilter, Error, retention::KeptRow};
use std::collections::BTreeMap;
use store::retention::Pass;

fn typed(days: &[(Kept, &str)]) -> BTreeMap<Kept, String> {
    days.iter().map(|(kept, days)| (*kept, (*days).to_owned())).collect()
}

async fn row(world: &World, kept: Kept, tried: &[(Kept, &str)]) -> KeptRow {
    let rows = world.fleet.kept(&manager(), &typed(tried)).await.unwrap();
    rows.into_iter().find(|row| row.kept == kept).unwrap()
}

/// All of a device's history, and where it stands.
async fn record(world: &World, device: &Actor) -> (Vec<Event>, fleet::devices::DeviceRecord) {
    let record = world.fleet.device_record(&operator(), device.name()).await.unwrap();
    (record.history.iter().map(|entry| entry.event.clone()).collect(), record)
}

async fn let_go_entries(world: &World) -> Vec<String> {
    let filter = AuditFilter { action: "retention.let_go".to_owned(), ..AuditFilter::default() };
    world.fleet.audit_log(&admin(), &filter, 50).await.unwrap().into_iter().map(|entry| entry.record.subject).collect()
}

#[tokio::test]
async fn what_devices_said_and_the_steps_go_and_what_runs_stays() {
    for world in worlds().await {
        let name = world.name();
        let devices = world.devices(3).await;
        let release = world.release("2.0", Stage::Production).await;
        world.started(Plan { waves: vec![wave(WaveSize::Rest)], ..plan(release) }).await;
        let told = world.offered_of(&devices).await;
        world.installs(&told[0].0, told[0].1, "2.0").await;
        world.fails(&told[1].0, told[1].1).await;
        let before = record(&world, &told[0].0).await;
        assert_eq!(row(&world, Kept::Feedback, &[]).await.keep, Keep::ForEver, "{name}: unless somebody chooses");
        world.wait(400 * DAY);
        world.fleet.forget_what_is_old().await.unwrap();
        assert_eq!(record(&world, &told[0].0).await.0, before.0, "{name}: nothing goes that nobody has chosen");
        // Looked at before it is chosen: that changes nothing.
        let tried = [(Kept::Feedback, "90"), (Kept::Steps, "365")];
        assert_eq!(row(&world, Kept::Feedback, &tried).await.would_go, Some(3), "{name}");
        assert_eq!(
            row(&world, Kept::Steps, &tried).await.would_go,
            Some(5),
            "{name}: three were offered, one installed, one failed"
        );
        assert_eq!(row(&world, Kept::Steps, &[(Kept::Steps, "500")]).await.would_go, Some(0), "{name}");
        assert_eq!(row(&world, Kept::Feedback, &[]).await.keep, Keep::ForEver, "{name}");
        world.fleet.keep_for(&admin(), &typed(&tried)).await.unwrap();
        let gone = world.another().await.forget_what_is_old().await.unwrap();
        assert_eq!(gone, 8, "{name}");
        let (events, after) = record(&world, &told[0].0).await;
        let kept: Vec<Event> = before.0.iter().filter(|event| !domain::retention::may_go(event)).cloned().collect();
        assert!(kept.len() < before.0.len());
        assert_eq!(events, kept, "{name}");
        assert_eq!(after.device, before.1.device, "{name}: it stands where it stood");
        assert_eq!(world.fleet.forget_what_is_old().await.unwrap(), 0, "{name}");
        let mut entries = let_go_entries(&world).await;
        entries.sort();
        assert_eq!(entries, ["retention:feedback", "retention:steps"], "{name}");
        assert_eq!(row(&world, Kept::Steps, &[]).await.last.map(|last| last.1), Some(5), "{name}");
        assert_eq!(world.fleet.audit_verify(&admin()).await.unwrap().break_at, None, "{name}");
    }
}

#[tokio::test]
async fn nobody_chooses_what_can_not_be_chosen() {
    for world in worlds().await {
        let short =
            world.fleet.keep_for(&admin(), &typed(&[(Kept::Steps, "30"), (Kept::Crls, "7")])).await.unwrap_err();
        assert!(
            matches!(&short, Error::Invalid { fields } if fields.len() == 1 && fields[0].field == "steps"),
            "{short}"
        );
        assert_eq!(row(&world, Kept::Crls, &[]).await.keep, Keep::Days(30), "{}: all or nothing", world.name());
        assert!(world.fleet.keep_for(&manager(), &typed(&[(Kept::Steps, "")])).await.is_err());
        for word in ["audit", "custody", "history", "certificate", "repair"] {
            assert!(word.parse::<Kept>().is_err(), "{word}");
        }
    }
}

#[tokio::test]
async fn a_pass_that_for_ever_cuts_short_ends_and_is_on_record() {
    for world in worlds().await {
        let name = world.name();
        let pass = Pass { kept: Kept::Steps, upto: None, begun_at: Some(NOW), ended_at: None, gone: 7 };
        let mut tx = world.fleet.db().begin().await.unwrap();
        store::retention::put_pass(&mut tx, &pass).await.unwrap();
        tx.commit().await.unwrap();
        // Nobody has chosen a time, so that all is kept.
        assert_eq!(world.fleet.forget_what_is_old().await.unwrap(), 0, "{name}");
        assert_eq!(let_go_entries(&world).await, ["retention:steps"], "{name}");
        let pass = store::retention::pass(world.fleet.db(), Kept::Steps).await.unwrap();
        assert!(pass.begun_at.is_none() && pass.ended_at.is_some(), "{name}: {pass:?}");
        world.fleet.forget_what_is_old().await.unwrap();
        assert_eq!(let_go_entries(&world).await.len(), 1, "{name}: once");
    }
}
