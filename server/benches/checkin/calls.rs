//! Devices that call: each by its own certificate, over a connection that stays open or over a new one each time.

use crate::{
    load::{body, get},
    table::rate,
    tls,
    world::{Device, World},
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
    sync::Barrier,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A device as it calls.
#[derive(Clone)]
pub struct Phone {
    pub number: usize,
    pub serial: String,
    connector: TlsConnector,
}

impl Phone {
    /// Device `number` of a fleet.
    pub fn of(world: &World, number: usize, device: &Device) -> Self {
        Self { number, serial: device.serial.clone(), connector: tls::connector(world, device) }
    }

    /// Asks for something once.
    pub async fn asks(&self, to: SocketAddr, path: &str) {
        let mut stream = self.connect(to).await;
        tokio::time::timeout(PATIENCE, answered(&mut stream, &get(path), &mut Vec::new())).await.unwrap();
    }

    /// Asks for a file: how long it is, and how much of it has come with the head.
    pub async fn begin(&self, stream: &mut TlsStream<TcpStream>, path: &str) -> (usize, usize) {
        stream.write_all(&get(path)).await.unwrap();
        let mut heard = Vec::with_capacity(16 * 1024);
        while !has_head(&heard) {
            assert_ne!(
                stream.read_buf(&mut heard).await.unwrap(),
                0,
                "the connection was closed before the head was whole"
            );
        }
        assert!(heard.get(8..12) == Some(b" 200"), "{}", String::from_utf8_lossy(&heard));
        let whole = body(&heard).unwrap();
        (whole.len(), heard.len() - whole.start)
    }

    /// A connection of its own.
    pub async fn connect(&self, to: SocketAddr) -> TlsStream<TcpStream> {
        tls::connect(&self.connector, to).await.unwrap()
    }
}

/// What is asked, by how many requests in all.
#[derive(Clone)]
pub struct Load {
    pub to: SocketAddr,
    pub count: usize,
    /// Whether connections are opened before and kept, or one is opened for each request.
    pub keep: bool,
    /// The request of a device, the how manieth that is.
    pub request: fn(&Phone, usize) -> Vec<u8>,
}

/// What came of it.
#[derive(Default)]
pub struct Heard {
    /// How many answers came in a second, in each round.
    pub rates: Vec<f64>,
    /// How long each took.
    pub times: Vec<Duration>,
}

impl Heard {
    /// How many answers came in a second.
    #[expect(clippy::cast_precision_loss, reason = "rounds are few")]
    pub fn rate(&self) -> f64 {
        self.rates.iter().sum::<f64>() / self.rates.len() as f64
    }

    /// One more round: each of these groups of devices asks one after the other, all groups at the same time.
    pub fn round(&mut self, runtime: &Runtime, load: &Load, groups: &[Vec<Phone>]) {
        self.round_from(runtime, load, groups, || ());
    }

    /// The same; `begin` is called when all connections that stay open are there, and nothing was asked yet.
    pub fn round_from<T>(
        &mut self,
        runtime: &Runtime,
        load: &Load,
        groups: &[Vec<Phone>],
        begin: impl FnOnce() -> T,
    ) -> T {
        self.go(runtime, (load, false), groups, begin)
    }

    /// A round in which each device asks once, whatever the load's count is.
    pub fn round_once_from<T>(
        &mut self,
        runtime: &Runtime,
        load: &Load,
        groups: &[Vec<Phone>],
        begin: impl FnOnce() -> T,
    ) -> T {
        let load = Load { count: groups.iter().map(Vec::len).sum(), ..load.clone() };
        self.go(runtime, (&load, true), groups, begin)
    }

    fn go<T>(
        &mut self,
        runtime: &Runtime,
        (load, is_once): (&Load, bool),
        groups: &[Vec<Phone>],
        begin: impl FnOnce() -> T,
    ) -> T {
        let next = Arc::new(AtomicUsize::new(0));
        let ready = Arc::new(Barrier::new(groups.len() + 1));
        let ask = |group: &Vec<Phone>| {
            let most = if is_once { group.len() } else { usize::MAX };
            runtime.spawn(load.clone().ask(group.clone(), Arc::clone(&ready), Arc::clone(&next), most))
        };
        let tasks: Vec<_> = groups.iter().map(ask).collect();
        runtime.block_on(ready.wait());
        let (told, begun) = (begin(), Instant::now());
        for task in tasks {
            self.times.extend(runtime.block_on(task).unwrap());
        }
        self.rates.push(rate(load.count, begun.elapsed()));
        told
    }
}

impl Load {
    /// Asks until all were asked, and at most so often in this group.
    async fn ask(self, group: Vec<Phone>, ready: Arc<Barrier>, next: Arc<AtomicUsize>, most: usize) -> Vec<Duration> {
        let (mut times, mut heard) = (Vec::new(), Vec::with_capacity(4_096));
        let mut open: Vec<Option<TlsStream<TcpStream>>> = Vec::with_capacity(group.len());
        for phone in &group {
            open.push(if self.keep { Some(phone.connect(self.to).await) } else { None });
        }
        ready.wait().await;
        for at in 0..most {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= self.count {
                break;
            }
            let which = at % group.len();
            let (phone, line) = (&group[which], &mut open[which]);
            let request = (self.request)(phone, n);
            let begun = Instant::now();
            let mut stream = match line.take() {
                Some(stream) => stream,
                None => phone.connect(self.to).await,
            };
            tokio::time::timeout(PATIENCE, answered(&mut stream, &request, &mut heard)).await.unwrap();
            times.push(begun.elapsed());
            *line = self.keep.then_some(stream);
        }
        times
    }
}

async fn answered(stream: &mut TlsStream<TcpStream>, request: &[u8], heard: &mut Vec<u8>) {
    stream.write_all(request).await.unwrap();
    heard.clear();
    while !has_head(heard) || body(heard).is_none_or(|body| body.end > heard.len()) {
        assert_ne!(stream.read_buf(heard).await.unwrap(), 0, "the connection was closed before the answer was whole");
    }
    assert!(heard.get(8..12) == Some(b" 200"), "{}", String::from_utf8_lossy(heard));
}

fn has_head(heard: &[u8]) -> bool {
    heard.windows(4).any(|four| four == b"\r\n\r\n")
}
