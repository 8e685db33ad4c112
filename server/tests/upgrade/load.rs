//! What nodes of the version before ask of PostgreSQL, as it was recorded, again and again: each transaction is taken back at its end, so
//! that it can be done once more. Statements are prepared once for a connection, before the tables are changed, as sqlx does it.

use super::data;
use sqlx::{AssertSqlSafe, Connection, PgConnection, raw_sql};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// A transaction: each statement with its values.
type Transaction = Vec<(String, Vec<Option<String>>)>;

/// How many connections read.
const READERS: usize = 3;

/// How often a transaction is done again that was undone because of others, as the version before does it.
const AGAIN: usize = 3;

#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    done: AtomicUsize,
    longest: Mutex<(Duration, String)>,
    failed: Mutex<Vec<String>>,
}

/// The load of a few nodes.
pub struct Load {
    seen: Arc<Seen>,
    connections: Vec<JoinHandle<()>>,
    /// How many transactions each round of all has.
    pub round: usize,
}

/// What came of it.
pub struct Outcome {
    pub done: usize,
    pub longest: (Duration, String),
    pub failed: Vec<String>,
}

fn recorded() -> Vec<Transaction> {
    data::text("statements.jsonl.gz").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn writes(transaction: &Transaction) -> bool {
    let is_write = |sql: &str| ["INSERT", "UPDATE", "DELETE"].iter().any(|word| sql.starts_with(word));
    transaction.iter().any(|(sql, _)| is_write(sql) || sql.contains(" FOR UPDATE") || sql.contains(" FOR SHARE"))
}

impl Load {
    /// Begins. Those who write are one connection: two that do the same at once would wait for each other as nodes do not.
    pub async fn begin(url: &str) -> Self {
        let (writing, reading): (Vec<_>, Vec<_>) = recorded().into_iter().partition(writes);
        assert!(writing.len() > 20 && reading.len() > 50, "{} and {}", writing.len(), reading.len());
        let (seen, round) = (Arc::new(Seen::default()), writing.len() + READERS * reading.len());
        let (writing, reading) = (Arc::new(writing), Arc::new(reading));
        let mut connections = Vec::new();
        for n in 0..=READERS {
            let all = Arc::clone(if n == 0 { &writing } else { &reading });
            let node = Node::begin(url, &all).await;
            // Each begins elsewhere.
            connections.push(tokio::spawn(node.work(all, n, Arc::clone(&seen))));
        }
        Self { seen, connections, round }
    }

    /// How many transactions were done.
    pub fn done(&self) -> usize {
        self.seen.done.load(Ordering::Relaxed)
    }

    pub async fn end(self) -> Outcome {
        self.seen.stop.store(true, Ordering::Relaxed);
        for connection in self.connections {
            connection.await.unwrap();
        }
        let (longest, failed) = (self.seen.longest.lock().unwrap().clone(), self.seen.failed.lock().unwrap().clone());
        Outcome { done: self.seen.done.load(Ordering::Relaxed), longest, failed }
    }
}

/// A connection, and what is prepared on it.
struct Node {
    connection: PgConnection,
    prepared: HashMap<String, String>,
}

impl Node {
    async fn begin(url: &str, all: &[Transaction]) -> Self {
        let mut connection = PgConnection::connect(url).await.unwrap();
        let mut prepared = HashMap::new();
        // As the version before sets it on each of its connections.
        raw_sql("SET statement_timeout = 30000").execute(&mut connection).await.unwrap();
        for (sql, _) in all.iter().flatten() {
            if !prepared.contains_key(sql) {
                let name = format!("s{}", prepared.len());
                let text = AssertSqlSafe(format!("PREPARE {name} AS {sql}"));
                raw_sql(text).execute(&mut connection).await.unwrap();
                prepared.insert(sql.clone(), name);
            }
        }
        Self { connection, prepared }
    }

    async fn work(mut self, all: Arc<Vec<Transaction>>, first: usize, seen: Arc<Seen>) {
        let mut at = first * all.len() / (READERS + 1);
        while !seen.stop.load(Ordering::Relaxed) {
            let transaction = &all[at % all.len()];
            let (begun, mut tries) = (Instant::now(), 0);
            let failed = loop {
                tries += 1;
                match self.once(transaction).await {
                    Err(why) if tries <= AGAIN && is_undone(&why) => {}
                    done => break done.err(),
                }
            };
            if let Some(why) = failed {
                seen.failed.lock().unwrap().push(format!("{}: {why}", transaction[0].0));
            }
            let mut longest = seen.longest.lock().unwrap();
            if begun.elapsed() > longest.0 {
                *longest = (begun.elapsed(), transaction[0].0.clone());
            }
            drop(longest);
            seen.done.fetch_add(1, Ordering::Relaxed);
            at += 1;
        }
    }

    async fn once(&mut self, transaction: &Transaction) -> Result<(), sqlx::Error> {
        raw_sql("BEGIN").execute(&mut self.connection).await?;
        let mut done = Ok(());
        for (sql, values) in transaction {
            let values: Vec<String> = values.iter().map(literal).collect();
            let values = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
            let text = AssertSqlSafe(format!("EXECUTE {}{values}", self.prepared[sql]));
            done = raw_sql(text).execute(&mut self.connection).await.map(drop);
            if done.is_err() {
                break;
            }
        }
        raw_sql("ROLLBACK").execute(&mut self.connection).await?;
        done
    }
}

fn literal(value: &Option<String>) -> String {
    value.as_ref().map_or_else(|| "NULL".to_owned(), |value| format!("'{}'", value.replace('\'', "''")))
}

/// Deadlocks and serialisation failures.
fn is_undone(why: &sqlx::Error) -> bool {
    why.as_database_error().is_some_and(|why| matches!(why.code().as_deref(), Some("40P01" | "40001")))
}
