//! Every query is described on both databases; both have the same tables, columns and migrations.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use sqlx::{Executor, SqlStr};
use store::{Db, testing};

#[tokio::test]
async fn every_query_is_understood_by_both_databases() {
    let mut failures = Vec::new();
    for fixture in testing::both().await.unwrap() {
        for (name, sql) in store::queries() {
            let described = match &fixture.db {
                Db::Sqlite { read, .. } => read.describe(SqlStr::from_static(sql)).await.map(|d| d.columns().len()),
                Db::Postgres(pool) => pool.describe(SqlStr::from_static(sql)).await.map(|d| d.columns().len()),
            };
            if let Err(error) = described {
                failures.push(format!("{}: {name}: {error}", fixture.name));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let mut seen = Vec::new();
    for fixture in testing::both().await.unwrap() {
        let mut columns: Vec<(String, String)> = match &fixture.db {
            Db::Sqlite { read, .. } => sqlx::query_as(
                "SELECT m.name, p.name FROM sqlite_schema m, pragma_table_info(m.name) p \
                 WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '_sqlx%'",
            )
            .fetch_all(read)
            .await
            .unwrap(),
            Db::Postgres(pool) => sqlx::query_as(
                "SELECT table_name::text, column_name::text FROM information_schema.columns \
                 WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%' \
                 AND NOT EXISTS (SELECT 1 FROM pg_class p WHERE p.relispartition AND p.relname = table_name \
                 AND p.relnamespace = 'public'::regnamespace)",
            )
            .fetch_all(pool)
            .await
            .unwrap(),
        };
        columns.sort();
        seen.push(columns);
    }
    assert!(seen[0].len() > 50);
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |kind: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(kind);
        let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
}
