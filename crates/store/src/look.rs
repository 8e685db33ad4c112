//! Looking at a database as it stands: nothing is made, migrated or written.

use crate::{Db, StoreError, StoreResult, db::postgres_address, migrate};
use domain::time::Timestamp;
use sqlx::{
    migrate::Migrator,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use std::{path::Path, time::Duration};

/// The steps by which SQLite's tables came about.
pub(crate) static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");
/// PostgreSQL's.
pub(crate) static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");

/// How long whoever only looks waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

// These ask each database about itself, so they are not among the queries that both understand.
const SQLITE_VERSION: &str = "SELECT sqlite_version()";
const SQLITE_IS_MADE: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations')";
const SQLITE_CHECK: &str = "PRAGMA quick_check(10)";
const POSTGRES_STATE: &str = "SELECT current_setting('server_version'), pg_is_in_recovery(), \
                              (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT";
const POSTGRES_IS_MADE: &str = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";

queries! {
    APPLIED = "SELECT version, success, checksum, description FROM _sqlx_migrations ORDER BY version";
}

/// How a database stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What the database's own version is.
    pub version: String,
    /// Migrations that were not made yet: the next start makes them.
    pub missing: Vec<i64>,
    /// Migrations that this program does not know: of a newer one.
    pub unknown: Vec<i64>,
    /// Those of them that took away what this program needs.
    pub barring: Vec<i64>,
    /// Migrations that are other ones here, or were begun and never finished.
    pub altered: Vec<i64>,
    /// Whether nothing can be written, because it follows another server.
    pub recovering: bool,
    /// What time it is there, where it has a clock of its own.
    pub clock: Option<Timestamp>,
}

impl Db {
    /// Opens what is there for reading alone.
    ///
    /// # Errors
    /// When nothing is there, or it can't be reached.
    pub async fn look(folder: &Path, url: Option<&str>) -> StoreResult<Self> {
        match url {
            None => look_at_file(&folder.join("muster.db")).await,
            Some(url) => match url.strip_prefix("sqlite://") {
                Some(file) => look_at_file(Path::new(file)).await,
                None => look_at_server(url).await,
            },
        }
    }
}

async fn look_at_file(file: &Path) -> StoreResult<Db> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true).create_if_missing(false);
    let options = options.busy_timeout(Duration::from_secs(5)).optimize_on_close(false, None);
    let pool = SqlitePoolOptions::new().max_connections(2).acquire_timeout(PATIENCE).connect_with(options).await?;
    Ok(Db::Sqlite { read: pool.clone(), write: pool })
}

async fn look_at_server(url: &str) -> StoreResult<Db> {
    let options = postgres_address(url)?.application_name("muster doctor");
    let options = options.options([("default_transaction_read_only", "on"), ("statement_timeout", "30000")]);
    let pool = PgPoolOptions::new().max_connections(2).acquire_timeout(PATIENCE).connect_with(options).await;
    pool.map(Db::Postgres).map_err(|error| match error {
        sqlx::Error::PoolTimedOut => StoreError::Address("nothing answers there".to_owned()),
        other => other.into(),
    })
}

/// How the database stands.
///
/// # Errors
/// When it fails. One without Muster's tables has all migrations before it.
pub async fn standing(db: &Db) -> StoreResult<Standing> {
    let mut standing = match db {
        Db::Sqlite { read, .. } => {
            let version: String = sqlx::query_scalar(SQLITE_VERSION).fetch_one(read).await?;
            Standing { version, ..Standing::default() }
        }
        Db::Postgres(pool) => {
            let (version, recovering, clock): (String, bool, i64) =
                sqlx::query_as(POSTGRES_STATE).fetch_one(pool).await?;
            Standing { version, recovering, clock: Some(Timestamp(clock)), ..Standing::default() }
        }
    };
    let applied: Vec<(i64, bool, Vec<u8>, String)> =
        if is_made(db).await? { read!(db, |pool| sqlx::query_as(APPLIED).fetch_all(pool).await)? } else { Vec::new() };
    compare(&mut standing, &applied, if matches!(db, Db::Sqlite { .. }) { &SQLITE } else { &POSTGRES });
    Ok(standing)
}

/// Whether anything of Muster's is there.
async fn is_made(db: &Db) -> StoreResult<bool> {
    Ok(match db {
        Db::Sqlite { read, .. } => sqlx::query_scalar(SQLITE_IS_MADE).fetch_one(read).await?,
        Db::Postgres(pool) => sqlx::query_scalar(POSTGRES_IS_MADE).fetch_one(pool).await?,
    })
}

fn compare(standing: &mut Standing, applied: &[(i64, bool, Vec<u8>, String)], known: &Migrator) {
    let steps: Vec<_> = known.iter().filter(|step| !step.migration_type.is_down_migration()).collect();
    for step in &steps {
        match applied.iter().find(|(version, ..)| *version == step.version) {
            None => standing.missing.push(step.version),
            Some((_, true, checksum, _)) if *checksum == *step.checksum => {}
            Some(_) => standing.altered.push(step.version),
        }
    }
    let is_known = |version: i64| steps.iter().any(|step| step.version == version);
    standing.unknown = applied.iter().map(|(version, ..)| *version).filter(|version| !is_known(*version)).collect();
    let barring =
        applied.iter().filter(|(version, .., description)| migrate::bars((*version, description.as_str()), known));
    standing.barring = barring.map(|(version, ..)| *version).collect();
}

/// What SQLite finds wrong with its file, page by page; nothing where all is well. PostgreSQL looks after its own.
///
/// # Errors
/// When the file can't be read at all.
pub async fn damage(db: &Db) -> StoreResult<Vec<String>> {
    let Db::Sqlite { read, .. } = db else { return Ok(Vec::new()) };
    let told: Vec<String> = sqlx::query_scalar(SQLITE_CHECK).fetch_all(read).await?;
    Ok(told.into_iter().filter(|line| line != "ok").collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[tokio::test]
    async fn what_is_looked_at_is_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Db::look(folder.path(), None).await.is_err(), "nothing is made");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let db = Db::open(folder.path(), None).await.unwrap();
        let looked = Db::look(folder.path(), None).await.unwrap();
        let standing = standing(&looked).await.unwrap();
        assert_eq!(standing, Standing { version: standing.version.clone(), ..Standing::default() });
        assert_eq!(damage(&looked).await.unwrap(), Vec::<String>::new());
        // SQLite may refuse it as it begins, or as it writes.
        if let Ok(mut tx) = looked.begin().await {
            let written = crate::change::ring(&mut tx, Timestamp(1), "test", "x").await;
            assert!(written.is_err(), "nothing can be written");
        }
        looked.close().await;
        db.close().await;
    }

    #[tokio::test]
    async fn tables_of_other_versions_are_known() {
        for fixture in crate::testing::both().await.unwrap() {
            let db = &fixture.db;
            let newest = SQLITE.iter().map(|step| step.version).max().unwrap();
            let change = |sql: &'static str| async move {
                match db {
                    Db::Sqlite { write, .. } => drop(sqlx::query(sql).execute(write).await.unwrap()),
                    Db::Postgres(pool) => drop(sqlx::query(sql).execute(pool).await.unwrap()),
                }
            };
            change("UPDATE _sqlx_migrations SET success = FALSE WHERE version = 1").await;
            change("UPDATE _sqlx_migrations SET version = 9999 WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)")
                .await;
            let now = standing(db).await.unwrap();
            assert_eq!((now.missing, now.unknown, now.altered), (vec![newest], vec![9999], vec![1]));
            assert!(!now.recovering && !now.version.is_empty());
            assert_eq!(now.clock.is_some(), matches!(db, Db::Postgres(_)));
        }
    }
}
