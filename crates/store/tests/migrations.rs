//! What migrations may do: nodes of the version before go on with the tables while they are changed, and after that.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use sqlx::{PgPool, migrate::Migrator};
use std::{collections::BTreeMap, path::Path};
use store::testing;

/// The last step of the version before, which is 0.1.
const RELEASED: i64 = 23;

async fn steps(kind: &str) -> Migrator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(kind);
    Migrator::new(folder).await.unwrap()
}

/// The number of the step that whoever goes on has to know, of one that takes something away.
fn contracts(description: &str) -> Option<i64> {
    description.strip_prefix("contract from ")?.split(' ').next()?.parse().ok()
}

/// A column of a table: its type, whether it may be left out of what is inserted, and whether adding it wrote every row anew.
type Column = (String, String, bool, bool);

async fn columns(pool: &PgPool) -> BTreeMap<(String, String), Column> {
    let sql = "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), \
               COALESCE(l.collname::text, ''), NOT a.attnotnull OR a.atthasdef OR a.attidentity <> '', \
               a.atthasdef AND NOT a.atthasmissing AND a.attgenerated = '' AND a.attidentity = '' \
               FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_collation l ON l.oid = a.attcollation \
               WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped \
               AND c.relname NOT LIKE '\\_sqlx%'";
    let rows: Vec<(String, String, String, String, bool, bool)> = sqlx::query_as(sql).fetch_all(pool).await.unwrap();
    let column =
        |(table, name, kind, collation, optional, rewritten)| ((table, name), (kind, collation, optional, rewritten));
    rows.into_iter().map(column).collect()
}

/// What refuses rows of a table: its constraints and unique indexes, in PostgreSQL's words.
async fn limits(pool: &PgPool) -> BTreeMap<(String, String), String> {
    let sql = "SELECT r.relname::text, c.conname::text, pg_get_constraintdef(c.oid) FROM pg_constraint c \
               JOIN pg_class r ON r.oid = c.conrelid WHERE c.connamespace = 'public'::regnamespace AND c.contype <> 'n' \
               AND NOT r.relispartition \
               UNION ALL SELECT r.relname::text, i.relname::text, replace(pg_get_indexdef(x.indexrelid), ' ON ONLY ', ' ON ') FROM pg_index x \
               JOIN pg_class r ON r.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid \
               WHERE x.indisunique AND r.relnamespace = 'public'::regnamespace \
               AND r.relkind IN ('r', 'p') AND NOT r.relispartition";
    let rows: Vec<(String, String, String)> = sqlx::query_as(sql).fetch_all(pool).await.unwrap();
    rows.into_iter().map(|(table, name, says)| ((table, name), says)).collect()
}

#[tokio::test]
async fn tables_of_the_version_before_stay_what_its_statements_take_them_for() {
    let pool = PgPool::connect(&testing::cluster().unwrap().database().await.unwrap()).await.unwrap();
    let steps = steps("postgres").await;
    steps.run_to(RELEASED, &pool).await.unwrap();
    let (before, limited) = (columns(&pool).await, limits(&pool).await);
    assert!(before.len() > 300, "{}", before.len());
    steps.run(&pool).await.unwrap();
    let (after, limits) = (columns(&pool).await, limits(&pool).await);
    // What a step takes away that says so is looked at by whoever writes it.
    let takes_away = steps.iter().any(|step| step.version > RELEASED && contracts(&step.description).is_some());
    let is_before = |table: &str| before.keys().any(|(known, _)| known == table);
    let mut wrong = Vec::new();
    for (key, (kind, collation, optional, _)) in &before {
        match after.get(key) {
            None if takes_away => {}
            None => wrong.push(format!("{key:?} is not there any more")),
            Some((now, collated, ..)) if (now, collated) != (kind, collation) => {
                wrong.push(format!("{key:?} was {kind} {collation} and is {now} {collated}"));
            }
            Some((.., now, _)) if *optional && !now => wrong.push(format!("{key:?} may not be left out any more")),
            Some(_) => {}
        }
    }
    for (key, (.., optional, rewritten)) in
        after.iter().filter(|(key, _)| is_before(&key.0) && !before.contains_key(*key))
    {
        if !optional {
            wrong.push(format!("{key:?} is new, and INSERTs of the version before do not fill it: give it a DEFAULT"));
        }
        if *rewritten {
            wrong.push(format!(
                "{key:?} wrote its table anew, while nobody could read it: its DEFAULT is to be a constant"
            ));
        }
    }
    for (key, says) in limits.iter().filter(|(key, _)| is_before(&key.0) && !limited.contains_key(*key)) {
        wrong.push(format!("{key:?} refuses what the version before may write: {says}"));
    }
    for (key, says) in &limited {
        // ON CONFLICT names a unique index by its columns.
        if limits.get(key) != Some(says) && !takes_away {
            wrong.push(format!("{key:?} was {says} and is {:?}", limits.get(key)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    pool.close().await;
}

/// A step's statements, without comments, each on a line.
fn statements(sql: &str) -> Vec<String> {
    let lines = sql.lines().map(|line| line.split_once("--").map_or(line, |(code, _)| code));
    let code = lines.collect::<Vec<_>>().join(" ");
    let statement = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
    code.split(';').map(statement).filter(|text| !text.is_empty()).collect()
}

#[tokio::test]
async fn no_step_keeps_a_table_from_the_version_before_for_long() {
    let all = steps("postgres").await;
    let made_by = |step: &sqlx::migrate::Migration| {
        let made =
            |text: String| text.strip_prefix("CREATE TABLE ").map(|rest| rest.split(' ').next().unwrap().to_owned());
        statements(step.sql.as_str()).into_iter().filter_map(made).collect::<Vec<_>>()
    };
    let (old, new): (Vec<_>, Vec<_>) = all.iter().partition(|step| step.version <= RELEASED);
    let old: Vec<String> = old.into_iter().flat_map(made_by).collect();
    assert!(old.contains(&"DEVICE".to_owned()) && old.len() > 50);
    let mut wrong = Vec::new();
    for step in new {
        let all = statements(step.sql.as_str());
        let mut say = |what: &str| wrong.push(format!("{}: {what}", step.version));
        if step.no_tx && all.len() != 1 {
            say("what runs outside of a transaction is one statement, so that it can be run again");
        }
        for text in &all {
            let words: Vec<&str> = text.split(' ').collect();
            let is_old = |at: usize| words.get(at).is_some_and(|table| old.iter().any(|old| old == table));
            let on = words.iter().position(|word| *word == "ON").map(|at| at + 1);
            if text.contains("INDEX") && text.starts_with("CREATE") && on.is_some_and(is_old) && !step.no_tx {
                say(
                    "an index of a table that is in use is built CONCURRENTLY IF NOT EXISTS, after a line -- no-transaction",
                );
            }
            if text.starts_with("CREATE INDEX") && step.no_tx && !text.contains("CONCURRENTLY IF NOT EXISTS") {
                say("write CREATE INDEX CONCURRENTLY IF NOT EXISTS");
            }
            if (text.starts_with("UPDATE") && is_old(1)) || (text.starts_with("DELETE") && is_old(2)) {
                say("rows of a table that is in use are changed by the program, in short pieces");
            }
            if text.contains("LOCK_TIMEOUT") {
                say("how long a step waits for a lock is the program's to say");
            }
            if text.starts_with("LOCK") || text.starts_with("CLUSTER") || text.starts_with("VACUUM") {
                say("nobody could use the table meanwhile");
            }
        }
        if let Some(from) = contracts(&step.description)
            && from > RELEASED
        {
            say("it takes away what the version before needs: that is for the version after this one");
        }
        if step.description.starts_with("contract") && contracts(&step.description).is_none() {
            say("its name is NUMBER_contract_from_STEP_what.sql");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
