#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;
use crate::{Db, testing};
use sqlx::{PgPool, SqlStr, migrate::MigrationType};

/// How long is waited for what should happen at once, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// The steps of this program and one more.
fn and_one(sql: &'static str, no_tx: bool) -> Migrator {
    let kind = MigrationType::Simple;
    let one = Migration::new(9_000, "one more".into(), kind, SqlStr::from_static(sql), no_tx);
    Migrator::with_migrations(POSTGRES.iter().cloned().chain([one]).collect())
}

fn pool(db: &Db) -> &PgPool {
    let Db::Postgres(pool) = db else { unreachable!("it is on PostgreSQL") };
    pool
}

async fn session(db: &Db) -> PgConnection {
    PgConnection::connect_with(pool(db).connect_options().as_ref()).await.unwrap()
}

async fn says<T>(db: &Db, sql: &'static str) -> T
where
    T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + 'static,
{
    sqlx::query_scalar(sql).fetch_one(pool(db)).await.unwrap()
}

#[test]
fn only_a_step_that_takes_away_bars_those_who_need_it() {
    let steps = and_one("SELECT 1", false);
    let bars = |version, description| bars((version, description), &steps);
    assert!(!bars(9_001, "a table more"));
    assert!(!bars(9_000, "contract from 9999"), "who knows the step does without");
    assert!(!bars(9_001, "contract from 9000"));
    assert!(!bars(9_001, "contract from 9000 webhook notes"));
    assert!(bars(9_002, "contract from 9001"));
    assert!(bars(9_002, "contract from 9001 webhook notes"));
    assert!(bars(9_002, "contract from then on"), "what can't be read bars everybody");
}

#[tokio::test]
async fn a_database_that_is_newer_is_opened_unless_something_is_missing_there() {
    for fixture in testing::both().await.unwrap() {
        let (db, name) = (&fixture.db, fixture.name);
        let made = async |version: i64, description: &str| {
            let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                       VALUES ($1, $2, TRUE, $3, 0)";
            let checksum = &b"another"[..];
            match db {
                Db::Sqlite { write, .. } => {
                    sqlx::query(sql).bind(version).bind(description).bind(checksum).execute(write).await.map(drop)
                }
                Db::Postgres(pool) => {
                    sqlx::query(sql).bind(version).bind(description).bind(checksum).execute(pool).await.map(drop)
                }
            }
            .unwrap();
        };
        let open = async || Db::open(fixture.folder.path(), fixture.url.as_deref()).await;
        made(9_001, "a table more").await;
        open().await.unwrap().close().await;
        made(9_002, "contract from 9001 what was there").await;
        let refused = open().await;
        assert!(matches!(refused, Err(StoreError::TooNew { step: 9_002 })), "{name}: {refused:?}");
        let standing = crate::look::standing(db).await.unwrap();
        assert_eq!((standing.unknown, standing.barring), (vec![9_001, 9_002], vec![9_002]), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_waits_for_a_table_keeps_nobody_else_from_it() {
    let fixture = testing::postgres().await.unwrap();
    let db = fixture.db.clone();
    // A list that takes long, on a node of the version before.
    let mut reads = pool(&db).begin().await.unwrap();
    sqlx::query("SELECT * FROM webhook").execute(&mut *reads).await.unwrap();
    let steps = and_one("ALTER TABLE webhook ADD COLUMN more BIGINT NOT NULL DEFAULT 7", false);
    let mut migrates = session(&db).await;
    let migrating = tokio::spawn(async move { up_to_date(&mut migrates, &steps).await });
    let waits = "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'webhook'::regclass)";
    let (mut seen, begun) = (0, Instant::now());
    // What others ask for of that table is answered, several times while the step is tried.
    while seen < 3 {
        assert!(begun.elapsed() < PATIENCE, "nobody waits for the table");
        if says::<bool>(&db, waits).await {
            seen += 1;
            let answered = tokio::time::timeout(PATIENCE, says::<i64>(&db, "SELECT count(*) FROM webhook")).await;
            assert_eq!(answered.ok(), Some(0));
        }
    }
    assert!(!migrating.is_finished(), "the table is in use");
    drop(reads);
    tokio::time::timeout(PATIENCE, migrating).await.unwrap().unwrap().unwrap();
    let more = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'webhook' AND column_name = 'more'";
    assert_eq!(says::<i64>(&db, more).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_is_built_while_others_write_and_wait_for_their_turn_and_one_half_built_is_not_taken_for_it() {
    let fixture = testing::postgres().await.unwrap();
    let db = fixture.db.clone();
    // Its builder died.
    sqlx::query("CREATE INDEX webhook_more ON webhook (url)").execute(pool(&db)).await.unwrap();
    let halve = "UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = 'webhook_more'::regclass";
    sqlx::query(halve).execute(pool(&db)).await.unwrap();
    let sql = "CREATE INDEX CONCURRENTLY IF NOT EXISTS webhook_more ON webhook (url, state)";
    let mut all = Vec::new();
    for _ in 0..3 {
        let mut migrates = session(&db).await;
        all.push(tokio::spawn(async move { up_to_date(&mut migrates, &and_one(sql, true)).await }));
    }
    for migrating in all {
        tokio::time::timeout(PATIENCE, migrating).await.unwrap().unwrap().unwrap();
    }
    let columns = "SELECT indnatts::bigint FROM pg_index WHERE indisvalid AND indexrelid = 'webhook_more'::regclass";
    assert_eq!(says::<i64>(&db, columns).await, 2);
    assert_eq!(says::<i64>(&db, "SELECT count(*) FROM _sqlx_migrations WHERE version = 9000").await, 1);
}

#[test]
fn what_is_undone_with_a_transaction_builds_no_index_beside_it() {
    for step in within_a_transaction().iter() {
        assert!(!step.no_tx && !step.sql.as_str().contains("CONCURRENTLY"), "{}", step.version);
    }
    let known: Vec<_> = POSTGRES.iter().map(|step| (step.version, step.checksum.clone())).collect();
    let same: Vec<_> = within_a_transaction().iter().map(|step| (step.version, step.checksum.clone())).collect();
    assert_eq!(known, same);
}
