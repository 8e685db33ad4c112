//! `cargo xtask bench nodes`: three nodes on one PostgreSQL, each on a host of its own, behind a balancer, while devices come and
//! things go wrong. In a short form it is a step of `cargo xtask test`.
//!
//! The hosts are network namespaces, so it takes root; the nodes are the program itself, the balancer is haproxy, the database is
//! PostgreSQL with a standby that has every commit before it is acknowledged. Devices are those of the simulator, with certificates
//! of their own. Afterwards everything that a device or a person was acknowledged is held against the database.

// A page is one deep type; optimised builds look into it further than the default lets them.
#![recursion_limit = "512"]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "a measurement stops by panicking and speaks by printing"
)]

mod balancer;
mod field;
#[expect(dead_code, reason = "this measurement needs a part of what the other one does")]
#[path = "../updates/filled.rs"]
mod filled;
mod net;
mod node;
mod people;
mod postgres;
#[expect(dead_code, reason = "this measurement needs a part of what the other one does")]
#[path = "../updates/releases.rs"]
mod releases;
mod rollout;
mod scenes;
#[expect(dead_code, reason = "this measurement needs a part of what the other one does")]
#[path = "../pki/table.rs"]
mod table;
#[path = "../pki/tls.rs"]
mod tls;
#[expect(dead_code, reason = "this measurement needs a part of what the other one does")]
#[path = "../pki/world.rs"]
mod world;

use balancer::Balancer;
use clap::Parser;
use field::Field;
use fleet::token::TokenForm;
use net::Net;
use node::Node;
use postgres::{Postgres, ask};
use scenes::{Scene, Stage};
use std::{process::ExitCode, time::Duration};
use store::Db;
use table::Row;
use world::{RULE, World};

/// How much is played.
#[derive(Clone, Debug, Parser)]
pub struct Sizes {
    /// How many devices there are [default: 100000]
    devices: Option<usize>,
    /// Few devices and short times, to see in two minutes that all of it holds
    #[arg(long)]
    quick: bool,
    /// The network that this program was started in
    #[arg(long, hide = true)]
    inside: Option<String>,
    /// What cargo adds
    #[arg(long, hide = true)]
    bench: bool,
}

impl Sizes {
    const fn either<T: Copy>(&self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }

    fn devices(&self) -> usize {
        self.devices.unwrap_or_else(|| self.either(60, 100_000))
    }

    /// How many come at the same time.
    const fn at_once(&self) -> usize {
        self.either(8, 32)
    }

    /// How long each device waits between two turns.
    const fn pause(&self) -> Duration {
        self.either(Duration::from_secs(2), Duration::from_secs(60))
    }

    /// How long is looked after each thing that goes wrong.
    const fn calm(&self) -> Duration {
        self.either(Duration::from_secs(2), Duration::from_secs(20))
    }
}

fn main() -> ExitCode {
    let sizes = Sizes::parse();
    let Some(prefix) = &sizes.inside else {
        if let Some(obstacle) = net::obstacle() {
            eprintln!("{obstacle}");
            return ExitCode::FAILURE;
        }
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        return net::within(&arguments);
    };
    let told = play(&sizes, &Net::of(prefix));
    table::print(&told.iter().flat_map(rows).collect::<Vec<_>>());
    // As a test it may take longer: how busy the machine is says nothing of the program.
    let patience = sizes.either(10, 1);
    let late = told.iter().flat_map(|scene| &scene.times).filter(|(_, took, most)| *took > *most * patience);
    let late: Vec<String> = late.map(|(what, took, most)| format!("{what}: {took:?}, wanted {most:?}")).collect();
    assert!(late.is_empty(), "{late:?}");
    ExitCode::SUCCESS
}

fn play(sizes: &Sizes, net: &Net) -> Vec<Scene> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = tempfile::Builder::new().prefix("muster-nodes").tempdir().unwrap();
    let cluster = tempfile::Builder::new().prefix("muster-nodes-pg").tempdir().unwrap();
    let postgres = Postgres::start(net, cluster.path());
    let world = runtime.block_on(async {
        let db = Db::open(folder.path(), Some(&Postgres::url())).await.unwrap();
        let own = tempfile::Builder::new().prefix("muster-nodes-fleet").tempdir().unwrap();
        World::on(db, own).await
    });
    // Who polls more often than told looks like two.
    ask("muster", &format!("UPDATE model SET poll_interval_s = {}", sizes.pause().as_secs()));
    eprintln!("{} devices: enrolling …", table::grouped(sizes.devices()));
    let mut callers = runtime.block_on(filled::fill(&world, sizes.devices(), sizes.devices()));
    let victims = callers.split_off(callers.len() - 10);
    let releases = runtime.block_on(rollout::releases(&world));
    let form = TokenForm { name: "nodes".to_owned(), role: "operator".to_owned(), days: 1 };
    let token = runtime.block_on(world.fleet.add_token(&RULE, &form)).unwrap().secret;
    let mut nodes: Vec<Node> = (0..3).map(|n| Node::new(net, n, folder.path(), world.fleet.folder())).collect();
    for node in &mut nodes {
        eprintln!("{} runs after {:?}", node.name(), node.start());
    }
    let balancer = Balancer::start(folder.path(), &nodes);
    let code = runtime.block_on(rollout::start(&world, releases));
    let field = Field::start(&runtime, &world, &callers, sizes.at_once(), sizes.pause());
    let mut stage =
        Stage { sizes, runtime: &runtime, world: &world, postgres, nodes, field, victims, token, told: Vec::new() };
    stage.play();
    runtime.block_on(rollout::open_all(&world, &code));
    stage.everybody_installs(&code, callers.len());
    stage.field.stop(&runtime);
    let action = |serial: &str| {
        let query = format!(
            "SELECT a.version || ' ' || a.state FROM update_action a JOIN device d ON d.id = a.device_id \
             WHERE d.serial = '{serial}' ORDER BY a.id DESC LIMIT 1"
        );
        let said = ask("muster", &query);
        said.split_once(' ').map(|(version, state)| (version.to_owned(), state.to_owned()))
    };
    runtime.block_on(stage.field.check(&world, action));
    let twice = "SELECT count(*) FROM (SELECT device_id FROM update_action GROUP BY rollout_id, device_id HAVING count(*) > 1) x";
    assert_eq!(ask("muster", twice), "0", "devices that were offered twice");
    let verified = stage.nodes[0].command(&["audit", "verify"]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    let told = std::mem::take(&mut stage.told);
    drop((stage, balancer));
    told
}

fn rows(scene: &Scene) -> Vec<Row> {
    let stretch = &scene.stretch;
    let mut rows = vec![Row {
        what: scene.what.to_owned(),
        here: table::per_second(stretch.rate),
        beside: format!("{} turns failed {}", stretch.failed, stretch.kinds.join(", ")),
        there: format!("longest pause {}", table::time(stretch.gap)),
        ratio: None,
        wanted: "",
    }];
    let time = |(what, took, most): &(&'static str, Duration, Duration)| {
        Row::time(format!("– {what}"), *took, ("at most", *most), "1.0")
    };
    rows.extend(scene.times.iter().map(time));
    rows
}
