//! What is asked of parts and supply chains costs the same in every fleet: it is found by an index, in its order.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use domain::{batch::Model, id::ModelId, time::Timestamp};
use sqlx::AssertSqlSafe;
use store::{
    Db,
    device_list::{Filter, Half, Names, members_sql},
    testing,
};
use uuid::Uuid;

/// A query, what stands for its parameters, and the index that it must use; of several one.
const FOUND_BY: &[(&str, &[&str], &str)] = &[
    ("store::fitting::OF_KEY", &["'mac:x'", "10"], "component_identifier"),
    ("store::fitting::IN_RANGE", &["'mac:x'", "'mac:y'", "10"], "component_identifier"),
    ("store::fitting::COUNT", &["7", "10"], "component_part"),
    ("store::supply::CARRIED_BY", &["'x'", "ID", "10"], "history_carrier"),
    ("store::supply::HAD_BY", &["'x'", "ID", "10"], "history_party"),
    ("store::report::holder::REPORTING", &["'mac:x'", "ID", "20"], "reported_part_identifier"),
    ("store::report::holder::REPORTING_ANY", &["'mac:x'", "ID", "20"], "reported_part_identifier"),
    ("store::report::holder::KNOWN", &["'mac:x'", "ID"], "component_identifier"),
    ("store::finding::fold::OPEN_OF_HOLDERS", &["'mac:x'", "ID", "ID", "20"], "reported_part_identifier"),
    ("store::finding::fold::OPEN_OF_ALL_HOLDERS", &["'mac:x'", "ID", "20"], "reported_part_identifier"),
    ("store::finding::fold::FOLDED", &["'x'"], "finding_part_of"),
    ("store::finding::fold::PARTS", &["'x'", "100"], "finding_part_of"),
    ("store::finding::fold::STANDING_PARTS", &["'x'", "100"], "finding_part_of"),
    ("store::finding::PAGE_IN_STATE", &["'open'", "''", "9", "ID", "100"], "finding_state"),
    ("store::finding::PAGE", &["''", "9", "ID", "100"], "finding_last"),
    ("store::finding::NEWEST", &["100"], "finding_last"),
    ("store::finding::IN_STATE", &["'open'", "100"], "finding_state"),
    ("store::finding::trend::CHANGES", &["'x'", "10"], "finding_change_cause"),
    ("store::finding::settled::OF_CAUSE", &["'x'", "10"], "finding_settled_cause"),
    ("store::report::holder::LISTING", &["'mac:x'", "ID", "6"], "component_identifier"),
    ("store::brake::DEVICES", &["'x'", "500"], "device_reason_cause"),
    ("store::release::VERIFIED", &["ID", "ID", "'x'", "10"], "update_action_verified"),
    ("store::release::IN_STAGE", &["'dev'", "ID", "10"], "release_in_stage"),
    ("store::upload::SAME", &["'x'", "'y'", "1", "'n'", "1"], "upload_owner"),
    ("store::upload::piece::OF", &["ID"], "upload_piece_of"),
    ("store::upload::piece::COUNT", &["ID"], "upload_piece_of"),
    ("store::update_action::OPEN", &["ID"], "update_action_open"),
    ("store::update_action::OF_BOTH", &["ID", "ID"], "update_action_once|update_action_device"),
    ("store::update_action::OF_DEVICE", &["ID", "10"], "update_action_device"),
    ("store::update_action::OF_ROLLOUT", &["ID", "10", "10"], "update_action_of"),
    ("store::update_action::OF_ROLLOUT_IN", &["ID", "'failed'", "10", "10"], "update_action_state"),
    ("store::update_action::INSTALLED", &["ID", "'deb'"], "update_action_device"),
    ("store::release::OF_VERSION", &["'deb'", "'x'"], "release_of_version"),
    ("store::member::BY_PATH", &["1", "'x'"], "path"),
    ("store::member::LISTS", &["1"], "(artifact"),
    ("store::member::BY_HASH", &["1", "'x'"], "artifact_member_sha256"),
    ("store::update_action::DUE", &["10", "10"], "update_action_due"),
    ("store::poll::CADENCE", &["ID"], "device_poll"),
    ("store::auto_confirm::OF", &["ID"], "auto_confirm"),
    ("store::device_list::members::MIDDLE", &[], "device_number"),
    ("store::rollout::NEWEST_IN_STATE", &["'x'", "10"], "rollout_state"),
    ("store::rollout::event::LAST", &["ID", "'x'"], "rollout_event"),
    ("store::rollout::level::OF", &["ID"], "level_count"),
    ("store::rollout::ACTIVE", &[], "rollout_active"),
    ("store::update_action::FIRST_TIMED", &["ID", "10"], "update_action_"),
    ("store::update_action::LAST_TIMED", &["ID", "10"], "update_action_"),
    ("store::rollout::course::FORECAST", &["ID"], "rollout_forecast"),
    ("store::rollout::course::OF", &["ID"], "rollout_course"),
    ("store::rollout::HOLDS_BACK", &["ID"], "rollout_release"),
    ("store::webhook::delivery::DUE", &["ID", "10"], "webhook_delivery_owed"),
    ("store::webhook::delivery::RECENT", &["ID", "10", "10"], "webhook_delivery"),
    ("store::webhook::delivery::KNOWN", &["1", "10"], "webhook_event"),
    ("store::webhook::delivery::RENEW", &["ID", "10"], "webhook_delivery_owed"),
    ("store::webhook::delivery::FORGET", &["10", "10"], "webhook_event_at"),
    ("store::change::FORGET", &["10", "10"], "change_at"),
    ("store::crl::NUMBERS", &[], "crl"),
    ("store::crl::FORGET", &["ID", "10", "10"], "crl"),
    ("store::count::ONE", &["'firmware'", "'x'"], "fleet_count"),
    ("store::retention::ACTION_FROM", &["10"], "update_action"),
    ("store::retention::FORGET_FEEDBACK", &["10", "10", "10"], "update_feedback"),
    ("store::retention::FORGET_STEPS", &["ID", "ID", "10"], "history"),
    ("store::evidence::OF", &["ID"], "evidence_tally"),
    ("store::evidence::OF_FACTOR", &["ID", "'batch'"], "evidence_tally"),
    ("store::evidence::OF_MEASURE", &["ID", "'batch'", "'exposed'"], "evidence_tally"),
    ("store::evidence::LEVELS", &["ID", "'batch'"], "evidence_tally"),
    ("store::evidence::exposure::OF_BOTH", &["ID", "ID"], "exposure"),
    ("store::evidence::exposure::AWAITING", &["ID", "20"], "exposure_awaited"),
    ("store::evidence::exposure::IS_AWAITED", &["ID"], "exposure_awaited"),
    ("store::evidence::exposure::PLACE", &["ID"], "custodian"),
    ("store::evidence::point::OF", &["ID"], "evidence_point"),
    ("store::evidence::point::TIMES", &["ID", "1", "0"], "evidence_point"),
    ("store::poll::POLL", &["ID", "50"], "exposure_held_out"),
    ("store::revocation::RECENT", &["'batch'", "0", "64"], "revocation_recent"),
    ("store::export::OF_BATCH", &["ID", "'x'", "10"], "device_batch"),
    ("store::observe::IMPORTS", &["10"], "import_state"),
    ("store::observe::OWED", &["10"], "webhook_delivery_owed"),
    ("store::observe::UPLOADS", &["1", "10"], "upload_expires"),
];

async fn plan(db: &Db, sql: &str, values: &[&str]) -> String {
    let id = match db {
        Db::Sqlite { .. } => "x'01936e5a000070008000000000000001'",
        Db::Postgres(_) => "'01936e5a-0000-7000-8000-000000000001'::uuid",
    };
    let mut sql = sql.to_owned();
    for (n, value) in values.iter().enumerate() {
        sql = sql.replace(&format!("${}", n + 1), if *value == "ID" { id } else { value });
    }
    match db {
        Db::Sqlite { read, .. } => {
            let steps: Vec<(i64, i64, i64, String)> =
                sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(read).await.unwrap();
            steps.into_iter().map(|step| step.3 + "\n").collect()
        }
        Db::Postgres(pool) => {
            let mut tx = pool.begin().await.unwrap();
            // An empty table is scanned whatever indexes it has.
            sqlx::query("SET LOCAL enable_seqscan = off").execute(&mut *tx).await.unwrap();
            sqlx::query("SET LOCAL enable_bitmapscan = off").execute(&mut *tx).await.unwrap();
            sqlx::query("SET LOCAL enable_sort = off").execute(&mut *tx).await.unwrap();
            let steps: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {sql}"))).fetch_all(&mut *tx).await.unwrap();
            steps.join("\n")
        }
    }
}

/// Twenty rollouts, one after the other, whose devices are nearly all through. Of an empty table PostgreSQL takes any index that fits the order, since all
/// cost the same; only what is known of a filled one lets it choose. What rows refer to is not there, and not looked for.
const FILLED: &[&str] = &[
    "SET LOCAL session_replication_role = replica",
    "INSERT INTO update_action (id, rollout_id, device_id, device_number, kind, wave, cohort, release_id, version, \
     from_version, revision, attempt, state, is_open, offered_at, changed_at, due_at) \
     SELECT n, ('01936e5a-0000-7000-8000-0000000000' || lpad((20 - (n - 1) / 1000)::text, 2, '0'))::uuid, gen_random_uuid(), n, 'update', 0, 0, \
     '01936e5a-0000-7000-8000-000000000001'::uuid, '2.0', '1.0', '', 0, \
     CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'verified' END, 0, n, n, 0 FROM generate_series(1, 20000) AS n",
    "ANALYZE update_action",
];

async fn fill(db: &Db) {
    if let Db::Postgres(pool) = db {
        let mut tx = pool.begin().await.unwrap();
        for sql in FILLED {
            sqlx::query(AssertSqlSafe(*sql)).execute(&mut *tx).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_asked_is_found_by_an_index_in_its_order() {
    for fixture in testing::both().await.unwrap() {
        fill(&fixture.db).await;
        for (name, values, index) in FOUND_BY {
            let (_, sql) = store::queries().into_iter().find(|(known, _)| known == name).unwrap();
            let plan = plan(&fixture.db, sql, values).await;
            assert!(index.split('|').any(|index| plan.contains(index)), "{}: {name}\n{plan}", fixture.name);
            for costly in [
                "TEMP B-TREE",
                "Sort",
                "Seq Scan",
                "SCAN component",
                "SCAN history",
                "SCAN device",
                "SCAN exposure",
                "SCAN evidence",
            ] {
                assert!(!plan.contains(costly), "{}: {name}: {costly}\n{plan}", fixture.name);
            }
        }
    }
}

/// The last rollout of a product is found among those of that product, or from the newest on, and devices that are drawn by their
/// numbers.
#[tokio::test]
async fn what_plans_are_compared_with_is_found_by_an_index() {
    for fixture in testing::both().await.unwrap() {
        let db = &fixture.db;
        let queries = store::queries();
        let named = |name: &str| queries.iter().find(|(known, _)| *known == name).unwrap().1;
        let asked = [
            (named("store::rollout::LAST_OF_PRODUCT"), vec!["'x'"]),
            (named("store::rollout::IDS_OF_PRODUCT"), vec!["'x'", "8"]),
            (named("store::rollout::BEFORE_OF_PRODUCT"), vec!["ID", "'x'"]),
        ];
        for (sql, values) in asked {
            let plan = plan(db, sql, &values).await;
            let is_found = ["rollout_release", "sqlite_autoindex_rollout_1", "rollout_pkey"];
            assert!(is_found.iter().any(|index| plan.contains(index)), "{}: {sql}\n{plan}", fixture.name);
            for costly in ["SCAN rollout", "SCAN release", "Seq Scan"] {
                assert!(!plan.contains(costly), "{}: {sql}: {costly}\n{plan}", fixture.name);
            }
        }
        let sql = store::rollout::crowd::known_sql(db, 3).replace('?', "7");
        let sql = ["$1", "$2", "$3"].iter().fold(sql, |sql, place| sql.replace(place, "7"));
        let plan = plan(db, &sql, &[]).await;
        assert!(plan.contains("device_number"), "{}: {plan}", fixture.name);
        assert!(plan.contains("update_action_open"), "{}: {plan}", fixture.name);
        for costly in ["SCAN d", "SCAN p", "SCAN a", "Seq Scan"] {
            assert!(!plan.contains(costly), "{}: {costly}\n{plan}", fixture.name);
        }
    }
}

/// What is counted, and the index that holds all that it takes.
const COUNTED_IN: &[(&str, &[&str], &str)] = &[
    ("store::fitting::COUNT", &["7", "10"], "component_part"),
    ("store::finding::KINDS_IN_STATE", &["'open'"], "finding_kind"),
    ("store::finding::trend::TREND", &["0"], "finding_change_at"),
];

#[tokio::test]
async fn what_is_counted_is_counted_in_the_index_alone() {
    for fixture in testing::both().await.unwrap() {
        for (name, values, index) in COUNTED_IN {
            let (_, sql) = store::queries().into_iter().find(|(known, _)| known == name).unwrap();
            let plan = plan(&fixture.db, sql, values).await;
            assert!(plan.contains("COVERING INDEX") || plan.contains("Index Only Scan"), "{}: {plan}", fixture.name);
            assert!(plan.contains(index), "{}: {name}\n{plan}", fixture.name);
        }
    }
}

/// A target that is most of the fleet is read in the order of the table, a small one by an index.
#[tokio::test]
async fn a_target_is_read_in_the_order_of_the_table_when_many_match() {
    let model = Model {
        id: ModelId(Uuid::from_u128(7)),
        name: "GW-200".to_owned(),
        description: String::new(),
        poll_interval_s: 300,
        sgtin: String::new(),
    };
    let names = Names { custodians: &[], models: &[model], batches: &[], parts: &[], now: Timestamp(0) };
    let query = domain::query::parse("model:GW-200").unwrap();
    for fixture in testing::both().await.unwrap() {
        let filter = Filter::new(&fixture.db, &query, &names).await.unwrap();
        for (whole, upper) in [(true, false), (true, true), (false, false)] {
            let half = Half { middle: Uuid::from_u128(9), upper, whole };
            let sql = members_sql(&fixture.db, &filter, half);
            let plan = plan(&fixture.db, &sql, &["ID", "ID"]).await;
            let of_table = plan.contains("PRIMARY KEY") || plan.contains("device_pkey");
            assert!(if whole { of_table } else { plan.contains("device_") }, "{}: {plan}", fixture.name);
            assert!(!whole || !plan.contains("device_model"), "{}: {plan}", fixture.name);
            let found = store::device_list::members(&fixture.db, &filter, half).await.unwrap();
            assert!(found.is_empty(), "{}: {sql}", fixture.name);
        }
    }
}

/// However many findings a page shows: one read for the findings that they are part of, one for how many are part of them.
#[tokio::test]
async fn what_findings_are_part_of_is_read_at_once_and_by_an_index() {
    for fixture in testing::both().await.unwrap() {
        let db = &fixture.db;
        if let Db::Postgres(pool) = db {
            // It chooses by what is in the table: half of all are parts, of few others.
            let many = "INSERT INTO finding (id, kind, cause, detail, n, first_at, last_at, state, part_of) \
                        SELECT gen_random_uuid(), 'clone_suspected', 'c' || n, '{}', 1, n, n, \
                        CASE WHEN n % 2 = 0 THEN 'folded' ELSE 'open' END, CASE WHEN n % 2 = 0 THEN 'c' || (n % 20 + 1) END \
                        FROM generate_series(1, 4000) AS n";
            sqlx::query(many).execute(pool).await.unwrap();
            sqlx::query("VACUUM ANALYZE finding").execute(pool).await.unwrap();
        }
        let asked = [store::finding::by_causes_sql(db, 3), store::finding::folded_sql(db, 3)];
        for (sql, index) in asked.into_iter().zip(["finding", "finding_part_of"]) {
            // Without numbers on SQLite, where each stands for the next one.
            let sql = sql.replace('?', "'x'").replace("$1", "'x'").replace("$2", "'y'").replace("$3", "'z'");
            let plan = plan(db, &sql, &[]).await;
            assert!(plan.contains(index), "{}: {sql}\n{plan}", fixture.name);
            for costly in ["SCAN w", "SCAN p", "SCAN finding", "Seq Scan", "Filter"] {
                assert!(!plan.contains(costly), "{}: {sql}: {costly}\n{plan}", fixture.name);
            }
        }
    }
}
