//! Backup while somebody writes, and restore, on both databases.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "backup/hostile.rs"]
mod hostile;
#[path = "backup/kept.rs"]
mod kept;
#[path = "backup/old.rs"]
mod old;

use domain::{
    id::ImportId,
    import::{ImportFormat, ImportState},
    person::Role,
    time::Timestamp,
    webhook::HookState,
};
use fleet::{
    Actor, Error, Fleet, Keys, Origin,
    backup::{Restored, backup, restore_postgres, restore_sqlite},
    catalogue::CustodianForm,
    people::UserForm,
    release::ShelfPlace,
    token::TokenForm,
    webhook::WebhookForm,
};
use sqlx::AssertSqlSafe;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use store::{
    Db,
    import::Import,
    session::SessionRow,
    testing::{self, Fixture},
};

const COMMAND: Actor = Actor::Rule { name: "command line" };
const PASSWORD: &str = "a sentence is a good password";

fn fleet_of(fixture: &Fixture) -> Fleet {
    Fleet::new(fixture.db.clone(), fixture.folder.path().to_owned())
}

async fn add_custodian(fleet: &Fleet, name: &str) {
    let form = CustodianForm { name: name.to_owned(), kind: "client".to_owned(), ..CustodianForm::default() };
    fleet.add_custodian(&COMMAND, &form).await.unwrap();
}

/// Something in many tables; one of them longer than one part of an archive.
async fn fill(fleet: &Fleet) {
    let form = UserForm { email: "ada@muster.example".to_owned(), name: "Ada".to_owned(), role: "admin".to_owned() };
    let ada = fleet.add_user_with_password(&COMMAND, &form, PASSWORD).await.unwrap();
    fleet
        .add_token(&COMMAND, &TokenForm { name: "CI".to_owned(), role: "operator".to_owned(), days: 7 })
        .await
        .unwrap();
    fleet.sign_in_link(&COMMAND, ada.id).await.unwrap();
    for n in 0..20 {
        add_custodian(fleet, &format!("Client {n} “ü” 'quoted' \\ \t tab")).await;
        let key = format!("key-{n}");
        let Ok(fleet::idempotency::Begun::Fresh(claim)) = fleet.begin_request(&COMMAND, &key, "hash").await else {
            panic!("not fresh");
        };
        fleet.finish_request(claim, 200, &format!("{n}").repeat(500_000)).await.unwrap();
    }
    let now = fleet.now();
    let session = SessionRow {
        id: "a session".to_owned(),
        user_id: Some(ada.id),
        data: String::new(),
        address: String::new(),
        user_agent: String::new(),
        created_at: now,
        last_seen_at: now,
        expires_at: Timestamp(i64::MAX),
    };
    store::session::insert(fleet.db(), &session).await.unwrap();
    let mut tx = fleet.db().begin().await.unwrap();
    store::repair::attached::add_picture(&mut tx, "a hash", &[0, 0xff, b'\'', b'\n'].repeat(100_000)).await.unwrap();
    tx.commit().await.unwrap();
}

/// Every table's rows as texts, in order.
async fn dump(db: &Db) -> BTreeMap<String, Vec<String>> {
    let mut dump = BTreeMap::new();
    match db {
        Db::Sqlite { read, .. } => {
            let tables: Vec<(String, String)> = sqlx::query_as(
                "SELECT m.name, group_concat('quote(' || p.name || ')', '||char(31)||') \
                 FROM sqlite_schema m, pragma_table_info(m.name) p \
                 WHERE m.type = 'table' AND (m.name = 'sqlite_sequence' OR m.name NOT LIKE 'sqlite_%') GROUP BY m.name",
            )
            .fetch_all(read)
            .await
            .unwrap();
            for (table, columns) in tables {
                let sql = format!("SELECT {columns} FROM {table} ORDER BY 1");
                dump.insert(table, sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(read).await.unwrap());
            }
        }
        Db::Postgres(pool) => {
            let tables: Vec<String> = sqlx::query_scalar(
                "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '\\_sqlx%'",
            )
            .fetch_all(pool)
            .await
            .unwrap();
            for table in tables {
                let sql = format!("SELECT t::text FROM {table} t ORDER BY 1");
                dump.insert(table, sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(pool).await.unwrap());
            }
            let sequences = "SELECT sequencename || ' ' || COALESCE(last_value, 0) FROM pg_sequences ORDER BY 1";
            dump.insert("sequences".to_owned(), sqlx::query_scalar(sequences).fetch_all(pool).await.unwrap());
        }
    }
    dump
}

/// An empty place of the same kind, and how to restore into it.
struct Place {
    fixture: Fixture,
}

impl Place {
    async fn like(other: &Fixture) -> Self {
        Self { fixture: if other.url.is_some() { testing::postgres().await } else { testing::sqlite().await }.unwrap() }
    }

    async fn restore(&self, file: &Path, force: bool) -> Result<Restored, Error> {
        let folder = self.fixture.folder.path();
        match &self.fixture.url {
            Some(url) => restore_postgres(&COMMAND, url, folder, &ShelfPlace::Folder, file, force)
                .await
                .map(|(_, restored)| restored),
            None => restore_sqlite(&COMMAND, folder, &ShelfPlace::Folder, file, force).await,
        }
    }

    async fn open(&self) -> Fleet {
        let db = Db::open(self.fixture.folder.path(), self.fixture.url.as_deref()).await.unwrap();
        Fleet::new(db, self.fixture.folder.path().to_owned())
    }
}

#[track_caller]
fn told<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Conflict(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_restored_is_what_was_there() {
    for fixture in testing::both().await.unwrap() {
        let fleet = fleet_of(&fixture);
        fill(&fleet).await;
        let before = dump(&fixture.db).await;
        let file = fixture.folder.path().join("backup.muster");
        let written = backup(&fleet, &COMMAND, &file).await.unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().len(), written.bytes);
        assert!(written.bytes > 10_000_000);
        let place = Place::like(&fixture).await;
        place.fixture.db.close().await;
        assert_eq!(place.restore(&file, false).await.unwrap(), Restored::default(), "{}", fixture.name);
        let restored = place.open().await;
        assert_eq!(restored.audit_verify(&COMMAND).await.unwrap().break_at, None);
        let mut after = dump(restored.db()).await;
        assert!(after["session"].is_empty() && after["one_time_link"].is_empty(), "they were ended by the restore");
        assert!(after["audit"].iter().any(|entry| entry.contains("backup.restore")));
        after.get_mut("audit").unwrap().retain(|entry| !entry.contains("backup.restore"));
        for (table, rows) in &before {
            if !["session", "one_time_link", "audit_head"].contains(&table.as_str()) {
                assert!(rows == &after[table], "{}: {table} differs", fixture.name);
            }
        }
        assert_eq!(before.len(), after.len());
        // It is in use as before: people come in, numbering goes on.
        let nobody = Actor::Nobody { origin: Origin::default() };
        let ada = restored.sign_in(&nobody, "ada@muster.example", PASSWORD).await.unwrap().inside().unwrap();
        assert_eq!(ada.role, Role::Admin);
        add_custodian(&restored, "One more").await;
    }
}

/// An import that was under way when the backup was made.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_copy_tells_webhooks_nothing_until_somebody_looks() {
    for fixture in testing::both().await.unwrap() {
        let passphrase = pki::Passphrase::new("correct horse".to_owned()).unwrap();
        let keys = Keys { folder: fixture.folder.path().join("keys"), passphrase: Some(passphrase) };
        let fleet = fleet_of(&fixture).with_keys(keys);
        let form = WebhookForm { url: "https://hooks.example/muster".into(), kinds: vec!["rollout.started".into()] };
        fleet.add_webhook(&COMMAND, &form).await.unwrap();
        let file = fixture.folder.path().join("backup.muster");
        backup(&fleet, &COMMAND, &file).await.unwrap();
        let place = Place::like(&fixture).await;
        place.fixture.db.close().await;
        place.restore(&file, false).await.unwrap();
        let restored = place.open().await.webhooks(&COMMAND).await.unwrap();
        assert_eq!(restored[0].hook.state, HookState::Paused, "{}", fixture.name);
        assert!(restored[0].hook.note.contains("restored"), "{}", restored[0].hook.note);
    }
}

async fn import_under_way(fleet: &Fleet, state: ImportState) -> ImportId {
    let import = Import {
        id: ImportId(uuid::Uuid::now_v7()),
        file_name: "a.csv".to_owned(),
        format: ImportFormat::Csv,
        sha256: String::new(),
        size: 1,
        dry_run: false,
        skip_bad_rows: false,
        state,
        actor: "ada@muster.example".to_owned(),
        node: "a folder".to_owned(),
        rows_checked: 0,
        rows_applied: 0,
        bytes_done: 0,
        added: 0,
        unchanged: 0,
        bad: 0,
        left_out: 0,
        message: String::new(),
        created_at: fleet.now(),
        finished_at: None,
    };
    let mut tx = fleet.db().begin().await.unwrap();
    store::import::insert(&mut tx, &import).await.unwrap();
    tx.commit().await.unwrap();
    import.id
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_whose_files_are_in_no_backup_end_with_the_restore() {
    for fixture in testing::both().await.unwrap() {
        let fleet = fleet_of(&fixture);
        let mut ids = Vec::new();
        for state in [ImportState::Received, ImportState::Checking, ImportState::Applying] {
            ids.push(import_under_way(&fleet, state).await);
        }
        let done = import_under_way(&fleet, ImportState::Done).await;
        let file = fixture.folder.path().join("backup.muster");
        backup(&fleet, &COMMAND, &file).await.unwrap();
        let place = Place::like(&fixture).await;
        place.fixture.db.close().await;
        place.restore(&file, false).await.unwrap();
        let restored = place.open().await;
        restored.resume_imports().await.unwrap();
        for id in ids {
            let import = restored.import(&COMMAND, id).await.unwrap();
            assert_eq!(import.state, ImportState::Failed, "{}", fixture.name);
            assert!(import.finished_at.is_some());
            assert!(import.message.contains("backups don't hold the files of imports. Send the file again"));
        }
        let done = restored.import(&COMMAND, done).await.unwrap();
        assert_eq!((done.state, done.message.as_str()), (ImportState::Done, ""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_of_one_moment_while_others_write() {
    for fixture in testing::both().await.unwrap() {
        let fleet = fleet_of(&fixture);
        fill(&fleet).await;
        let stop = Arc::new(AtomicBool::new(false));
        let writer = tokio::spawn({
            let (fleet, stop) = (fleet.clone(), stop.clone());
            async move {
                let mut n = 0;
                while !stop.load(Ordering::SeqCst) {
                    add_custodian(&fleet, &format!("Written meanwhile {n}")).await;
                    n += 1;
                }
                n
            }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        let count = async |fleet: &Fleet| fleet.catalogue(&COMMAND).await.unwrap().custodians.len();
        let mut files: Vec<(PathBuf, usize)> = Vec::new();
        for n in 0..3 {
            let at_least = count(&fleet).await;
            let file = fixture.folder.path().join(format!("{n}.muster"));
            backup(&fleet, &COMMAND, &file).await.unwrap();
            files.push((file, at_least));
        }
        stop.store(true, Ordering::SeqCst);
        let written: usize = writer.await.unwrap();
        let place = Place::like(&fixture).await;
        place.fixture.db.close().await;
        for (file, at_least) in files {
            place.restore(&file, true).await.unwrap();
            let restored = place.open().await;
            assert_eq!(restored.audit_verify(&COMMAND).await.unwrap().break_at, None);
            let (custodians, rows) = (count(&restored).await, dump(restored.db()).await);
            assert!((at_least..=20 + written).contains(&custodians), "{}: {at_least} {custodians}", fixture.name);
            let audited = rows["audit"].iter().filter(|entry| entry.contains("custodian.add")).count();
            let rung = rows["change"].iter().filter(|change| change.contains("custodian")).count();
            assert_eq!((audited, rung), (custodians, custodians), "{}: not of one moment", fixture.name);
            restored.db().close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_use_is_not_replaced_by_accident() {
    for fixture in testing::both().await.unwrap() {
        let fleet = fleet_of(&fixture);
        fill(&fleet).await;
        let file = fixture.folder.path().join("backup.muster");
        backup(&fleet, &COMMAND, &file).await.unwrap();
        let again = backup(&fleet, &COMMAND, &file).await.map(drop);
        assert!(told(again).contains("is there already"));
        let place = Place::like(&fixture).await;
        let running = told(place.restore(&file, true).await);
        assert!(running.contains("stop"), "{running}");
        add_custodian(&fleet_of(&place.fixture), "Here before").await;
        place.fixture.db.close().await;
        let used = told(place.restore(&file, false).await);
        assert!(used.contains("holds data") && used.contains("--force"), "{used}");
        let still = place.open().await;
        assert_eq!(still.catalogue(&COMMAND).await.unwrap().custodians[0].name, "Here before");
        still.db().close().await;
        place.restore(&file, true).await.unwrap();
        assert_eq!(place.open().await.catalogue(&COMMAND).await.unwrap().custodians.len(), 20);
        if place.fixture.url.is_none() {
            let kept = Db::sqlite(&place.fixture.folder.path().join("muster.db.before-restore")).await.unwrap();
            assert_eq!(store::custodian::all(&kept).await.unwrap()[0].name, "Here before");
        }
        for actor in [Actor::Nobody { origin: Origin::default() }, fleet_user(&fleet).await] {
            assert!(backup(&fleet, &actor, &fixture.folder.path().join("no")).await.is_err());
            assert!(restore_sqlite(&actor, fixture.folder.path(), &ShelfPlace::Folder, &file, true).await.is_err());
            assert!(
                restore_postgres(&actor, "postgres://nowhere", fixture.folder.path(), &ShelfPlace::Folder, &file, true)
                    .await
                    .is_err()
            );
        }
        let left: Vec<_> = std::fs::read_dir(fixture.folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().contains("partial")), "{left:?}");
    }
}

async fn fleet_user(fleet: &Fleet) -> Actor {
    let ada = fleet.user_by_email(&COMMAND, "ada@muster.example").await.unwrap();
    fleet.actor_of_user(ada.id, Origin::default()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_changes_nothing() {
    let fixtures = testing::both().await.unwrap();
    let mut whole = Vec::new();
    for fixture in &fixtures {
        let fleet = fleet_of(fixture);
        fill(&fleet).await;
        let file = fixture.folder.path().join("backup.muster");
        backup(&fleet, &COMMAND, &file).await.unwrap();
        whole.push(std::fs::read(&file).unwrap());
    }
    for (at, fixture) in fixtures.iter().enumerate() {
        let place = Place::like(fixture).await;
        place.fixture.db.close().await;
        let good = &whole[at];
        let mut flipped = good.clone();
        let middle = flipped.len() / 2;
        flipped[middle..middle + 64].fill(0xA5);
        let cases = [
            ("another database's", whole[1 - at].clone()),
            ("cut off", good[..good.len() / 2].to_vec()),
            ("empty", Vec::new()),
            ("something else", b"<html>not found</html>".repeat(100)),
            ("changed", flipped),
            ("without its end", good[..good.len() - 4096].to_vec()),
        ];
        for (what, bytes) in cases {
            let file = place.fixture.folder.path().join("bad.muster");
            std::fs::write(&file, bytes).unwrap();
            let why = told(place.restore(&file, false).await);
            assert!(!why.is_empty(), "{what}");
            let untouched = place.open().await;
            assert!(untouched.set_up_needed().await.unwrap(), "{}: {what}: {why}", fixture.name);
            untouched.db().close().await;
            assert!(!place.fixture.folder.path().join("muster.db.restoring").exists(), "{what}");
        }
        let missing = told(place.restore(Path::new("/nowhere/backup.muster"), false).await);
        assert!(missing.contains("/nowhere/backup.muster"), "{missing}");
        let file = place.fixture.folder.path().join("good.muster");
        std::fs::write(&file, good).unwrap();
        place.restore(&file, false).await.unwrap();
        assert!(!place.open().await.set_up_needed().await.unwrap());
    }
}
