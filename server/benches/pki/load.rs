//! Asks for things over TCP, as fast as it goes: bytes that were made before, and no more looking at what comes back
//! than it takes to know that it is an answer.

use crate::table;
use std::{
    net::SocketAddr,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How many ask at the same time.
const ASKERS: usize = 16;
/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is asked of whom.
#[derive(Clone)]
pub struct Load {
    /// Who is asked.
    pub to: SocketAddr,
    /// What is asked, in turn.
    pub requests: Arc<Vec<Vec<u8>>>,
    /// How often, in all.
    pub count: usize,
    /// Whether connections stay open.
    pub keep: bool,
    /// Whether a body is what was asked for.
    pub is_answer: fn(&[u8]) -> bool,
}

impl Load {
    /// How many answers came in a second.
    pub async fn run(self) -> f64 {
        let next = Arc::new(AtomicUsize::new(0));
        let begun = Instant::now();
        let askers: Vec<_> = (0..ASKERS).map(|_| tokio::spawn(self.clone().ask(Arc::clone(&next)))).collect();
        for asker in askers {
            asker.await.unwrap();
        }
        table::rate(self.count, begun.elapsed())
    }

    async fn ask(self, next: Arc<AtomicUsize>) {
        let mut client = Client::new(self.to);
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= self.count {
                return;
            }
            let asked = client.ask(&self.requests[n % self.requests.len()]);
            let body = tokio::time::timeout(PATIENCE, asked).await.unwrap();
            assert!((self.is_answer)(body), "request {n} got no answer");
            if !self.keep {
                client.hang_up();
            }
        }
    }
}

/// One connection at a time.
pub struct Client {
    to: SocketAddr,
    stream: Option<TcpStream>,
    heard: Vec<u8>,
}

impl Client {
    pub fn new(to: SocketAddr) -> Self {
        Self { to, stream: None, heard: Vec::with_capacity(16 * 1024) }
    }

    /// Closes the connection; the next request opens another one.
    pub fn hang_up(&mut self) {
        self.stream = None;
    }

    /// Sends a request and gives the body of its answer.
    pub async fn ask(&mut self, request: &[u8]) -> &[u8] {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect(self.to).await.unwrap();
                stream.set_nodelay(true).unwrap();
                none.insert(stream)
            }
        };
        stream.write_all(request).await.unwrap();
        self.heard.clear();
        let body = loop {
            let n = stream.read_buf(&mut self.heard).await.unwrap();
            if let Some(body) = body(&self.heard).filter(|body| body.end <= self.heard.len()) {
                break body;
            }
            assert_ne!(n, 0, "the connection was closed before the answer was whole");
        };
        assert!(self.heard.get(8..12) == Some(b" 200"), "not an answer: {}", String::from_utf8_lossy(&self.heard));
        &self.heard[body]
    }
}

/// Where the body is, once the head is whole.
pub fn body(heard: &[u8]) -> Option<Range<usize>> {
    let head = heard.windows(4).position(|four| four == b"\r\n\r\n")?;
    let name = b"content-length:";
    let at = heard[..head].windows(name.len()).position(|part| part.eq_ignore_ascii_case(name));
    let digits = &heard[at.unwrap() + name.len()..head];
    let digits = digits.trim_ascii_start().split(|byte| !byte.is_ascii_digit()).next().unwrap();
    let length: usize = std::str::from_utf8(digits).unwrap().parse().unwrap();
    Some(head + 4..head + 4 + length)
}

/// A request for a file.
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}
