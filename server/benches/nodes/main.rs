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
#[expect(dead_code, reason = "this measurement needs a part of what the other one does")]
#[path = "../checkin/calls.rs"]
mod calls;
mod field;
mod fill;
#[path = "../../tests/left.rs"]
mod left;
#[expect(dead_code, reason = "this measurement needs a part of what the other one does")]
#[path = "../pki/load.rs"]
mod load;
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
mod throughput;
#[path = "../pki/tls.rs"]
mod tls;
mod upgrade;
mod used;
mod waits;
#[expect(dead_code, reason = "this measurement needs a part of what the other one does")]
#[path = "../pki/world.rs"]
mod world;

use balancer::Balancer;
use clap::Parser;
use field::{Field, Habit, Kept};
use fill::Caller;
use fleet::token::TokenForm;
use net::Net;
use node::Node;
use postgres::{Postgres, ask};
use scenes::{Scene, Stage};
use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};
use store::Db;
use table::Row;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use world::{RULE, World};

/// How much is played.
#[derive(Clone, Debug, Parser)]
pub struct Sizes {
    /// How many devices there are [default: 100000]
    devices: Option<usize>,
    /// Few devices and short times, to see in two minutes that all of it holds
    #[arg(long)]
    quick: bool,
    /// Measure what one, two and three nodes carry and what limits them, and let nothing go wrong
    #[arg(long)]
    throughput: bool,
    /// Upgrade an installation of the version before, which is this program, and let nothing go wrong
    #[arg(long)]
    before: Option<PathBuf>,
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

    /// How devices come. A hundred thousand at the interval of the field are twice of what two cores carry, balancer and database
    /// included, so that many wait for their turn; that is why few of their turns bring a report.
    const fn habit(&self) -> Habit {
        if self.quick {
            Habit { at_once: 8, pause: Duration::from_secs(2), reports: 1 }
        } else {
            Habit { at_once: 32, pause: Duration::from_secs(300), reports: 4 }
        }
    }

    /// The rollout is for one of so many devices.
    const fn updated(&self) -> usize {
        self.either(1, 10)
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
    let net = Net::of(prefix);
    if let Some(before) = &sizes.before {
        upgrade::print(&sizes, &net, before);
    } else if sizes.throughput {
        throughput::print(&sizes, &net);
    } else {
        goes_wrong(&sizes, &net);
    }
    ExitCode::SUCCESS
}

/// Lets things go wrong, and says what came of it.
fn goes_wrong(sizes: &Sizes, net: &Net) {
    let told = play(sizes, net);
    table::print(&told.iter().flat_map(rows).collect::<Vec<_>>());
    // As a test it may take longer: how busy the machine is says nothing of the program.
    let patience = sizes.either(10, 1);
    let late = told.iter().flat_map(|scene| &scene.times).filter(|(_, took, most)| *took > *most * patience);
    let late: Vec<String> = late.map(|(what, took, most)| format!("{what}: {took:?}, wanted {most:?}")).collect();
    assert!(late.is_empty(), "{late:?}");
}

/// What both measurements stand on.
struct Base {
    runtime: Runtime,
    folder: TempDir,
    world: World,
    postgres: Postgres,
    /// Deleted when all others are gone.
    _cluster: TempDir,
}

impl Base {
    /// A database with its standby and a fleet without devices, which polls so often.
    fn new(net: &Net, poll_interval: Duration) -> Self {
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
        ask("muster", &format!("UPDATE model SET poll_interval_s = {}", poll_interval.as_secs()));
        Self { runtime, folder, world, postgres, _cluster: cluster }
    }

    /// Fills the fleet: so many devices of which so many call, one of so many to be updated.
    fn fill(&self, devices: usize, callers: usize, one_of: usize) -> Vec<Caller> {
        let begun = Instant::now();
        eprintln!("{} devices: enrolling {} …", table::grouped(devices), table::grouped(callers));
        let callers = self.runtime.block_on(fill::fill(&self.world, devices, callers, one_of));
        eprintln!("    after {:.1} s", begun.elapsed().as_secs_f64());
        callers
    }

    fn node(&self, net: &Net, number: usize) -> Node {
        Node::new(net, number, self.folder.path(), self.world.fleet.folder())
    }
}

fn play(sizes: &Sizes, net: &Net) -> Vec<Scene> {
    let base = Base::new(net, sizes.habit().pause);
    let mut callers = base.fill(sizes.devices(), sizes.devices(), sizes.updated());
    let Base { runtime, folder, world, postgres, _cluster } = base;
    let victims = callers.split_off(callers.len() - 10);
    let releases = runtime.block_on(rollout::releases(&world));
    let form = TokenForm { name: "nodes".to_owned(), role: "operator".to_owned(), days: 1 };
    let token = runtime.block_on(world.fleet.add_token(&RULE, &form)).unwrap().secret;
    let node = |n| Node::new(net, n, folder.path(), world.fleet.folder());
    let mut nodes = vec![node(0), node(1), node(2).with_shifts()];
    for node in &mut nodes {
        eprintln!("{} runs after {:?}", node.name(), node.start());
    }
    let balancer = Balancer::start(folder.path(), &nodes);
    let code = runtime.block_on(rollout::start(&world, releases));
    let field = Field::start(&runtime, &world, &callers, sizes.habit());
    let mut stage =
        Stage { sizes, runtime: &runtime, world: &world, postgres, nodes, field, victims, token, told: Vec::new() };
    stage.play();
    runtime.block_on(rollout::open_all(&world, &code));
    stage.everybody_installs(&code, callers.iter().filter(|caller| caller.is_updated).count());
    stage.field.stop(&runtime);
    stage.field.check(&Kept::in_postgres());
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
