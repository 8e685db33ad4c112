//! What is measured of a fleet of one size, and what it is held against.

use crate::{
    Sizes,
    calls::{Heard, Load, Phone},
    doors::Doors,
    files::{self, File},
    filled::{Caller, fill},
    goosebit, load, nginx, plain, releases,
    rollouts::{self, Running},
    table::grouped,
    world::World,
};
use axum::{Router, routing::get};
use fleet::update::UpdateLink;
use http::header;
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// How many devices call at the same time.
const AT_ONCE: usize = 32;
/// In how many rounds, so that a machine that is busy for a while is busy for both.
const ROUNDS: usize = 2;
/// How many rollouts run.
const ROLLOUTS: usize = 5;
/// What a poll is answered where nothing is wanted.
const NOTHING: &str = r#"{"config":{"polling":{"sleep":"00:05:00"}}}"#;
/// What it is answered where there is something, as long as that is.
const UPDATE: &str = r#"{"config":{"polling":{"sleep":"00:05:00"}},"_links":{"deploymentBase":{"href":"https://localhost/DEFAULT/controller/v1/GW-0000000/deploymentBase/10001?c=0"}}}"#;

/// What was measured of a fleet of one size.
pub struct Measured {
    pub devices: usize,
    pub filled: Duration,
    /// Polls without a rollout, and with all of them: each beside the bare handler.
    pub polls: [(&'static str, Heard, Heard); 2],
    /// The first polls of devices that are told of an update: what is written of it is durable before they are answered.
    pub offers: f64,
    pub rollouts: Vec<Running>,
    /// How long it took to open the second wave of each.
    pub advanced: Vec<Duration>,
    /// How long one look for those who join all of them took.
    pub joining: Duration,
    /// Polls over plain HTTP, here and of gooseBit, or why there is no figure.
    pub plain: (f64, Result<f64, String>),
    /// Bytes a second, here and of nginx, or why there is no figure.
    pub bytes: (f64, Result<f64, String>),
    /// Memory of the whole process, and what the database takes on the disk, in MiB.
    pub memory: u64,
    pub disk: u64,
}

struct Bench<'a> {
    sizes: &'a Sizes,
    server: Runtime,
    asking: Runtime,
    world: World,
    doors: Doors,
    callers: Vec<Caller>,
    phones: Vec<Phone>,
}

pub fn measure(sizes: &Sizes, devices: usize) -> Measured {
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (server, asking) = (runtime(), runtime());
    let begun = Instant::now();
    eprintln!("{} devices: filling …", grouped(devices));
    let world = server.block_on(World::new());
    let callers = server.block_on(fill(&world, devices, sizes.callers()));
    let filled = begun.elapsed();
    let doors = server.block_on(Doors::open(&world));
    let phones = callers.iter().map(|caller| Phone::of(&world, caller.number, &caller.device)).collect();
    let bench = Bench { sizes, server, asking, world, doors, callers, phones };
    eprintln!("{} devices: filled in {:.1} s; asking …", grouped(devices), filled.as_secs_f64());
    bench.run(devices, filled)
}

impl Bench<'_> {
    fn run(&self, devices: usize, filled: Duration) -> Measured {
        let released = self.server.block_on(releases::released(&self.world, ROLLOUTS, self.sizes.file()));
        // Whoever polls without a pause does nothing else: how often one comes is looked at.
        let lasting = groups(&self.phones[..AT_ONCE.min(self.phones.len() / 2)]);
        let (none, bare_none) = self.both(NOTHING, &lasting);
        let start = |release| self.server.block_on(rollouts::start(&self.world, release, &self.callers));
        let rollouts: Vec<Running> = released.into_iter().map(start).collect();
        eprintln!("{} devices: {ROLLOUTS} rollouts run; asking …", grouped(devices));
        let (some, bare_some) = self.both(UPDATE, &lasting);
        let plain = self.plain(devices);
        let bytes = self.bytes();
        let begun = Instant::now();
        self.server.block_on(self.world.fleet.take_in_who_joins()).unwrap();
        let joining = begun.elapsed();
        // Whoever is in no first wave is told of nothing until now.
        let untold = self.server.block_on(rollouts::untold(&self.world, &self.callers));
        let advance = |running| self.server.block_on(rollouts::advance(&self.world, running));
        let advanced = rollouts.iter().map(advance).collect();
        let offers = self.offers(&untold);
        let memory = memory();
        self.server.block_on(self.world.fleet.db().close());
        Measured {
            devices,
            filled,
            polls: [("no rollout", none, bare_none), ("5 rollouts running", some, bare_some)],
            offers,
            rollouts,
            advanced,
            joining,
            plain,
            bytes,
            memory,
            disk: disk(&self.world),
        }
    }

    fn load(&self, to: SocketAddr, count: usize) -> Load {
        Load { to, count, keep: true, request: poll }
    }

    /// The gateway and a handler that knows nobody and answers this, in turn.
    fn both(&self, answer: &'static str, groups: &[Vec<Phone>]) -> (Heard, Heard) {
        let give = move || std::future::ready(([(header::CONTENT_TYPE, "application/json")], answer));
        let router = Router::new().route("/{tenant}/controller/v1/{controllerId}", get(give));
        let bare = self.server.block_on(self.doors.behind_the_gate(router));
        let (mut here, mut there) = (Heard::default(), Heard::default());
        // The first time each comes, what is noted once is noted.
        let once = self.load(self.doors.gateway, groups.iter().map(Vec::len).sum());
        Heard::default().round(&self.asking, &once, groups);
        for _ in 0..ROUNDS {
            there.round(&self.asking, &self.load(bare, self.sizes.requests()), groups);
            here.round(&self.asking, &self.load(self.doors.gateway, self.sizes.requests()), groups);
        }
        (here, there)
    }

    /// How many of these devices are told of an update for the first time in a second.
    fn offers(&self, untold: &[usize]) -> f64 {
        let phones: Vec<Phone> = untold.iter().map(|n| self.phones[*n].clone()).collect();
        let mut heard = Heard::default();
        heard.round(&self.asking, &self.load(self.doors.gateway, phones.len()), &groups(&phones));
        heard.rate()
    }

    /// Polls over plain HTTP, here and of gooseBit.
    fn plain(&self, devices: usize) -> (f64, Result<f64, String>) {
        let phones = self.phones.get(..AT_ONCE.min(self.phones.len())).unwrap_or_default();
        let to = self.server.block_on(plain::open(&self.world, &self.doors, phones));
        let path = |phone: &Phone| load::get(&format!("/DEFAULT/controller/v1/{}", phone.serial));
        let requests = Arc::new(phones.iter().map(path).collect());
        let is_answer = |body: &[u8]| body.starts_with(b"{\"config\"");
        let load = load::Load { to, requests, count: self.sizes.requests(), keep: true, is_answer };
        let here = self.asking.block_on(load.run());
        let serials: Vec<String> = phones.iter().map(|phone| phone.serial.clone()).collect();
        let there = if self.sizes.beside_others() {
            goosebit::polls(&self.asking, &serials, devices, self.sizes.elsewhere())
        } else {
            Err("not asked in a test".to_owned())
        };
        (here, there)
    }

    /// Downloads, here and of nginx.
    fn bytes(&self) -> (f64, Result<f64, String>) {
        let files = self.server.block_on(self.told_of_the_large());
        let here = files::throughput(&self.asking, self.doors.gateway, &files);
        let there = if self.sizes.beside_others() {
            let content = vec![7; files[0].size];
            self.server.block_on(nginx::serve(&self.world, &self.doors, &content)).map(|nginx| {
                let same = |file: &File| File { path: "/file".to_owned(), ..file.clone() };
                let files: Vec<File> = files.iter().map(same).collect();
                files::throughput(&self.asking, nginx.address, &files)
            })
        } else {
            Err("not asked in a test".to_owned())
        };
        (here, there)
    }

    /// The large file as those devices find it that are told of it.
    async fn told_of_the_large(&self) -> Vec<File> {
        let mut files = Vec::new();
        for (caller, phone) in self.callers.iter().zip(&self.phones) {
            let actor = caller.actor();
            let told = self.world.fleet.poll(&actor).await.unwrap().update;
            let Some(UpdateLink::Deployment { id, .. }) = told else { continue };
            let deployment = self.world.fleet.deployment(&actor, id, None).await.unwrap();
            let file = deployment.files.first().unwrap();
            let size = usize::try_from(file.size).unwrap();
            if size >= self.sizes.file() {
                let (serial, module) = (&phone.serial, deployment.module);
                let path = format!("/DEFAULT/controller/v1/{serial}/softwaremodules/{module}/artifacts/{}", file.name);
                files.push(File { phone: phone.clone(), path, size });
            }
        }
        assert!(!files.is_empty(), "nobody is told of the large file");
        files
    }
}

/// So many groups as call at the same time.
fn groups(phones: &[Phone]) -> Vec<Vec<Phone>> {
    (0..AT_ONCE.min(phones.len())).map(|n| phones.iter().skip(n).step_by(AT_ONCE).cloned().collect()).collect()
}

fn poll(phone: &Phone, _: usize) -> Vec<u8> {
    load::get(&format!("/DEFAULT/controller/v1/{}", phone.serial))
}

/// What of this process lies in memory, in MiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// What the database takes on the disk, in MiB.
fn disk(world: &World) -> u64 {
    let entries = std::fs::read_dir(world.folder.path()).unwrap().filter_map(Result::ok);
    let of_database = entries.filter(|entry| entry.file_name().to_string_lossy().contains(".db"));
    of_database.filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum::<u64>() >> 20
}
