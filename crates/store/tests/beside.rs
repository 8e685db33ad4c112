//! Nodes of the version before beside those of this one: a turn is had by one of them at a time, whichever version that is.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use domain::node::Lease;
use sqlx::{Connection, PgConnection};
use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};
use store::{
    Db, StoreError, StoreResult, testing,
    turn::{self, Holder, Turn},
};
use tokio::time::{sleep, timeout};

/// How long is waited for what should happen soon, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long is looked whether nothing happens: some of the pauses in which both versions ask.
const CALM: Duration = Duration::from_millis(1_500);

/// A turn at publishing CRLs as the version before takes it: in its words, by a session of that name.
struct Before(PgConnection);

impl Before {
    async fn comes(db: &Db) -> Self {
        let Db::Postgres(pool) = db else { unreachable!("it is on PostgreSQL") };
        Self(PgConnection::connect_with(pool.connect_options().as_ref()).await.unwrap())
    }

    async fn tries(&mut self) -> bool {
        let sql = "SELECT pg_try_advisory_lock($1)";
        sqlx::query_scalar(sql).bind(0x6d75_7374_6572_6372_i64).fetch_one(&mut self.0).await.unwrap()
    }

    async fn waits(&mut self) {
        while !self.tries().await {
            sleep(Duration::from_millis(200)).await;
        }
    }
}

async fn take(db: &Db, holder: &str) -> Turn {
    turn::take(db, Lease::Crls, &Holder::new(holder)).await.unwrap()
}

async fn lease(db: &Db) -> (String, i64) {
    let Db::Postgres(pool) = db else { unreachable!("it is on PostgreSQL") };
    let row = sqlx::query_as("SELECT holder, token FROM lease WHERE name = 'crls'").fetch_optional(pool).await.unwrap();
    row.unwrap_or_default()
}

#[tokio::test]
async fn who_comes_waits_for_one_of_the_version_before() {
    let fixture = testing::postgres().await.unwrap();
    let db = &fixture.db;
    assert!(!turn::beside_before(db).await.unwrap());
    let mut before = Before::comes(db).await;
    assert!(before.tries().await);
    assert!(turn::beside_before(db).await.unwrap());
    assert!(timeout(CALM, take(db, "new")).await.is_err(), "both have it");
    assert_eq!(lease(db).await, (String::new(), 0), "nothing is written while it is waited");
    // Other work is not kept from it.
    drop(timeout(PATIENCE, turn::take(db, Lease::Imports, &Holder::new("new"))).await.unwrap().unwrap());
    let waiting = {
        let db = db.clone();
        tokio::spawn(async move { take(&db, "new").await })
    };
    sleep(CALM).await;
    assert!(!waiting.is_finished());
    before.0.close().await.unwrap();
    timeout(PATIENCE, waiting).await.unwrap().unwrap();
    let begun = Instant::now();
    while turn::beside_before(db).await.unwrap() {
        assert!(begun.elapsed() < PATIENCE, "it is gone");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn one_of_the_version_before_waits_for_who_has_it_and_gets_it_when_it_is_given_back() {
    let fixture = testing::postgres().await.unwrap();
    let db = &fixture.db;
    let turn = take(db, "new").await;
    let mut before = Before::comes(db).await;
    // Longer than a lease holds: the lock is kept as the lease is renewed.
    assert!(timeout(Duration::from_secs(6), before.waits()).await.is_err(), "both have it");
    assert!(turn::beside_before(db).await.unwrap());
    assert!(!turn.is_over());
    drop(turn);
    timeout(PATIENCE, before.waits()).await.unwrap();
    assert!(timeout(CALM, take(db, "new")).await.is_err(), "both have it");
}

#[tokio::test]
async fn who_loses_the_session_locks_again_or_stops() {
    let fixture = testing::postgres().await.unwrap();
    let (db, Db::Postgres(pool)) = (&fixture.db, &fixture.db) else { unreachable!("it is on PostgreSQL") };
    let sessions = "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity \
                    WHERE application_name = 'muster lease' AND datname = current_database()";
    let turn = take(db, "new").await;
    sqlx::query(sessions).execute(pool).await.unwrap();
    let locks = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                 WHERE l.locktype = 'advisory' AND d.datname = current_database()";
    let begun = Instant::now();
    while sqlx::query_scalar::<_, i64>(locks).fetch_one(pool).await.unwrap() != 1 {
        assert!(begun.elapsed() < PATIENCE && !turn.is_over(), "it does not lock again");
        sleep(Duration::from_millis(20)).await;
    }
    let mut before = Before::comes(db).await;
    assert!(!before.tries().await);
    // Where the one before is quicker, the work ends.
    let quick = tokio::spawn(async move {
        timeout(PATIENCE, async { while !before.tries().await {} }).await.unwrap();
        before
    });
    // Who is quicker is chance: it loses its session until the one before was.
    while !quick.is_finished() {
        sqlx::query(sessions).execute(pool).await.unwrap();
        sleep(Duration::from_millis(500)).await;
    }
    let _before = quick.await.unwrap();
    let ended = timeout(PATIENCE, turn.run(std::future::pending::<StoreResult<()>>())).await.unwrap();
    assert!(matches!(ended, Err(StoreError::LeaseOver(Lease::Crls))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_that_hangs_keeps_locked_is_taken_from_it_and_one_has_it() {
    let fixture = testing::postgres().await.unwrap();
    let (db, url) = (&fixture.db, fixture.url.clone().unwrap());
    let (told, hears) = mpsc::channel();
    let (_wake, woken) = mpsc::channel::<()>();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let db = Db::postgres(&url).await.unwrap();
            told.send(take(&db, "hangs").await).unwrap();
            // The thread stands still, not only this task.
            let _ = woken.recv();
        });
    });
    let late = hears.recv().unwrap();
    let mut before = Before::comes(db).await;
    let next = {
        let db = db.clone();
        tokio::spawn(async move { take(&db, "next").await })
    };
    // Whoever is quicker.
    let begun = Instant::now();
    let mut is_before = false;
    while !is_before && !next.is_finished() {
        assert!(begun.elapsed() < PATIENCE, "nobody has it");
        sleep(Duration::from_millis(200)).await;
        is_before = before.tries().await;
    }
    if is_before {
        sleep(CALM).await;
        assert!(!next.is_finished(), "both have it");
        before.0.close().await.unwrap();
        timeout(PATIENCE, next).await.unwrap().unwrap();
    } else {
        let _next = next.await.unwrap();
        assert!(timeout(CALM, before.waits()).await.is_err(), "both have it");
    }
    let refused = late.fenced(async {
        let mut tx = db.begin().await?;
        store::setting::put(&mut tx, "late", "").await?;
        tx.commit().await
    });
    assert!(matches!(refused.await, Err(StoreError::LeaseOver(Lease::Crls))));
}
