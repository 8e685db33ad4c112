//! What a restore of an older backup does with rollouts.

use crate::world::*;
use domain::{
    release::Stage,
    rollout::{Plan, Reaction, RolloutState, WaveSize},
    time::{DAY, SECOND},
};
use fleet::{
    Fleet,
    backup::{backup, restore_postgres, restore_sqlite},
    release::ShelfPlace,
    rollout::Abort,
};
use store::{Db, testing};

/// What a restore of a world's backup is like.
async fn restored(world: &World, file: &std::path::Path) -> (testing::Fixture, Fleet, fleet::backup::Restored) {
    let of_postgres = matches!(world.fleet.db(), Db::Postgres(_));
    let place = if of_postgres { testing::postgres().await } else { testing::sqlite().await }.unwrap();
    place.db.close().await;
    let folder = place.folder.path();
    let restored = match &place.url {
        Some(url) => restore_postgres(&RULE, url, folder, &ShelfPlace::Folder, file, false).await.unwrap().1,
        None => restore_sqlite(&RULE, folder, &ShelfPlace::Folder, file, false).await.unwrap(),
    };
    let db = Db::open(folder, place.url.as_deref()).await.unwrap();
    let now = world.fleet.now().plus(SECOND);
    let fleet = Fleet::with_clock(db, folder.to_owned(), std::sync::Arc::new(move || now));
    fleet.load_trust().await.unwrap();
    fleet.refresh_rollouts().await.unwrap();
    fleet.look_after_rollouts().await.unwrap();
    (place, fleet, restored)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_sends_nothing_by_itself_and_gives_no_id_again() {
    for world in worlds().await {
        let devices = world.devices(3).await;
        let release = world.release("2.0", Stage::Production).await;
        let all = Plan { waves: vec![wave(WaveSize::Rest)], ..plan(release) };
        let running = world.started(all.clone()).await;
        let before = world.offered(&devices[0]).await.unwrap();
        let later = Plan { name: "Later".to_owned(), start_at: Some(NOW.plus(30 * DAY)), ..all };
        let scheduled = world.submitted(later).await;
        world.approve(&manager(), &scheduled).await.unwrap();
        assert_eq!(world.state(&scheduled).await, RolloutState::Approved);
        let file = world.fleet.folder().join("backup");
        backup(&world.fleet, &RULE, &file).await.unwrap();
        // What the backup knows nothing of.
        let since = world.offered(&devices[1]).await.unwrap();
        world.fleet.abort_rollout(&manager(), &running, Abort::Keep, "it bricks").await.unwrap();
        let (_place, fleet, restored) = restored(&world, &file).await;
        assert_eq!((restored.held_back, restored.missing.as_slice()), (2, &[][..]), "{}", world.name());
        for (code, state) in [(&running, RolloutState::Paused), (&scheduled, RolloutState::Draft)] {
            let detail = fleet.rollout(&operator(), code).await.unwrap();
            assert_eq!(detail.row.state, state, "{}", world.name());
            assert!(detail.row.reason.contains("restored from a backup"), "{}", detail.row.reason);
        }
        for device in &devices {
            assert_eq!(fleet.poll(device).await.unwrap().update, None, "{}: {}", world.name(), device.name());
        }
        fleet.resume_rollout(&manager(), &running, Resume::default()).await.unwrap();
        // Files that can't be read in time are no verdict; it is looked at them again.
        let mut told = None;
        for _ in 0..150 {
            told = fleet.poll(&devices[2]).await.unwrap().update;
            if told.is_some() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            fleet.look_after_rollouts().await.unwrap();
        }
        let Some(fleet::update::UpdateLink::Deployment { id, .. }) = told else { panic!("{told:?}") };
        assert!(id > since.max(before) + 100_000, "{}: {id} was another update's", world.name());
        assert_eq!(fleet.audit_verify(&RULE).await.unwrap().break_at, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_nobody_is_taken_back_until_a_person_says_so() {
    for world in worlds().await {
        let devices = world.devices(3).await;
        let (old, new) = (world.release("1.0", Stage::Production).await, world.release("2.0", Stage::Production).await);
        let all = Plan { waves: vec![wave(WaveSize::Rest)], revert_to: Some(old), ..plan(new) };
        let code = world.started(Plan { reaction: Reaction::AbortRevert, ..all }).await;
        for device in &devices {
            let id = world.offered(device).await.unwrap();
            world.installs(device, id, "2.0").await;
        }
        world.fleet.abort_rollout(&manager(), &code, Abort::Revert, "it bricks").await.unwrap();
        let back = world.offered(&devices[0]).await.unwrap();
        world.installs(&devices[0], back, "1.0").await;
        let told = world.offered(&devices[1]).await.unwrap();
        let file = world.fleet.folder().join("backup");
        backup(&world.fleet, &RULE, &file).await.unwrap();
        let (_place, fleet, restored) = restored(&world, &file).await;
        assert_eq!(restored.held_back, 1, "{}", world.name());
        for device in &devices {
            assert_eq!(fleet.poll(device).await.unwrap().update, None, "{}: {}", world.name(), device.name());
        }
        fleet.look_after_rollouts().await.unwrap();
        let detail = fleet.rollout(&operator(), &code).await.unwrap();
        assert!(detail.row.reason.contains("restored from a backup"), "{}", detail.row.reason);
        fleet.abort_rollout(&manager(), &code, Abort::Revert, "it bricks, still").await.unwrap();
        fleet.read_what_is_sent().await;
        assert_eq!(fleet.poll(&devices[0]).await.unwrap().update, None, "{}: it is back", world.name());
        for device in &devices[1..] {
            let told_now = fleet.poll(device).await.unwrap().update;
            let Some(fleet::update::UpdateLink::Deployment { id, .. }) = told_now else { panic!("{told_now:?}") };
            assert!(id > told, "{}: it is told anew", world.name());
        }
        assert_eq!(fleet.audit_verify(&RULE).await.unwrap().break_at, None);
    }
}
