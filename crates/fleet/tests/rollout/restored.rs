//! What a restore of an older backup does with rollouts.

use crate::world::*;
use domain::{
    release::Stage,
    rollout::{Plan, RolloutState, WaveSize},
    time::{DAY, SECOND},
};
use fleet::{
    Fleet,
    backup::{backup, restore_postgres, restore_sqlite},
    release::ShelfPlace,
};
use store::{Db, testing};

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
        world.fleet.abort_rollout(&manager(), &running, fleet::rollout::Abort::Keep, "it bricks").await.unwrap();
        let of_postgres = matches!(world.fleet.db(), Db::Postgres(_));
        let place = if of_postgres { testing::postgres().await } else { testing::sqlite().await }.unwrap();
        place.db.close().await;
        let folder = place.folder.path();
        let restored = match &place.url {
            Some(url) => restore_postgres(&RULE, url, folder, &ShelfPlace::Folder, &file, false).await.unwrap().1,
            None => restore_sqlite(&RULE, folder, &ShelfPlace::Folder, &file, false).await.unwrap(),
        };
        assert_eq!((restored.held_back, restored.missing.as_slice()), (2, &[][..]), "{}", world.name());
        let db = Db::open(folder, place.url.as_deref()).await.unwrap();
        let now = world.fleet.now().plus(SECOND);
        let fleet = Fleet::with_clock(db, folder.to_owned(), std::sync::Arc::new(move || now));
        fleet.load_trust().await.unwrap();
        fleet.refresh_rollouts().await.unwrap();
        fleet.look_after_rollouts().await.unwrap();
        for (code, state) in [(&running, RolloutState::Paused), (&scheduled, RolloutState::Draft)] {
            let detail = fleet.rollout(&operator(), code).await.unwrap();
            assert_eq!(detail.row.state, state, "{}", world.name());
            assert!(detail.row.reason.contains("restored from a backup"), "{}", detail.row.reason);
        }
        for device in &devices {
            assert_eq!(fleet.poll(device).await.unwrap().update, None, "{}: {}", world.name(), device.name());
        }
        fleet.resume_rollout(&manager(), &running).await.unwrap();
        let told = fleet.poll(&devices[2]).await.unwrap().update;
        let Some(fleet::update::UpdateLink::Deployment { id, .. }) = told else { panic!("{told:?}") };
        assert!(id > since.max(before) + 100_000, "{}: {id} was another update's", world.name());
        assert_eq!(fleet.audit_verify(&RULE).await.unwrap().break_at, None);
    }
}
