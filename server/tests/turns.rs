//! Programs that serve one database: what one alone does passes to another when its program is stopped, hangs or dies; and the list of them.

use crate::{
    common::World,
    field::{Field, PASSPHRASE, admin},
    patience::until,
};
use axum::body::Body;
use domain::{
    node::{Lease, NodeState},
    person::Role,
};
use fleet::node::NodeRow;
use http::{Request, StatusCode, header};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};
use store::testing;

/// How long another may take to go on: 5 seconds, and one for a machine that has much else to do.
const TAKEN_OVER: Duration = Duration::from_secs(20);

/// A node on a folder of its own, killed with the test.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Node {
    fn start(field: &Field, name: &str, folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        command.args(["serve", "--console", "127.0.0.1:0", "--gateway", "127.0.0.1:0", "--pki", "127.0.0.1:0"]);
        command.env("MUSTER_DATA", folder).env("MUSTER_LOG", "warn").env("MUSTER_NODE_NAME", name);
        command.env("MUSTER_KEY_PASSPHRASE", PASSPHRASE).env("MUSTER_DATABASE_URL", field.url().unwrap());
        let mut program = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines().map_while(Result::ok);
        lines.find(|line| line.starts_with("Muster runs at ")).unwrap();
        // Whoever speaks to nobody ends.
        std::thread::spawn(move || lines.for_each(drop));
        Self(program)
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

async fn nodes(field: &Field) -> Vec<NodeRow> {
    field.fleet.nodes(&admin()).await.unwrap().nodes
}

fn node<'a>(nodes: &'a [NodeRow], name: &str) -> &'a NodeRow {
    nodes.iter().find(|node| node.name == name).unwrap()
}

/// Waits until a node is the one that tells webhooks. How long that took.
async fn until_it_tells(field: &Field, name: &str) -> Duration {
    let tells = |node: &NodeRow| node.name == name && node.leases.iter().any(|(lease, _)| *lease == Lease::Webhooks);
    until(&format!("{name} goes on"), async || nodes(field).await.iter().any(tells)).await
}

async fn until_it_stands(field: &Field, name: &str, state: NodeState) {
    until(&format!("{name} is {state}"), async || node(&nodes(field).await, name).state == state).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "how long it takes is printed")]
async fn what_one_does_passes_to_another_when_it_is_stopped_hangs_or_is_killed() {
    assert!(server::assets::manifest().is_ok(), "the browser's files are missing: cargo xtask test --only site");
    let (field, ..) = Field::before(testing::postgres().await.unwrap()).await;
    let folders = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let alpha = Node::start(&field, "alpha", folders.0.path());
    until_it_tells(&field, "alpha").await;
    let beta = Node::start(&field, "beta", folders.1.path());
    // Whoever was just starting may be late in saying that it runs.
    for name in ["alpha", "beta"] {
        until_it_stands(&field, name, NodeState::Running).await;
    }
    let all = nodes(&field).await;
    assert_eq!(all.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["alpha", "beta"]);
    assert!(node(&all, "beta").leases.is_empty());
    alpha.signal("-STOP");
    let hung = until_it_tells(&field, "beta").await;
    until_it_stands(&field, "alpha", NodeState::Unheard).await;
    alpha.signal("-CONT");
    until_it_stands(&field, "alpha", NodeState::Running).await;
    // Longer than it takes to renew: whoever woke up does not take it back.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(node(&nodes(&field).await, "alpha").leases.is_empty());
    beta.signal("-TERM");
    let stopped = until_it_tells(&field, "alpha").await;
    until_it_stands(&field, "beta", NodeState::Stopped).await;
    drop(beta);
    let beta = Node::start(&field, "beta", folders.1.path());
    assert_eq!(nodes(&field).await.len(), 2, "a node that starts again is the same one");
    alpha.signal("-KILL");
    let killed = until_it_tells(&field, "beta").await;
    println!("hung: {hung:?}; stopped in order: {stopped:?}; killed: {killed:?}");
    assert!(hung < TAKEN_OVER && killed < TAKEN_OVER && stopped < TAKEN_OVER);
    drop(beta);
}

#[tokio::test]
async fn the_only_node_on_sqlite_reads_well() {
    let world = World::new().await;
    world.fleet.be_node("01936e5a-0000-7000-8000-00000000000a");
    world.fleet.join_nodes("fleet-1", "1.2.3").await.unwrap();
    let cookie = world.cookie(world.person(Role::Auditor, "ada@muster.example").await).await;
    let page = Request::get("/settings/nodes").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    let page = world.send(page).await;
    assert_eq!(page.status, StatusCode::OK);
    for words in ["1 node running", "fleet-1", "1.2.3", "this one", "Running", "Everything: it is the only one"] {
        assert!(page.body.contains(words), "{words} is not on the page");
    }
    let token = world.token(Role::Auditor).await;
    let asked = Request::get("/api/v1/nodes").header(header::AUTHORIZATION, format!("Bearer {token}"));
    let answer = world.send(asked.body(Body::empty()).unwrap()).await;
    let told: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let item = &told["items"][0];
    assert_eq!(
        (item["name"].as_str(), item["state"].as_str(), item["is_this"].as_bool()),
        (Some("fleet-1"), Some("running"), Some(true))
    );
    assert_eq!((told["items"].as_array().unwrap().len(), item["leases"].as_array().unwrap().len()), (1, 0));
    world.fleet.leave_nodes().await.unwrap();
    let fleet = fleet::Fleet::new(world.fleet.db().clone(), world.fleet.folder().to_owned());
    let admin = admin();
    let other = fleet.nodes(&admin).await.unwrap();
    assert_eq!(other.nodes[0].state, NodeState::Stopped, "as another process sees it");
}
