//! A process that dies in the middle of an import goes on with it.

use crate::world::{OPERATOR, finished, fleet_on, is_done, manifest, worlds};
use domain::{id::ImportId, import::ImportState};
use fleet::{Fleet, import::ImportRequest};
use futures::stream;
use std::time::Duration;
use store::{
    Db,
    testing::{self, Fixture},
};

async fn open(fixture: &Fixture) -> Fleet {
    let db = Db::open(fixture.folder.path(), fixture.url.as_deref()).await.unwrap();
    fleet_on(db, fixture)
}

/// Starts an import on a runtime of its own, and ends that runtime as soon as `far_enough` is true.
async fn interrupt(fixture: &Fixture, text: String, far_enough: fn(i64, ImportState) -> bool) -> ImportId {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (folder, url) = (fixture.folder.path().to_owned(), fixture.url.clone());
    let task = runtime.spawn(async move {
        let db = Db::open(&folder, url.as_deref()).await.unwrap();
        let fleet = Fleet::with_clock(db, folder, std::sync::Arc::new(|| crate::world::NOW));
        let pieces = [Ok::<_, std::io::Error>(text.into_bytes())];
        let id = fleet.start_import(&OPERATOR, &ImportRequest::new("a.csv"), stream::iter(pieces)).await.unwrap();
        loop {
            let import = fleet.import(&OPERATOR, id).await.unwrap();
            if far_enough(import.rows_applied, import.state) || import.state.is_final() {
                return id;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let id = task.await.unwrap();
    // Drops every task wherever it waits.
    runtime.shutdown_background();
    id
}

#[tokio::test]
async fn an_import_goes_on_where_it_was() {
    for world in worlds().await {
        let text = manifest(0..9_500);
        let id = interrupt(&world.fixture, text.clone(), |applied, _| applied > 0).await;
        let fleet = open(&world.fixture).await;
        testing::until_at_rest(fleet.db()).await.unwrap();
        let before = fleet.import(&OPERATOR, id).await.unwrap();
        assert_eq!(before.state, ImportState::Applying, "{}: interrupted too late", world.name());
        assert!(before.rows_applied < 9_500 && before.rows_applied % 1_000 == 0);
        assert_eq!(fleet.device_total(&OPERATOR).await.unwrap(), before.rows_applied);
        fleet.resume_imports().await.unwrap();
        let import = finished(&fleet, id).await;
        is_done(&import, 9_500, 0, 0);
        assert_eq!((import.rows_applied, fleet.device_total(&OPERATOR).await.unwrap()), (9_500, 9_500));
        let record = fleet.device_record(&OPERATOR, "GW-009499").await.unwrap();
        assert_eq!((record.components.len(), record.history.len()), (3, 2));
        assert_eq!(fleet.count_devices(&OPERATOR, "").await.unwrap(), 9_500);
        is_done(&world.import("a.csv", text).await, 0, 9_500, 0);
    }
}

#[tokio::test]
async fn an_import_that_was_being_checked_is_checked_again() {
    for world in worlds().await {
        let id = interrupt(&world.fixture, manifest(0..20_000), |_, state| state == ImportState::Checking).await;
        let fleet = open(&world.fixture).await;
        fleet.resume_imports().await.unwrap();
        is_done(&finished(&fleet, id).await, 20_000, 0, 0);
    }
}

#[tokio::test]
async fn leftovers_are_swept_and_a_lost_file_is_said() {
    for world in worlds().await {
        let imports = world.fixture.folder.path().join("imports");
        is_done(&world.import("a.csv", manifest(0..1)).await, 1, 0, 0);
        for name in ["01936e5a-0000-7000-8000-000000000001.part", "01936e5a-0000-7000-8000-000000000002.data"] {
            std::fs::write(imports.join(name), "x").unwrap();
        }
        std::fs::write(imports.join("somebody's notes.txt"), "x").unwrap();
        world.fleet.resume_imports().await.unwrap();
        assert_eq!(world.spooled(), 1);
        let id = interrupt(&world.fixture, manifest(0..9_000), |applied, _| applied > 0).await;
        std::fs::remove_file(imports.join(format!("{id}.data"))).unwrap();
        world.fleet.resume_imports().await.unwrap();
        let import = finished(&world.fleet, id).await;
        assert_eq!(import.state, ImportState::Failed);
        assert!(import.message.starts_with("The uploaded file is gone; "), "{}", import.message);
    }
}
