//! Turns: one has them at a time on both databases; on PostgreSQL one that hangs loses its turn, and writes nothing more.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "how long it takes to take over is printed")]

use domain::node::Lease;
use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};
use store::{
    Db, StoreError, StoreResult,
    testing::{self, Fixture},
    turn::{self, Holder, Turn},
};
use tokio::time::{sleep, timeout};

/// How long another may wait for the turn of one that is gone: 5 seconds, and one for a machine that has much else to do.
const TAKEN_OVER: Duration = Duration::from_secs(20);

async fn take(db: &Db, holder: &str) -> Turn {
    turn::take(db, Lease::Crls, &Holder::new(holder)).await.unwrap()
}

/// Writes something.
async fn write(db: &Db, key: &str) -> StoreResult<()> {
    let mut tx = db.begin().await?;
    match &mut tx {
        store::Tx::Sqlite(tx) => sqlx::query("INSERT INTO setting (key, value) VALUES ($1, '')")
            .bind(key)
            .execute(&mut **tx)
            .await
            .map(drop)?,
        store::Tx::Postgres(tx) => sqlx::query("INSERT INTO setting (key, value) VALUES ($1, '')")
            .bind(key)
            .execute(&mut **tx)
            .await
            .map(drop)?,
    }
    tx.commit().await
}

async fn is_written(db: &Db, key: &str) -> bool {
    let sql = "SELECT count(*) FROM setting WHERE key = $1";
    let n: i64 = match db {
        Db::Sqlite { read, .. } => sqlx::query_scalar(sql).bind(key).fetch_one(read).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_scalar(sql).bind(key).fetch_one(pool).await.unwrap(),
    };
    n > 0
}

async fn on_server(db: &Db, sql: &'static str) {
    let Db::Postgres(pool) = db else { unreachable!("it is on PostgreSQL") };
    sqlx::query(sql).execute(pool).await.unwrap();
}

/// A turn whose holder's process stands still, as by SIGSTOP: nothing that it does beside goes on. It wakes up with the sender.
fn hung(fixture: &Fixture, before: impl AsyncFnOnce(&Db, &Turn) + Send + 'static) -> (Turn, mpsc::Sender<()>) {
    let (url, (told, hears), (wake, woken)) = (fixture.url.clone().unwrap(), mpsc::channel(), mpsc::channel::<()>());
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let db = Db::postgres(&url).await.unwrap();
            let turn = take(&db, "hangs").await;
            before(&db, &turn).await;
            told.send(turn).unwrap();
            // The thread stands still, not only this task.
            let _ = woken.recv();
            // Longer than anybody waits: its end would look like what it is to find out.
            sleep(TAKEN_OVER * 3).await;
        });
    });
    (hears.recv().unwrap(), wake)
}

#[tokio::test]
async fn one_has_it_at_a_time_and_gives_it_back_at_once() {
    for fixture in testing::both().await.unwrap() {
        let (db, name) = (&fixture.db, fixture.name);
        let first = take(db, "first").await;
        // Longer than a lease holds: it is renewed.
        let waits = timeout(Duration::from_millis(5_500), take(db, "second")).await;
        assert!(waits.is_err(), "{name}: two have it");
        // Another work is another turn.
        drop(turn::take(db, Lease::Webhooks, &Holder::new("second")).await.unwrap());
        first.run(write(db, "first")).await.unwrap();
        drop(first);
        let begun = Instant::now();
        let second = take(db, "second").await;
        assert!(begun.elapsed() < TAKEN_OVER, "{name}: {:?}", begun.elapsed());
        let mut tx = db.begin().await.unwrap();
        second.fence(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        assert!(is_written(db, "first").await);
    }
}

#[tokio::test]
async fn who_ends_in_order_gives_back_what_it_is_in_the_middle_of() {
    let fixture = testing::postgres().await.unwrap();
    let holder = Holder::new("ends");
    let turn = turn::take(&fixture.db, Lease::Crls, &holder).await.unwrap();
    let working = tokio::spawn(async move { turn.run(std::future::pending::<StoreResult<()>>()).await });
    let begun = Instant::now();
    holder.give_back().await;
    drop(take(&fixture.db, "next").await);
    assert!(begun.elapsed() < TAKEN_OVER, "{:?}", begun.elapsed());
    assert!(matches!(working.await.unwrap(), Err(StoreError::LeaseOver(Lease::Crls))));
    let again = turn::take(&fixture.db, Lease::Crls, &holder).await;
    assert!(matches!(again, Err(StoreError::LeaseOver(_))), "it takes no more");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_loses_it_and_writes_nothing_when_it_wakes_up() {
    let fixture = testing::postgres().await.unwrap();
    let (late, wake) = hung(&fixture, async |_, _| {});
    let begun = Instant::now();
    let next = take(&fixture.db, "next").await;
    let took = begun.elapsed();
    println!("taken over after {took:?}");
    assert!(took < TAKEN_OVER, "{took:?}");
    // Nothing has told the late one yet: it works as if it had the turn, and is refused by the database alone.
    let refused = late.fenced(write(&fixture.db, "late")).await;
    assert!(matches!(refused, Err(StoreError::LeaseOver(Lease::Crls))), "{refused:?}");
    assert!(!is_written(&fixture.db, "late").await);
    next.run(write(&fixture.db, "next")).await.unwrap();
    wake.send(()).unwrap();
    // Awake, it finds out by itself.
    let told = timeout(TAKEN_OVER, late.run(std::future::pending::<StoreResult<()>>())).await.unwrap();
    assert!(matches!(told, Err(StoreError::LeaseOver(Lease::Crls))));
    // What it gives back was not its own any more.
    drop(late);
    assert!(timeout(Duration::from_secs(1), take(&fixture.db, "third")).await.is_err());
    next.run(write(&fixture.db, "after")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_with_a_transaction_at_its_fence_keeps_nobody_waiting() {
    let fixture = testing::postgres().await.unwrap();
    let (_late, _wake) = hung(&fixture, async |db, turn| {
        let mut tx = db.begin().await.unwrap();
        turn.fence(&mut tx).await.unwrap();
        // It never ends: its process hangs here.
        std::mem::forget(tx);
    });
    let begun = Instant::now();
    let next = take(&fixture.db, "next").await;
    assert!(begun.elapsed() < TAKEN_OVER, "{:?}", begun.elapsed());
    next.run(write(&fixture.db, "next")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_fail_over_to_a_server_whose_clock_is_behind_it_is_taken_over_all_the_same() {
    let fixture = testing::postgres().await.unwrap();
    let (_late, _wake) = hung(&fixture, async |_, _| {});
    on_server(&fixture.db, "UPDATE lease SET expires_at = expires_at + 600000000").await;
    let begun = Instant::now();
    take(&fixture.db, "next").await;
    assert!(begun.elapsed() < TAKEN_OVER, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_long_transaction_does_not_cost_its_holder_the_turn() {
    let fixture = testing::postgres().await.unwrap();
    let turn = take(&fixture.db, "holder").await;
    let long = async {
        let mut tx = fixture.db.begin().await?;
        if let store::Tx::Postgres(tx) = &mut tx {
            sqlx::query("SELECT pg_sleep(6)").execute(&mut **tx).await?;
        }
        tx.commit().await
    };
    turn.run(long).await.unwrap();
}

#[tokio::test]
async fn work_ends_by_itself_once_another_has_the_turn() {
    let fixture = testing::postgres().await.unwrap();
    let turn = take(&fixture.db, "holder").await;
    on_server(&fixture.db, "UPDATE lease SET token = token + 1, holder = 'another'").await;
    let ended = timeout(TAKEN_OVER, turn.run(std::future::pending::<StoreResult<()>>())).await.unwrap();
    assert!(matches!(ended, Err(StoreError::LeaseOver(Lease::Crls))));
}

#[tokio::test]
async fn work_ends_before_the_lease_does_when_it_can_not_be_renewed() {
    let fixture = testing::postgres().await.unwrap();
    let turn = take(&fixture.db, "holder").await;
    let begun = Instant::now();
    // Whoever renews it waits for this lock.
    let Db::Postgres(pool) = &fixture.db else { unreachable!("it is on PostgreSQL") };
    let mut tx = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM lease FOR UPDATE").execute(&mut *tx).await.unwrap();
    let ended = turn.run(std::future::pending::<StoreResult<()>>()).await;
    assert!(matches!(ended, Err(StoreError::LeaseOver(Lease::Crls))));
    assert!(begun.elapsed() < TAKEN_OVER, "{:?}", begun.elapsed());
}
