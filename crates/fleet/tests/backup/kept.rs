//! What a restore of SQLite finds in the data folder: a log without its database is not played into the restored one, and
//! nothing that was kept is lost.

use crate::{COMMAND, Place, add_custodian, fleet_of, told};
use fleet::{
    backup::{backup, restore_sqlite},
    release::ShelfPlace,
};
use std::{fs, path::Path};
use store::{Db, testing};

/// The custodians of a database.
async fn names(database: &Path) -> Vec<String> {
    let db = Db::sqlite(database).await.unwrap();
    let names = store::custodian::all(&db).await.unwrap().into_iter().map(|one| one.name).collect();
    db.close().await;
    names
}

/// A database that was killed: copied while it was open, with a log that was not written back.
fn killed(from: &Path, to: &Path, suffixes: &[&str]) {
    for suffix in suffixes {
        fs::copy(format!("{}{suffix}", from.display()), format!("{}{suffix}", to.display())).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_its_database_is_not_played_into_the_restored_one() {
    let fixture = testing::sqlite().await.unwrap();
    let fleet = fleet_of(&fixture);
    add_custodian(&fleet, "Of the backup").await;
    let file = fixture.folder.path().join("backup.muster");
    backup(&fleet, &COMMAND, &file).await.unwrap();
    add_custodian(&fleet, "Since then").await;
    let place = tempfile::tempdir().unwrap();
    let (from, database) = (fixture.folder.path().join("muster.db"), place.path().join("muster.db"));
    killed(&from, &database, &["-wal", "-shm"]);
    let log = fs::read(place.path().join("muster.db-wal")).unwrap();
    assert!(!log.is_empty(), "there is something to be played");
    let why = told(restore_sqlite(&COMMAND, place.path(), &ShelfPlace::Folder, &file, false).await);
    assert!(why.contains("muster.db-wal is there without its database") && why.contains("--force"), "{why}");
    assert_eq!(fs::read(place.path().join("muster.db-wal")).unwrap(), log, "nothing was changed");
    restore_sqlite(&COMMAND, place.path(), &ShelfPlace::Folder, &file, true).await.unwrap();
    assert_eq!(names(&database).await, ["Of the backup"]);
    assert_eq!(fs::read(place.path().join("muster.db.before-restore-wal")).unwrap(), log);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_before_each_of_several_restores_is_kept() {
    let fixture = testing::sqlite().await.unwrap();
    let fleet = fleet_of(&fixture);
    add_custodian(&fleet, "Of the backup").await;
    let file = fixture.folder.path().join("backup.muster");
    backup(&fleet, &COMMAND, &file).await.unwrap();
    let place = Place::like(&fixture).await;
    let folder = place.fixture.folder.path();
    place.fixture.db.close().await;
    for name in ["First", "Second"] {
        let there = place.open().await;
        add_custodian(&there, name).await;
        there.db().close().await;
        place.restore(&file, true).await.unwrap();
    }
    assert_eq!(names(&folder.join("muster.db")).await, ["Of the backup"]);
    assert_eq!(names(&folder.join("muster.db.before-restore")).await, ["First"]);
    assert_eq!(names(&folder.join("muster.db.before-restore-2")).await, ["Of the backup", "Second"]);
    // A log that is kept takes the name, too: it belongs to nothing else.
    fs::write(folder.join("muster.db.before-restore-3-wal"), "a log").unwrap();
    place.restore(&file, true).await.unwrap();
    assert_eq!(fs::read(folder.join("muster.db.before-restore-3-wal")).unwrap(), b"a log");
    assert!(folder.join("muster.db.before-restore-4").exists());
}
