//! What grows: counts that every device of a rollout moves, and lists that a later one took the place of.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use domain::{
    device::{Device, Lifecycle, Trust},
    id::{AuthorityId, BatchId, CustodianId, DeviceId, ModelId},
    time::{DAY, Timestamp},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use store::{
    Db, Tx,
    count::{self, Delta, dimension},
    crl::{self, Crl},
    retention::{self, parts},
    testing,
};
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_790_000_000_000_000);
/// What a node of the version before says.
const ADD_BEFORE: &str = "INSERT INTO fleet_count (dimension, value, n) VALUES ($1, $2, $3) \
                          ON CONFLICT (dimension, value) DO UPDATE SET n = fleet_count.n + excluded.n";

fn device(n: u128, firmware: &str) -> Device {
    Device {
        id: DeviceId(Uuid::from_u128(n)),
        serial: format!("GW-{n}"),
        model_id: ModelId(Uuid::from_u128(3)),
        hardware_revision: "B".to_owned(),
        batch_id: BatchId(Uuid::from_u128(4)),
        factory_id: CustodianId(Uuid::from_u128(2)),
        custodian_id: CustodianId(Uuid::from_u128(2)),
        place: String::new(),
        lifecycle: Lifecycle::Active,
        trust: Trust::Trusted,
        channel: "production".to_owned(),
        firmware: Some(firmware.to_owned()),
        made_at: NOW,
        last_seen_at: None,
        certificate_serial: None,
        certificate_not_after: None,
        manifest_version: 1,
        manifest_hash: String::new(),
    }
}

fn value(firmware: &str) -> String {
    format!("{}|{firmware}", ModelId(Uuid::from_u128(3)))
}

async fn execute(db: &Db, sql: String) {
    match db {
        Db::Sqlite { write, .. } => sqlx::query(AssertSqlSafe(sql)).execute(write).await.map(drop).unwrap(),
        Db::Postgres(pool) => sqlx::query(AssertSqlSafe(sql)).execute(pool).await.map(drop).unwrap(),
    }
}

async fn number(db: &Db, sql: &'static str) -> i64 {
    match db {
        Db::Sqlite { read, .. } => sqlx::query_scalar(sql).fetch_one(read).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
    }
}

/// Devices start with 2.0, each in a transaction of its own.
async fn starts(db: &Db, devices: std::ops::Range<u128>) {
    for n in devices {
        let mut tx = db.begin().await.unwrap();
        let mut delta = Delta::default();
        delta.minus(&device(n, "1.0"));
        delta.plus(&device(n, "2.0"));
        count::add(&mut tx, &delta).await.unwrap();
        tx.commit().await.unwrap();
    }
}

async fn old_node_adds(db: &Db, value: &str, n: i64) {
    let mut tx = db.begin().await.unwrap();
    match &mut tx {
        Tx::Sqlite(tx) => {
            let query = sqlx::query(ADD_BEFORE).bind(dimension::FIRMWARE).bind(value).bind(n);
            query.execute(&mut **tx).await.map(drop).unwrap();
        }
        Tx::Postgres(tx) => {
            let query = sqlx::query(ADD_BEFORE).bind(dimension::FIRMWARE).bind(value).bind(n);
            query.execute(&mut **tx).await.map(drop).unwrap();
        }
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn counts_are_the_sum_of_what_nodes_of_both_versions_have_counted() {
    for fixture in testing::both().await.unwrap() {
        let (db, name) = (&fixture.db, fixture.name);
        old_node_adds(db, &value("1.0"), 100).await;
        starts(db, 0..40).await;
        old_node_adds(db, &value("2.0"), 1).await;
        old_node_adds(db, &value("1.0"), -1).await;
        let expected = vec![(value("1.0"), 59), (value("2.0"), 41)];
        assert_eq!(count::of(db, dimension::FIRMWARE).await.unwrap(), expected, "{name}");
        assert_eq!(count::one(db, dimension::FIRMWARE, &value("2.0")).await.unwrap(), 41, "{name}");
        assert_eq!(count::one(db, dimension::FIRMWARE, "never").await.unwrap(), 0, "{name}");
        // What nothing is left of is not a value any more; all else is counted as ever.
        assert!(count::of(db, dimension::TOTAL).await.unwrap().is_empty(), "{name}");
        let apart = number(db, "SELECT COUNT(*) FROM fleet_count_shard").await;
        assert_eq!(apart, if matches!(db, Db::Postgres(_)) { 32 } else { 0 }, "{name}");
        count::fold(db).await.unwrap();
        assert_eq!(number(db, "SELECT COUNT(*) FROM fleet_count_shard").await, 0, "{name}");
        assert_eq!(count::of(db, dimension::FIRMWARE).await.unwrap(), expected, "{name}");
        let kept = "SELECT CAST(SUM(n) AS BIGINT) FROM fleet_count WHERE value LIKE '%|2.0'";
        assert_eq!(number(db, kept).await, 41, "{name}: what a node of the version before shows");
    }
}

#[tokio::test]
async fn a_device_that_starts_with_a_version_does_not_wait_for_another_one() {
    let fixture = testing::postgres().await.unwrap();
    let mut held = Vec::new();
    for n in 0..8 {
        let mut tx = fixture.db.begin().await.unwrap();
        let mut delta = Delta::default();
        delta.minus(&device(n, "1.0"));
        delta.plus(&device(n, "2.0"));
        if let Tx::Postgres(tx) = &mut tx {
            // Whoever had to wait would be told so at once.
            sqlx::query("SET LOCAL lock_timeout = '2s'").execute(&mut **tx).await.unwrap();
        }
        count::add(&mut tx, &delta).await.unwrap();
        held.push(tx);
    }
    for tx in held {
        tx.commit().await.unwrap();
    }
    assert_eq!(count::one(&fixture.db, dimension::FIRMWARE, &value("2.0")).await.unwrap(), 8);
}

#[tokio::test]
async fn counts_stay_right_while_they_are_folded_and_what_is_undone_is_not_counted() {
    let fixture = testing::postgres().await.unwrap();
    let db = &fixture.db;
    let folding = async {
        for _ in 0..20 {
            count::fold(db).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let undone = async {
        for n in 200..210 {
            let mut tx = db.begin().await.unwrap();
            let mut delta = Delta::default();
            delta.plus(&device(n, "2.0"));
            count::add(&mut tx, &delta).await.unwrap();
            drop(tx);
        }
    };
    tokio::join!(starts(db, 0..60), starts(db, 60..120), folding, undone);
    assert_eq!(count::one(db, dimension::FIRMWARE, &value("2.0")).await.unwrap(), 120);
    count::fold(db).await.unwrap();
    assert_eq!(count::one(db, dimension::FIRMWARE, &value("1.0")).await.unwrap(), -120);
}

fn list(authority: AuthorityId, number: i64, ends: Timestamp) -> Crl {
    Crl {
        authority,
        number,
        der: vec![7],
        sha256: format!("{number}"),
        entries: 1,
        entries_sha256: String::new(),
        this_update: ends.plus(-3 * DAY),
        next_update: ends,
    }
}

#[tokio::test]
async fn of_lists_that_have_ended_the_latest_of_each_authority_stays() {
    const AUTHORITIES: &str = "INSERT INTO authority (id, kind, name, slug, state, created_at, state_at) VALUES \
        (ID1, 'batch', 'A', 'a', 'active', 0, 0), (ID2, 'batch', 'B', 'b', 'active', 0, 0), (ID3, 'batch', 'C', 'c', 'active', 0, 0)";
    for fixture in testing::both().await.unwrap() {
        let (db, name) = (&fixture.db, fixture.name);
        let ids = [1, 2, 3].map(|n| AuthorityId(Uuid::from_u128(n)));
        let mut sql = AUTHORITIES.to_owned();
        for (n, id) in ids.iter().enumerate() {
            let literal = match db {
                Db::Sqlite { .. } => format!("x'{}'", id.0.simple()),
                Db::Postgres(_) => format!("'{}'::uuid", id.0),
            };
            sql = sql.replace(&format!("ID{}", n + 1), &literal);
        }
        execute(db, sql).await;
        for (authority, numbers) in [(ids[0], 1..=9), (ids[1], 5..=5)] {
            let mut previous = None;
            for number in numbers {
                let mut tx = db.begin().await.unwrap();
                crl::insert(&mut tx, &list(authority, number, NOW.plus((number - 20) * DAY)), previous).await.unwrap();
                tx.commit().await.unwrap();
                previous = Some(number);
            }
        }
        let mut numbers = crl::numbers(db).await.unwrap();
        numbers.sort();
        assert_eq!(numbers, [(ids[0], 9), (ids[1], 5)], "{name}: one that has published nothing has no number");
        let full = "SELECT COUNT(*) FROM crl WHERE LENGTH(der) > 0";
        assert_eq!(number(db, full).await, 2, "{name}: what nobody is given has no content");
        // Lists 1 to 5 ended before then.
        let before = NOW.plus(-14 * DAY - 1);
        assert_eq!(crl::superseded(db, ids[0], before, 100).await.unwrap(), 5, "{name}");
        assert_eq!(crl::superseded(db, ids[0], before, 3).await.unwrap(), 3, "{name}");
        let forget = |authority, before, limit| async move {
            let mut tx = db.begin().await.unwrap();
            let n = crl::forget(&mut tx, authority, before, limit).await.unwrap();
            tx.commit().await.unwrap();
            n
        };
        assert_eq!(forget(ids[0], before, 3).await, 3, "{name}");
        assert_eq!(forget(ids[0], before, 3).await, 2, "{name}");
        assert_eq!(forget(ids[0], NOW.plus(400 * DAY), 100).await, 3, "{name}: all but the latest");
        assert_eq!(forget(ids[1], NOW.plus(400 * DAY), 100).await, 0, "{name}");
        let latest = crl::latest(db, ids[0]).await.unwrap().unwrap();
        assert_eq!((latest.number, latest.der), (9, vec![7]), "{name}");
        assert_eq!(store::authority::crls(db).await.unwrap().len(), 2, "{name}");
    }
}

/// A device with these updates, told as many days after `NOW`, of each of which it said two lines.
async fn updates(db: &Db, actions: &[i64]) {
    let one = match db {
        Db::Sqlite { .. } => format!("x'{}'", Uuid::from_u128(1).simple()),
        Db::Postgres(_) => format!("'{}'::uuid", Uuid::from_u128(1)),
    };
    // What rows refer to is not there, and not looked for.
    let alone = "SET LOCAL session_replication_role = replica";
    for action in actions {
        let at = NOW.0 + action * DAY;
        let told = format!(
            "INSERT INTO update_action (id, rollout_id, device_id, device_number, kind, wave, cohort, release_id, version, \
             from_version, revision, attempt, state, is_open, offered_at, changed_at, due_at) VALUES \
             ({action}, {one}, {one}, 1, 'update', 0, 0, {one}, '2', '1', '', {action}, 'failed', 0, {at}, {at}, 0)"
        );
        let said = format!(
            "INSERT INTO update_feedback (action_id, n, at, execution, finished) VALUES \
             ({action}, 1, {at}, 'closed', 'none'), ({action}, 2, {at}, 'closed', 'failure')"
        );
        match db {
            Db::Sqlite { write, .. } => {
                let mut connection = write.acquire().await.unwrap();
                sqlx::query("PRAGMA foreign_keys = 0").execute(&mut *connection).await.unwrap();
                for sql in [told, said] {
                    sqlx::query(AssertSqlSafe(sql)).execute(&mut *connection).await.unwrap();
                }
                sqlx::query("PRAGMA foreign_keys = 1").execute(&mut *connection).await.unwrap();
            }
            Db::Postgres(pool) => {
                let mut tx = pool.begin().await.unwrap();
                sqlx::query(alone).execute(&mut *tx).await.unwrap();
                for sql in [told, said] {
                    sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
                }
                tx.commit().await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn of_what_devices_said_the_oldest_goes_first_and_so_much_at_a_time() {
    for fixture in testing::both().await.unwrap() {
        let (db, name) = (&fixture.db, fixture.name);
        assert_eq!(retention::first_action_since(db, NOW).await.unwrap(), 1, "{name}: of none");
        updates(db, &[1, 2, 3, 4, 5, 6, 7, 8, 9]).await;
        for (since, first) in [(0, 1), (1, 1), (2, 2), (5, 5), (9, 9), (10, 10)] {
            let found = retention::first_action_since(db, NOW.plus(since * DAY)).await.unwrap();
            assert_eq!(found, first, "{name}: {since}");
        }
        let before = NOW.plus(5 * DAY);
        let below = retention::first_action_since(db, before).await.unwrap();
        assert_eq!(retention::feedback(db, below, before, 100).await.unwrap(), 8, "{name}");
        assert_eq!(retention::feedback(db, below, before, 3).await.unwrap(), 3, "{name}");
        let forget = |limit| async move {
            let mut tx = db.begin().await.unwrap();
            let n = retention::forget_feedback(&mut tx, below, before, limit).await.unwrap();
            tx.commit().await.unwrap();
            n
        };
        assert_eq!((forget(3).await, forget(3).await, forget(3).await, forget(3).await), (3, 3, 2, 0), "{name}");
        assert_eq!(number(db, "SELECT CAST(MIN(action_id) AS BIGINT) FROM update_feedback").await, 5, "{name}");
        assert_eq!(number(db, "SELECT COUNT(*) FROM update_feedback").await, 10, "{name}");
        assert_eq!(number(db, "SELECT COUNT(*) FROM update_action").await, 9, "{name}: how each came out stays");
    }
}

#[tokio::test]
async fn partitions_are_made_ahead_and_what_is_old_is_dropped_as_a_whole() {
    const PARTS: &str = "SELECT COUNT(*) FROM pg_inherits WHERE inhparent = 'update_feedback'::regclass";
    const BEYOND: &str = "SELECT COUNT(*) FROM update_feedback_beyond";
    let fixture = testing::postgres().await.unwrap();
    let db = &fixture.db;
    updates(db, &[1, 2, 3]).await;
    assert_eq!(number(db, PARTS).await, 2, "the first one, and one for what is beyond all");
    assert!(!parts::make_ahead(db, NOW).await.unwrap(), "there is room for a month");
    updates(db, &[9_999_998]).await;
    assert!(parts::make_ahead(db, NOW).await.unwrap());
    assert!(!parts::make_ahead(db, NOW).await.unwrap(), "one at a time");
    assert_eq!((number(db, PARTS).await, number(db, BEYOND).await), (3, 0));
    // Faster than partitions are made: nothing is refused, and what is beyond stays there.
    updates(db, &[10_000_000, 25_000_000]).await;
    assert_eq!(number(db, BEYOND).await, 2);
    assert!(parts::make_ahead(db, NOW).await.unwrap());
    updates(db, &[25_000_001, 26_000_000]).await;
    assert_eq!((number(db, PARTS).await, number(db, BEYOND).await), (4, 4));
    let at = |days: i64| NOW.plus(days * DAY);
    let drop = |before: Timestamp| async move {
        let below = retention::first_action_since(db, before).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let gone = parts::drop_oldest(&mut tx, below, before).await.unwrap();
        tx.commit().await.unwrap();
        gone
    };
    assert_eq!(drop(at(3)).await, None, "not all in it is old");
    assert_eq!(drop(at(9_999_999)).await, Some(8));
    assert_eq!(drop(at(9_999_999)).await, None);
    assert_eq!((number(db, PARTS).await, number(db, "SELECT COUNT(*) FROM update_feedback").await), (3, 8));
    assert_eq!(number(db, "SELECT COUNT(*) FROM update_action").await, 8, "how each came out stays");
    // Late, of an action whose partition is gone.
    execute(
        db,
        "INSERT INTO update_feedback (action_id, n, at, execution, finished) VALUES (2, 3, 0, 'x', 'y')".to_owned(),
    )
    .await;
    assert_eq!(number(db, BEYOND).await, 5);
    // Where all were dropped there are still some to be made.
    let drops = "SELECT 'DROP TABLE ' || inhrelid::regclass FROM pg_inherits \
                 WHERE inhparent = 'update_feedback'::regclass AND inhrelid <> 'update_feedback_beyond'::regclass";
    let Db::Postgres(pool) = db else { unreachable!("it is on PostgreSQL") };
    for sql in sqlx::query_scalar::<_, String>(drops).fetch_all(pool).await.unwrap() {
        execute(db, sql).await;
    }
    assert_eq!(number(db, PARTS).await, 1);
    assert!(parts::make_ahead(db, NOW).await.unwrap());
    updates(db, &[26_200_000]).await;
    assert_eq!((number(db, PARTS).await, number(db, BEYOND).await), (2, 5));
}

#[tokio::test]
async fn of_a_whole_table_there_are_no_partitions() {
    let fixture = testing::sqlite().await.unwrap();
    assert!(!parts::make_ahead(&fixture.db, NOW).await.unwrap());
    let mut tx = fixture.db.begin().await.unwrap();
    assert_eq!(parts::drop_oldest(&mut tx, 1, NOW).await.unwrap(), None);
}

/// What a node of the version before says of what devices say.
const SAID_BEFORE: &str = "INSERT INTO update_feedback (action_id, n, at, execution, finished, code, details) \
                           VALUES ($1, $2, $3, $4, $5, $6, $7)";
const READ_BEFORE: &str = "SELECT n FROM update_feedback WHERE action_id = $1 AND execution IN ('confirmed', 'denied') ORDER BY n DESC LIMIT 1";

/// Says something, over one connection that stays.
async fn says(connection: &mut PgConnection, action: i64, n: i64, execution: &str) {
    sqlx::query("SET session_replication_role = replica").execute(&mut *connection).await.unwrap();
    let query =
        sqlx::query(SAID_BEFORE).bind(action).bind(n).bind(NOW.0).bind(execution).bind("none").bind("").bind("[]");
    query.execute(&mut *connection).await.unwrap();
}

async fn last_answer(connection: &mut PgConnection, action: i64) -> Option<i64> {
    sqlx::query_scalar(READ_BEFORE).bind(action).fetch_optional(connection).await.unwrap()
}

#[tokio::test]
async fn a_node_of_the_version_before_goes_on_over_its_connections_while_the_tables_change() {
    let url = testing::cluster().unwrap().database().await.unwrap();
    let mut before = PgConnection::connect(&url).await.unwrap();
    let mut migrating = PgConnection::connect(&url).await.unwrap();
    let steps = sqlx::migrate!("../../migrations/postgres");
    steps.run_to(33, &mut migrating).await.unwrap();
    says(&mut before, 7, 1, "confirmed").await;
    assert_eq!(last_answer(&mut before, 7).await, Some(1));
    for step in 35..=37 {
        steps.run_to(step, &mut migrating).await.unwrap();
        let n = step - 33;
        says(&mut before, 7, n, "denied").await;
        assert_eq!(last_answer(&mut before, 7).await, Some(n), "after step {step}");
        says(&mut before, 3_000_000 + step, 1, "confirmed").await;
    }
    // Beyond all partitions as well.
    says(&mut before, 2_147_483_647, 1, "confirmed").await;
    assert_eq!(last_answer(&mut before, 2_147_483_647).await, Some(1));
    let twice = sqlx::query(SAID_BEFORE).bind(7_i64).bind(1_i64).bind(0_i64).bind("a").bind("b").bind("").bind("[]");
    assert!(twice.execute(&mut before).await.is_err(), "what is said is numbered once");
    let db = Db::postgres(&url).await.unwrap();
    assert_eq!(number(&db, "SELECT COUNT(*) FROM update_feedback").await, 8);
    assert_eq!(number(&db, "SELECT COUNT(*) FROM update_feedback_first").await, 7);
    let parted = "SELECT COUNT(*) FROM pg_constraint WHERE conrelid = 'update_feedback'::regclass AND contype = 'f'";
    assert_eq!(number(&db, parted).await, 1, "an action that is not there is not spoken of");
    let mut tx = db.begin().await.unwrap();
    let Tx::Postgres(inner) = &mut tx else { unreachable!("it is PostgreSQL") };
    let unknown = sqlx::query(SAID_BEFORE).bind(8_i64).bind(1_i64).bind(0_i64).bind("a").bind("b").bind("").bind("[]");
    assert!(unknown.execute(&mut **inner).await.is_err());
}
