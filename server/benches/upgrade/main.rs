//! `cargo xtask bench upgrade`: from the version before to this one, for real: nodes of the version before on PostgreSQL, with the data
//! set of `server/tests/data/upgrade`, are replaced one by one behind haproxy while devices poll, install and report; then the same on
//! SQLite with one restart. What devices noticed is printed.

// A page is one deep type; optimised builds look into it further than the default lets them.
#![recursion_limit = "512"]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "a measurement stops by panicking and speaks by printing"
)]

mod balancer;
#[path = "../../tests/upgrade/data.rs"]
mod data;
mod field;
mod node;

use balancer::Balancer;
use clap::Parser;
use field::Field;
use node::Node;
use sqlx::PgPool;
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use store::{Db, testing};
use tokio::time::sleep;

/// How long is looked before, between and after the steps.
const CALM: Duration = Duration::from_secs(15);

/// What is upgraded.
#[derive(Debug, Parser)]
struct Sizes {
    /// Nodes [default: 3]
    nodes: Option<usize>,
    /// Short times, to see that all of it works
    #[arg(long)]
    quick: bool,
    /// The version before
    #[arg(long, env = "MUSTER_BEFORE")]
    before: PathBuf,
    /// What cargo adds
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() {
    let sizes = Sizes::parse();
    let calm = if sizes.quick { CALM / 5 } else { CALM };
    postgres(&sizes, calm).await;
    sqlite(&sizes, calm).await;
}

/// Replaces nodes one by one. Each is first taken out of the balancer.
async fn postgres(sizes: &Sizes, calm: Duration) {
    let now = Path::new(env!("CARGO_BIN_EXE_muster"));
    let work = tempfile::tempdir().unwrap();
    let url = testing::cluster().unwrap().database().await.unwrap();
    data::load(&url).await;
    let pool = PgPool::connect(&url).await.unwrap();
    // Who polls more often than told looks like two.
    sqlx::query("UPDATE model SET poll_interval_s = 1").execute(&pool).await.unwrap();
    let mut nodes: Vec<Node> = (0..sizes.nodes.unwrap_or(3))
        .map(|n| Node::new(data::folder("postgres-folder.tar.gz"), Some(&url), n))
        .collect();
    for node in &mut nodes {
        node.start(&sizes.before);
    }
    let balancer = Balancer::start(work.path(), &nodes);
    let looked = Db::look(work.path(), Some(&url)).await.unwrap();
    let devices = data::devices(&looked, nodes[0].folder(), &balancer.address()).await;
    looked.close().await;
    println!(
        "PostgreSQL: {} nodes of the version before, {} devices, each a turn a second",
        nodes.len(),
        devices.len()
    );
    let mut field = Field::start(devices);
    field.during("with the version before", sleep(calm)).await;
    for n in 0..nodes.len() {
        let words = format!("node {} of {} is replaced", n + 1, nodes.len());
        let node = &mut nodes[n];
        let step = async {
            let begun = Instant::now();
            balancer.drain(node.name()).await;
            let stopped = begun.elapsed();
            node.stop();
            let begun = Instant::now();
            node.start(now);
            println!("  drained after {stopped:.1?}; the new one answers after {:.1?}", begun.elapsed());
            balancer.ready(node.name()).await;
            sleep(calm / 3).await;
        };
        field.during(&words, step).await;
        let turns = "SELECT string_agg(a.application_name || ' ' || (l.objid::bigint & 65535)::text, ', ' ORDER BY 1) FROM pg_locks l \
                     JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.granted \
                     AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let held: Option<String> = sqlx::query_scalar(turns).fetch_one(&pool).await.unwrap();
        println!("  turns are held by: {}", held.unwrap_or_default());
    }
    field.during("with this version", sleep(calm)).await;
    field.stop().await;
    let versions = "SELECT string_agg(name || ' ' || version, ', ' ORDER BY name) FROM node";
    let versions: Option<String> = sqlx::query_scalar(versions).fetch_one(&pool).await.unwrap();
    println!("  nodes: {}", versions.unwrap_or_default());
    let verified = nodes[0].says(now, &["audit", "verify"]);
    println!("  {}", verified.trim());
    pool.close().await;
}

/// Stops the one, and starts the other on the same folder.
async fn sqlite(sizes: &Sizes, calm: Duration) {
    let now = Path::new(env!("CARGO_BIN_EXE_muster"));
    let mut node = Node::new(data::folder("sqlite-folder.tar.gz"), None, 9);
    node.start(&sizes.before);
    let looked = Db::look(node.folder(), None).await.unwrap();
    let devices = data::devices(&looked, node.folder(), &node.gateway()).await;
    looked.close().await;
    println!("SQLite: one node of the version before, {} devices, each a turn a second", devices.len());
    let mut field = Field::start(devices);
    field.during("with the version before", sleep(calm)).await;
    let restart = async {
        let begun = Instant::now();
        node.stop();
        node.start(now);
        println!("  from the signal to the new one's answers: {:.1?}", begun.elapsed());
        sleep(calm / 3).await;
    };
    field.during("one restart", restart).await;
    field.during("with this version", sleep(calm)).await;
    field.stop().await;
    let verified = node.says(now, &["audit", "verify"]);
    println!("  {}", verified.trim());
}
