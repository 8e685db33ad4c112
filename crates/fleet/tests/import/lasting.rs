//! What lasts: a database that refuses, a file that is gone, a disk without room, another process that imports too.

use crate::{
    epcis::{document, gs1},
    world::{HEADER, NOW, OPERATOR, World, finished, fleet_on, is_done, manifest, row, worlds},
};
use domain::{id::ImportId, import::ImportState, node::Lease, time::DAY};
use fleet::{Error, Fleet, import::ImportRequest};
use futures::{StreamExt, stream};
use std::{io, sync::Arc, time::Duration};
use store::Db;
use tokio::sync::oneshot;

/// Makes the database refuse rows of a table; `false` takes that back.
async fn refuse(db: &Db, table: &str, column: &str, value: &str, refuse: bool) {
    let sql = match (db, refuse) {
        (Db::Sqlite { .. }, true) => format!(
            "CREATE TRIGGER refuse BEFORE INSERT ON {table} WHEN NEW.{column} = '{value}' \
             BEGIN SELECT RAISE(ABORT, 'refused'); END"
        ),
        (Db::Sqlite { .. }, false) => "DROP TRIGGER refuse".to_owned(),
        (Db::Postgres(_), true) => {
            format!("ALTER TABLE {table} ADD CONSTRAINT refuse CHECK ({column} <> '{value}')")
        }
        (Db::Postgres(_), false) => format!("ALTER TABLE {table} DROP CONSTRAINT refuse"),
    };
    let sql = sqlx::AssertSqlSafe(sql);
    match db {
        Db::Sqlite { write, .. } => sqlx::query(sql).execute(write).await.map(drop),
        Db::Postgres(pool) => sqlx::query(sql).execute(pool).await.map(drop),
    }
    .unwrap();
}

async fn start(fleet: &Fleet, name: &str, text: String) -> ImportId {
    let pieces = stream::iter([Ok::<_, io::Error>(text.into_bytes())]);
    fleet.start_import(&OPERATOR, &ImportRequest::new(name), pieces).await.unwrap()
}

async fn set_aside(world: &World, id: ImportId) -> fleet::import::Import {
    for _ in 0..1_000 {
        let import = world.fleet.import(&OPERATOR, id).await.unwrap();
        if import.state.is_final() || !import.message.is_empty() {
            return import;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the import is not set aside");
}

/// A fleet with a data folder of its own.
fn elsewhere(world: &World) -> (Fleet, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Fleet::with_clock(world.fixture.db.clone(), folder.path().to_owned(), Arc::new(|| NOW)), folder)
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_sent_in_is_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    for world in worlds().await {
        is_done(&world.import("a.csv", manifest(0..2)).await, 2, 0, 0);
        let folder = world.fixture.folder.path().join("imports");
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join("node"))), (0o700, 0o600));
    }
}

#[tokio::test]
async fn what_the_database_refuses_does_not_hold_up_other_imports() {
    for world in worlds().await {
        let db = &world.fixture.db;
        refuse(db, "device", "serial", "GW-001500", true).await;
        let stuck = start(&world.fleet, "a.csv", manifest(0..2_000)).await;
        is_done(&world.import("b.csv", manifest(5_000..5_010)).await, 10, 0, 0);
        let import = world.fleet.import(&OPERATOR, stuck).await.unwrap();
        assert_eq!((import.state, import.rows_applied), (ImportState::Applying, 1_000), "{}", world.name());
        assert!(import.message.contains("1,000 of 2,000 rows came in"), "{}", import.message);
        refuse(db, "device", "serial", "GW-001500", false).await;
        // As the next start does.
        let fleet = fleet_on(db.clone(), &world.fixture);
        fleet.resume_imports().await.unwrap();
        is_done(&finished(&fleet, stuck).await, 2_000, 0, 0);
        assert_eq!(world.total().await, 2_010);
    }
}

#[tokio::test]
async fn rows_that_become_bad_before_they_are_entered_are_counted_and_reported() {
    for world in worlds().await {
        let db = &world.fixture.db;
        refuse(db, "device", "serial", "GW-001500", true).await;
        let id = start(&world.fleet, "a.csv", manifest(0..2_000)).await;
        set_aside(&world, id).await;
        refuse(db, "device", "serial", "GW-001500", false).await;
        let mut taken = String::from(HEADER);
        for n in [1_700, 1_800] {
            taken.push_str(&row(n).replace("2026-11-A", "2026-12-Z"));
        }
        is_done(&world.import("b.csv", taken).await, 2, 0, 0);
        let fleet = fleet_on(db.clone(), &world.fixture);
        fleet.resume_imports().await.unwrap();
        let import = finished(&fleet, id).await;
        is_done(&import, 1_998, 0, 2);
        assert!(
            import.message.ends_with("Of the bad, 2 rows only because the fleet changed meanwhile."),
            "{}: {}",
            world.name(),
            import.message
        );
        let problems = world.problems(&import).await;
        let told: Vec<_> = problems.iter().map(|p| (p.line, p.code.as_str())).collect();
        assert_eq!(told, [(1_702, "serial_taken"), (1_802, "serial_taken")]);
        assert_eq!(world.total().await, 2_000);
    }
}

#[tokio::test]
async fn events_that_become_bad_before_they_are_entered_are_counted_and_reported() {
    for world in worlds().await {
        let db = &world.fixture.db;
        gs1(&world).await;
        let event = serde_json::json!({
            "type": "AssociationEvent", "eventID": "urn:uuid:00000000-0000-4000-8000-000000000001",
            "eventTime": "2026-02-01T00:00:00Z", "eventTimeZoneOffset": "+00:00", "action": "ADD",
            "parentID": "urn:dev:muster:2017", "childEPCs": ["urn:dev:musterpart:board:B-7"], "bizStep": "repairing"
        });
        refuse(db, "epcis_event", "event_id", "urn:uuid:00000000-0000-4000-8000-000000000001", true).await;
        let id = start(&world.fleet, "parts.jsonld", document(&[event])).await;
        let import = set_aside(&world, id).await;
        assert_eq!((import.state, import.bad), (ImportState::Applying, 0), "{import:#?}");
        assert!(import.message.contains("0 of 1 event "), "{}", import.message);
        refuse(db, "epcis_event", "event_id", "", false).await;
        let thief = "serial,model,hardware_revision,batch,factory,made_at,sgtin,board\n\
                     3000,Widget,A,W-1,springfield,2005-01-01,0614141.107346,B-7\n";
        is_done(&world.import("thief.csv", thief).await, 1, 0, 0);
        let fleet = fleet_on(db.clone(), &world.fixture);
        fleet.resume_imports().await.unwrap();
        let import = finished(&fleet, id).await;
        is_done(&import, 0, 0, 1);
        let problem = &world.problems(&import).await[0];
        assert_eq!((problem.line, problem.code.as_str()), (1, "component_taken"));
        assert!(problem.message.starts_with("it is fitted in 3000"), "{}", problem.message);
    }
}

#[tokio::test]
async fn one_import_at_a_time_whichever_process_works_on_it() {
    for world in worlds().await {
        let (other, _folder) = elsewhere(&world);
        let turn = world.fleet.turn(Lease::Imports).await.unwrap();
        let first = start(&world.fleet, "a.csv", manifest(0..3_000)).await;
        let second = start(&other, "b.csv", manifest(1_500..4_500)).await;
        tokio::time::sleep(Duration::from_millis(600)).await;
        for id in [first, second] {
            let import = world.fleet.import(&OPERATOR, id).await.unwrap();
            assert_eq!(import.state, ImportState::Received, "{}", world.name());
        }
        drop(turn);
        let (first, second) = (finished(&world.fleet, first).await, finished(&other, second).await);
        assert_eq!((first.added + second.added, first.unchanged + second.unchanged), (4_500, 1_500));
        assert_eq!((first.bad, second.bad, world.total().await), (0, 0, 4_500));
    }
}

#[tokio::test]
async fn a_start_does_not_sweep_away_what_is_arriving_elsewhere() {
    for world in worlds().await {
        let text = manifest(0..100).into_bytes();
        let (go, wait) = oneshot::channel::<()>();
        let (head, rest) = (text[..500].to_vec(), text[500..].to_vec());
        let pieces = stream::iter([Ok::<_, io::Error>(head)]).chain(stream::once(async move {
            wait.await.unwrap();
            Ok(rest)
        }));
        let fleet = world.fleet.clone();
        let request = ImportRequest::new("a.csv");
        let upload = tokio::spawn(async move { fleet.start_import(&OPERATOR, &request, Box::pin(pieces)).await });
        while std::fs::read_dir(world.fixture.folder.path().join("imports")).map_or(0, Iterator::count) < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let console = fleet_on(world.fixture.db.clone(), &world.fixture);
        console.resume_imports().await.unwrap();
        go.send(()).unwrap();
        let id = upload.await.unwrap().unwrap();
        is_done(&finished(&world.fleet, id).await, 100, 0, 0);
    }
}

#[tokio::test]
async fn an_import_of_a_folder_that_is_gone_ends_and_says_so() {
    for world in worlds().await {
        let turn = world.fleet.turn(Lease::Imports).await.unwrap();
        let (other, folder) = elsewhere(&world);
        let id = start(&other, "a.csv", manifest(0..10)).await;
        drop(folder);
        world.fleet.resume_imports().await.unwrap();
        let mut import = world.fleet.import(&OPERATOR, id).await.unwrap();
        if world.fixture.url.is_some() {
            // The other folder may be served again, for a while.
            assert_eq!(import.state, ImportState::Received);
            assert!(import.message.starts_with("Its file lies in another data folder"), "{}", import.message);
            let clock = Arc::new(|| NOW.plus(2 * DAY));
            let later = Fleet::with_clock(world.fixture.db.clone(), world.fixture.folder.path().to_owned(), clock);
            later.resume_imports().await.unwrap();
            import = later.import(&OPERATOR, id).await.unwrap();
        }
        assert_eq!(import.state, ImportState::Failed, "{}", world.name());
        assert!(import.message.starts_with("The uploaded file is not in this data folder. Send it again;"));
        drop(turn);
    }
}

#[tokio::test]
async fn files_that_wait_leave_room_on_the_disk() {
    for world in worlds().await {
        let turn = world.fleet.turn(Lease::Imports).await.unwrap();
        let text = manifest(0..100);
        let first = start(&world.fleet, "a.csv", text.clone()).await;
        let tight = ImportRequest { room: text.len() as u64 + 500, ..ImportRequest::new("b.csv") };
        let refused = world.send(&tight, text.as_bytes()).await;
        assert!(matches!(&refused, Err(Error::NoRoom(why)) if why.contains("when some of those are done")));
        drop(turn);
        is_done(&finished(&world.fleet, first).await, 100, 0, 0);
        // The file goes a moment after its import has ended.
        assert_eq!(world.left_over().await, 0);
        is_done(&world.send(&tight, text.as_bytes()).await.unwrap(), 0, 100, 0);
    }
}

#[tokio::test]
async fn a_nul_in_a_file_never_reaches_the_database() {
    for world in worlds().await {
        // The beginning of a file with NULs would be taken for UTF-16 or for no text.
        let mut text = manifest(0..200);
        text.push_str(&row(300).replace("GW-200", "GW\x00200"));
        text.push_str(&row(301).replace("NXP", "N\0XP"));
        text.push_str(&row(302).replace("CPU302", "CPU\x00302"));
        is_done(&world.skipping("a.csv", text).await, 200, 0, 3);
        let line = |n: u64, model: &str, more: &str| {
            format!(
                "{{\"serial\":\"J-{n}\",\"model\":\"{model}\",\"hardware_revision\":\"C\",\"batch\":\"2026-11-J\",\
                 \"factory\":\"brno\",\"made_at\":\"2026-10-01\"{more}}}\n"
            )
        };
        let text = line(1, "GW-200", "") + &line(2, "GW\\u0000", "") + &line(3, "GW-200", ",\"x_\\u0000\":\"\\u0000\"");
        let import = world.skipping("a.jsonl", text).await;
        assert_eq!((import.state, import.bad), (ImportState::Done, 1), "{}: {import:#?}", world.name());
        let import = world.import("a.jsonld", "{\"type\": \"Inv\\u0000oice\"}").await;
        assert_eq!(import.state, ImportState::Refused, "{}: {import:#?}", world.name());
        let import = world.import("a.csv", format!("ser\0ial,{HEADER}{}", row(400))).await;
        assert_eq!(import.state, ImportState::Refused, "{}: {import:#?}", world.name());
    }
}
