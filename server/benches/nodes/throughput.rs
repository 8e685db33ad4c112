//! What one, two and three nodes carry, and what limits them: polls, reports and first offers a second through the balancer, and who
//! used how much of the processors meanwhile. Everything is on one machine, whoever calls included, so the sum can't grow beyond
//! its cores: what is seen is what a node more costs, what a request costs whom, and where something else than cores is the end.

use crate::{
    Base, Sizes,
    balancer::{Balancer, GATEWAY},
    calls::{Heard, Load, Phone},
    fill::Caller,
    load,
    net::Net,
    node::Node,
    postgres::ask,
    rollout, scenes, table,
    used::Used,
    waits::{Waits, Watch},
};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

/// How many devices call at the same time.
const AT_ONCE: usize = 32;
/// How many nodes run, one after the other: there and back, so that a machine that is busier for a while is so for all.
const NODES: [usize; 6] = [1, 2, 3, 3, 2, 1];
/// When so many percent of the cores are busy, they are the limit.
const ALL_BUSY: f64 = 90.0;
/// In which time a device may report only so often: so long after one measurement of reports comes the next.
const REPORTS_WITHIN: Duration = Duration::from_secs(61);
/// The interval that the field is told.
const INTERVAL: Duration = Duration::from_secs(300);

/// What is asked.
const ASKED: [&str; 4] = [
    "polls, connections kept",
    "polls, a connection each",
    "reports of something new, each durable, connections kept",
    "first told of an update, each durable, connections kept",
];

/// Which of these is asked of each device once.
const OFFERS: usize = 3;

impl Sizes {
    /// Devices that poll and report.
    const fn lasting(&self) -> usize {
        self.either(32, 256)
    }

    /// Devices that are told of an update for the first time, each time that is measured.
    const fn offers(&self) -> usize {
        self.either(32, 1_200)
    }

    /// Requests over connections that stay open, those that each open one, and reports; each time that is measured. Of reports so few
    /// that none sends as many as one may within a minute, also if its node is the quicker one.
    const fn requests(&self) -> [usize; 3] {
        self.either([600, 64, 64], [60_000, 4_000, 2_000])
    }
}

/// What came of asking one thing with so many nodes.
#[derive(Clone, Default)]
struct Cell {
    asked: usize,
    took: Duration,
    times: Vec<Duration>,
    used: Used,
    waits: Waits,
}

impl Cell {
    fn rate(&self) -> f64 {
        table::rate(self.asked, self.took)
    }
}

/// All that was measured: for each thing that is asked, with one, two and three nodes.
type Cells = [[Cell; 3]; ASKED.len()];

/// Measures, and prints it as a table.
pub fn print(sizes: &Sizes, net: &Net) {
    let begun = Instant::now();
    let base = Base::new(net, INTERVAL);
    let devices = sizes.devices.unwrap_or_else(|| sizes.either(600, 100_000));
    let callers = sizes.lasting() + 1 + NODES.len() * sizes.offers();
    assert!(callers <= devices, "{callers} devices call: say more than that");
    let callers = base.fill(devices, callers, 10);
    let phone = |caller: &Caller| Phone::of(&base.world, caller.number, &caller.device);
    let phones: Vec<Phone> = callers.iter().map(phone).collect();
    let (lasting, rest) = phones.split_at(sizes.lasting());
    let Some((scout, others)) = rest.split_first() else { unreachable!("more call than those that poll and report") };
    let nodes = (0..3).map(|n| base.node(net, n)).collect();
    let mut bench = Bench { sizes, base: &base, nodes, cells: Cells::default() };
    bench.polls_and_reports(&groups(lasting));
    let told = bench.starts_rollout(scout);
    bench.offers(others);
    let known = ask("muster", "SELECT count(*) FROM update_action").parse::<usize>().unwrap();
    assert_eq!(known, others.len() + told, "each was told once");
    eprintln!("    all after {:.0} s", begun.elapsed().as_secs_f64());
    let Bench { cells, nodes, .. } = bench;
    drop(nodes);
    table(cells, devices);
}

/// So many groups as call at the same time.
fn groups(phones: &[Phone]) -> Vec<Vec<Phone>> {
    (0..AT_ONCE.min(phones.len())).map(|n| phones.iter().skip(n).step_by(AT_ONCE).cloned().collect()).collect()
}

struct Bench<'a> {
    sizes: &'a Sizes,
    base: &'a Base,
    nodes: Vec<Node>,
    cells: Cells,
}

impl Bench<'_> {
    /// Lets the first of the nodes run and no other, behind a balancer that knows just them.
    fn run(&mut self, count: usize) -> Balancer {
        for (n, node) in self.nodes.iter_mut().enumerate() {
            if n < count && node.pid().is_none() {
                node.start();
            } else if n >= count && node.pid().is_some() {
                node.stop();
            }
        }
        Balancer::start(self.base.folder.path(), self.nodes.get(..count).unwrap_or_default())
    }

    fn polls_and_reports(&mut self, lasting: &[Vec<Phone>]) {
        let of = lasting.iter().map(Vec::len).sum();
        let [kept, anew, reports] = self.sizes.requests();
        let (rest, mut reported) = (self.sizes.either(Duration::ZERO, REPORTS_WITHIN), None::<Instant>);
        for nodes in NODES {
            let balancer = self.run(nodes);
            eprintln!("{nodes} of 3 nodes: polls and reports …");
            let load = |count, keep, request| Load { to: GATEWAY, count, keep, request };
            // The first time each comes, what is noted once is noted.
            Heard::default().round(&self.base.runtime, &load(of, true, poll), lasting);
            self.measure((0, nodes), &balancer, &load(kept, true, poll), lasting);
            self.measure((1, nodes), &balancer, &load(anew, false, poll), lasting);
            std::thread::sleep(reported.map_or(Duration::ZERO, |at| rest.saturating_sub(at.elapsed())));
            self.measure((2, nodes), &balancer, &load(reports, true, report), lasting);
            reported = Some(Instant::now());
        }
    }

    /// Starts a rollout for all devices and waits until the nodes know it: until one is told that never came before, since those that came
    /// so much more often than they were to look like two and get nothing. How many were told.
    fn starts_rollout(&mut self, scout: &Phone) -> usize {
        let _balancer = self.run(1);
        self.base.runtime.block_on(async {
            let releases = rollout::releases(&self.base.world).await;
            rollout::start_for_all(&self.base.world, releases).await;
        });
        let told = || ask("muster", "SELECT count(*) FROM update_action").parse::<usize>().unwrap();
        scenes::until(|| {
            self.base.runtime.block_on(scout.asks(GATEWAY, &own(scout)));
            told() > 0
        });
        told()
    }

    fn offers(&mut self, others: &[Phone]) {
        for (nodes, phones) in NODES.into_iter().zip(others.chunks(self.sizes.offers())) {
            let balancer = self.run(nodes);
            eprintln!("{nodes} of 3 nodes: offers …");
            // No more connections than a balancer and a program may have open.
            for some in phones.chunks(self.sizes.lasting()) {
                let load = Load { to: GATEWAY, count: some.len(), keep: true, request: poll };
                self.measure((OFFERS, nodes), &balancer, &load, &groups(some));
            }
        }
    }

    fn measure(&mut self, (what, nodes): (usize, usize), balancer: &Balancer, load: &Load, groups: &[Vec<Phone>]) {
        let [primary, standby] = <[u32; 2]>::try_from(self.base.postgres.pids()).unwrap();
        let whose = [
            ("nodes", self.nodes.iter().filter_map(Node::pid).collect()),
            ("PostgreSQL", vec![primary]),
            ("its standby", vec![standby]),
            ("balancer", vec![balancer.pid()]),
        ];
        let cell = &mut self.cells[what][nodes - 1];
        let (mut heard, watch) = (Heard::default(), Watch::begin());
        let (runtime, begin) = (&self.base.runtime, || (Used::so_far(&whose), Instant::now()));
        let (before, begun) = if what == OFFERS {
            heard.round_once_from(runtime, load, groups, begin)
        } else {
            heard.round_from(runtime, load, groups, begin)
        };
        let took = begun.elapsed();
        cell.used = cell.used.and(&Used::so_far(&whose).since(&before));
        watch.end(&mut cell.waits);
        cell.asked += load.count;
        cell.took += took;
        cell.times.extend(heard.times);
        eprintln!("    {}: {}", ASKED[what], table::per_second(table::rate(load.count, took)));
    }
}

fn own(phone: &Phone) -> String {
    format!("/DEFAULT/controller/v1/{}", phone.serial)
}

fn poll(phone: &Phone, _: usize) -> Vec<u8> {
    load::get(&own(phone))
}

/// A report that says something that none has said before.
fn report(phone: &Phone, _: usize) -> Vec<u8> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let body = format!(r#"{{"mode":"merge","data":{{"sw.version":"1.0","count":"{count}"}}}}"#);
    format!(
        "PUT {}/configData HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        own(phone),
        body.len()
    )
    .into_bytes()
}

/// Prints what was measured, with a column for each number of nodes.
fn table(mut cells: Cells, devices: usize) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("| of {} devices, on {cores} cores | 1 node | 2 nodes | 3 nodes |", table::grouped(devices));
    println!("|---|---|---|---|");
    for (what, cells) in ASKED.iter().zip(&mut cells) {
        let one = cells[0].rate();
        let rate = |cell: &mut Cell| table::per_second(cell.rate()).replace(" /s", "");
        line(&format!("{what}, a second"), cells, rate);
        line("… times those of one node", cells, |cell| format!("{:.2}", cell.rate() / one));
        line("… p50, p99", cells, |cell| {
            let [half, most] = [50, 99].map(|percent| table::time(table::percentile(&mut cell.times, percent)));
            format!("{half}, {most}")
        });
        for part in 0..cells[0].used.by.len() {
            let whose = format!("… CPU of one, in µs: {}", cells[0].used.by[part].0);
            line(&whose, cells, |cell| of_one(cell, cell.used.by[part].1));
        }
        line("… … the kernel for nobody, and other programs", cells, |cell| of_one(cell, cell.used.others()));
        line("… limited by", cells, |cell| limit(cell));
    }
}

fn line(what: &str, cells: &mut [Cell; 3], say: impl Fn(&mut Cell) -> String) {
    let said = cells.each_mut().map(say);
    println!("| {what} | {} |", said.join(" | "));
}

/// How much of a time each request took, in µs.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn of_one(cell: &Cell, used: Duration) -> String {
    format!("{:.0}", used.as_secs_f64() * 1e6 / cell.asked as f64)
}

/// What it could not be more for: cores, if they were busy; else whatever the database's sessions waited for.
fn limit(cell: &Cell) -> String {
    let share = cell.used.share() * 100.0;
    if share >= ALL_BUSY {
        return format!("cores ({share:.0} % busy)");
    }
    let most = cell.waits.most();
    let most =
        most.map_or_else(|| "no session at work".to_owned(), |(what, n)| format!("{n:.1} sessions wait for {what}"));
    format!("waiting: cores {share:.0} % busy; {most}")
}
