//! What is asked of parts and supply chains costs the same in every fleet: it is found by an index, in its order.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use sqlx::AssertSqlSafe;
use store::{Db, testing};

/// A query, what stands for its parameters, and the index that it must use.
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
    ("store::finding::trend::CHANGES", &["'x'", "10"], "finding_change_cause"),
    ("store::finding::settled::OF_CAUSE", &["'x'", "10"], "finding_settled_cause"),
    ("store::report::holder::LISTING", &["'mac:x'", "ID", "6"], "component_identifier"),
    ("store::brake::DEVICES", &["'x'", "500"], "device_reason_cause"),
    ("store::export::OF_BATCH", &["ID", "'x'", "10"], "device_batch"),
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

#[tokio::test]
async fn what_is_asked_is_found_by_an_index_in_its_order() {
    for fixture in testing::both().await.unwrap() {
        for (name, values, index) in FOUND_BY {
            let (_, sql) = store::queries().into_iter().find(|(known, _)| known == name).unwrap();
            let plan = plan(&fixture.db, sql, values).await;
            assert!(plan.contains(index), "{}: {name}\n{plan}", fixture.name);
            for costly in ["TEMP B-TREE", "Sort", "Seq Scan", "SCAN component", "SCAN history", "SCAN device"] {
                assert!(!plan.contains(costly), "{}: {name}: {costly}\n{plan}", fixture.name);
            }
        }
    }
}

#[tokio::test]
async fn devices_with_a_type_of_part_are_counted_in_the_index_alone() {
    for fixture in testing::both().await.unwrap() {
        let (_, sql) = store::queries().into_iter().find(|(name, _)| *name == "store::fitting::COUNT").unwrap();
        let plan = plan(&fixture.db, sql, &["7", "10"]).await;
        assert!(plan.contains("COVERING INDEX") || plan.contains("Index Only Scan"), "{}: {plan}", fixture.name);
    }
}
