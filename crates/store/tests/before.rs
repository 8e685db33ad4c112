//! Nodes of the version before go on while the tables are brought up to date: what they say, prepared before, is done again and again
//! meanwhile, and nothing of it fails.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "how many statements were done, and how long the longest took, is printed")]

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool, SqlSafeStr, migrate::Migrator, raw_sql};
use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use store::{Db, testing};
use tokio::task::JoinHandle;

/// The last step of the version before, which is 0.1.
const RELEASED: i64 = 23;
/// How many connections its nodes have.
const CONNECTIONS: usize = 4;
/// How long is waited for what happens soon, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a statement may take meanwhile: a step waits half a second for a lock, and others with it.
const LONGEST: Duration = Duration::from_secs(20);

fn queries() -> Vec<(String, String)> {
    let all = include_str!("before/0.1.jsonl").lines();
    all.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A value of a type, as nobody means it: what is done with it finds no row, or enters one that is taken back.
fn value(kind: &str) -> &'static str {
    match kind {
        "uuid" => "'00000000-0000-7000-8000-000000000000'",
        "bigint" | "integer" | "smallint" | "double precision" | "numeric" => "1",
        "boolean" => "FALSE",
        "bytea" => "''",
        "json" | "jsonb" => "'{}'",
        _ => "'x'",
    }
}

/// A connection of a node of the version before, with its statements prepared.
struct Node {
    connection: PgConnection,
    /// Each by its name, and how it is done.
    prepared: Vec<(String, String)>,
}

impl Node {
    async fn begin(url: &str) -> Self {
        let mut connection = PgConnection::connect(url).await.unwrap();
        raw_sql("SET statement_timeout = 30000").execute(&mut connection).await.unwrap();
        let mut prepared = Vec::new();
        for (n, (name, sql)) in queries().into_iter().enumerate() {
            let text = AssertSqlSafe(format!("PREPARE s{n} AS {sql}"));
            raw_sql(text).execute(&mut connection).await.unwrap();
            let kinds = "SELECT unnest(parameter_types)::text FROM pg_prepared_statements WHERE name = $1";
            let kinds: Vec<String> =
                sqlx::query_scalar(kinds).bind(format!("s{n}")).fetch_all(&mut connection).await.unwrap();
            let values: Vec<&str> = kinds.iter().map(|kind| value(kind)).collect();
            let values = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
            prepared.push((name, format!("EXECUTE s{n}{values}")));
        }
        Self { connection, prepared }
    }

    /// Does a statement, and takes it back. Its failure, if it failed.
    async fn does(&mut self, n: usize) -> Option<String> {
        let (name, text) = self.prepared[n].clone();
        raw_sql("BEGIN").execute(&mut self.connection).await.unwrap();
        let done = raw_sql(AssertSqlSafe(text)).execute(&mut self.connection).await;
        raw_sql("ROLLBACK").execute(&mut self.connection).await.unwrap();
        done.err().map(|why| format!("{name}: {why}"))
    }

    /// Forgets what refuses such values already by the tables of the version before: entries that name what is not there.
    async fn forget_what_fails(&mut self) {
        let mut fails = BTreeSet::new();
        for n in 0..self.prepared.len() {
            if self.does(n).await.is_some() {
                fails.insert(n);
            }
        }
        let mut n = 0..;
        self.prepared.retain(|_| n.next().is_some_and(|n| !fails.contains(&n)));
    }

    async fn works(
        mut self,
        first: usize,
        stop: Arc<AtomicBool>,
        done: Arc<AtomicUsize>,
    ) -> (Duration, BTreeSet<String>) {
        let (mut at, mut longest, mut failed) = (first, Duration::ZERO, BTreeSet::new());
        while !stop.load(Ordering::Relaxed) {
            let begun = Instant::now();
            at = (at + 1) % self.prepared.len();
            failed.extend(self.does(at).await);
            longest = longest.max(begun.elapsed());
            done.fetch_add(1, Ordering::Relaxed);
        }
        (longest, failed)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nodes_of_the_version_before_say_goes_on_while_the_tables_are_brought_up_to_date() {
    let url = testing::cluster().unwrap().database().await.unwrap();
    let pool = PgPool::connect(&url).await.unwrap();
    let steps = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/postgres");
    Migrator::new(steps).await.unwrap().run_to(RELEASED, &pool).await.unwrap();
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut nodes: Vec<JoinHandle<_>> = Vec::new();
    let mut round = 0;
    for n in 0..CONNECTIONS {
        let mut node = Node::begin(&url).await;
        node.forget_what_fails().await;
        round = node.prepared.len();
        assert!(round > 300, "{round} of {} can be done", queries().len());
        nodes.push(tokio::spawn(node.works(n * round / CONNECTIONS, Arc::clone(&stop), Arc::clone(&done))));
    }
    let rounds = async |n: usize| {
        let (from, begun) = (done.load(Ordering::Relaxed), Instant::now());
        while done.load(Ordering::Relaxed) < from + n * CONNECTIONS * round {
            assert!(begun.elapsed() < PATIENCE, "they stand still");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    rounds(1).await;
    let (from, begun) = (done.load(Ordering::Relaxed), Instant::now());
    let db = Db::postgres(&url).await.unwrap();
    println!("{} statements while it took {:?}", done.load(Ordering::Relaxed) - from, begun.elapsed());
    assert!(store::look::standing(&db).await.unwrap().missing.is_empty());
    rounds(2).await;
    stop.store(true, Ordering::Relaxed);
    let mut failed = BTreeSet::new();
    for node in nodes {
        let (longest, fails) = node.await.unwrap();
        println!("the longest took {longest:?}");
        assert!(longest < LONGEST, "{longest:?}");
        failed.extend(fails);
    }
    assert!(failed.is_empty(), "{failed:#?}");
    // What is said for the first time after that.
    for (name, sql) in queries() {
        let described = pool.describe(AssertSqlSafe(sql).into_sql_str()).await;
        assert!(described.is_ok(), "{name}: {:?}", described.err());
    }
    pool.close().await;
    db.close().await;
}
