//! Backups of earlier versions, which held the database alone: they restore still, and it is said what is not in them.

use crate::{COMMAND, Place, add_custodian, fill, fleet_of, told};
use fleet::{
    backup::{backup, restore_postgres},
    release::ShelfPlace,
};
use sqlx::{AssertSqlSafe, Connection};
use std::{fs, path::Path};
use store::{Db, testing};

/// As earlier versions wrote it: of SQLite a database file, of PostgreSQL an archive of the first format.
async fn old_backup(db: &Db, new: &Path, old: &Path) {
    match db {
        Db::Sqlite { read, .. } => {
            let sql = AssertSqlSafe(format!("VACUUM INTO '{}'", old.display()));
            sqlx::query(sql).execute(read).await.unwrap();
        }
        Db::Postgres(_) => {
            let mut archive = tar::Archive::new(fs::File::open(new).unwrap());
            let mut tar = tar::Builder::new(fs::File::create(old).unwrap());
            for entry in archive.entries().unwrap() {
                let mut entry = entry.unwrap();
                let name = entry.path().unwrap().display().to_string();
                let mut data = Vec::new();
                std::io::Read::read_to_end(&mut entry, &mut data).unwrap();
                let mut value: serde_json::Value = serde_json::from_slice(&data).unwrap_or_default();
                match name.as_str() {
                    "header.json" => {
                        value["version"] = 1.into();
                        value.as_object_mut().unwrap().remove("database").unwrap();
                        data = value.to_string().into_bytes();
                    }
                    "contents.json" => {
                        value.as_object_mut().unwrap().remove("files").unwrap();
                        value.as_object_mut().unwrap().remove("header").unwrap();
                        data = value.to_string().into_bytes();
                    }
                    _ if name.starts_with("files/") => continue,
                    _ => {}
                }
                let mut header = tar::Header::new_gnu();
                header.set_size(data.len() as u64);
                tar.append_data(&mut header, &name, data.as_slice()).unwrap();
            }
            tar.finish().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_the_database_alone_restores_with_a_warning() {
    for fixture in testing::both().await.unwrap() {
        let fleet = fleet_of(&fixture);
        fill(&fleet).await;
        let (new, old) = (fixture.folder.path().join("new"), fixture.folder.path().join("old"));
        backup(&fleet, &COMMAND, &new).await.unwrap();
        old_backup(&fixture.db, &new, &old).await;
        let place = Place::like(&fixture).await;
        place.fixture.db.close().await;
        let restored = place.restore(&old, false).await.unwrap();
        assert!(restored.missing[0].contains("holds the database alone: keys/, crl/ and photos/"), "{restored:?}");
        let restored = place.open().await;
        assert_eq!(restored.catalogue(&COMMAND).await.unwrap().custodians.len(), 20, "{}", fixture.name);
    }
}

/// PostgreSQL's archives name the tables of their version; SQLite's files bring their tables along.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_earlier_tables_comes_up_to_date() {
    let fixture = testing::postgres().await.unwrap();
    let url = fixture.url.clone().unwrap();
    fixture.db.close().await;
    // A database as it was before photos were kept in it.
    let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
    let row = "INSERT INTO sign_in_throttle (subject, failures, window_start) VALUES ('kept', 3, 1)";
    for sql in testing::BEFORE_PHOTOS.iter().chain([&row]) {
        sqlx::query(*sql).execute(&mut connection).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    connection.close().await.unwrap();
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    let file = fixture.folder.path().join("backup");
    store::backup::write(&Db::Postgres(pool.clone()), fixture.folder.path(), None, &file, domain::time::Timestamp(1))
        .await
        .unwrap();
    pool.close().await;
    let place = Place::like(&fixture).await;
    add_custodian(&fleet_of(&place.fixture), "Here before").await;
    place.fixture.db.close().await;
    place.restore(&file, true).await.unwrap();
    let restored = place.open().await;
    assert!(restored.catalogue(&COMMAND).await.unwrap().custodians.is_empty());
    let Db::Postgres(pool) = restored.db() else { panic!("another database") };
    let count = async |table: &str| {
        let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        sqlx::query_scalar::<_, i64>(sql).fetch_one(pool).await.unwrap()
    };
    assert_eq!((count("sign_in_throttle").await, count("repair_picture").await), (1, 0));
    assert_eq!(restored.audit_verify(&COMMAND).await.unwrap().break_at, None);
}

/// A refusal leaves the tables of an earlier version as they are: that version's console goes on with them.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_refused_brings_no_table_up_to_date() {
    let fixture = testing::postgres().await.unwrap();
    let fleet = fleet_of(&fixture);
    add_custodian(&fleet, "Here before").await;
    let file = fixture.folder.path().join("backup");
    backup(&fleet, &COMMAND, &file).await.unwrap();
    fixture.db.close().await;
    let mut connection = sqlx::PgConnection::connect(fixture.url.as_deref().unwrap()).await.unwrap();
    for sql in testing::BEFORE_PHOTOS {
        sqlx::query(*sql).execute(&mut connection).await.unwrap();
    }
    let url = fixture.url.as_deref().unwrap();
    let refused = told(restore_postgres(&COMMAND, url, fixture.folder.path(), &ShelfPlace::Folder, &file, false).await);
    assert!(refused.contains("holds data"), "{refused}");
    let version = "SELECT MAX(version) FROM _sqlx_migrations";
    assert_eq!(sqlx::query_scalar::<_, i64>(version).fetch_one(&mut connection).await.unwrap(), 13);
}
