//! Downloads by mutual TLS: how many bytes come in a second, from whoever has the file.

use crate::calls::Phone;
use std::{net::SocketAddr, time::Instant};
use tokio::{io::AsyncReadExt, runtime::Runtime};

/// How many devices download at the same time, and how often each.
const AT_ONCE: usize = 4;
const TIMES: usize = 3;

/// A file, as one device finds it.
#[derive(Clone)]
pub struct File {
    pub phone: Phone,
    pub path: String,
    pub size: usize,
}

/// Bytes a second, when some of these devices download their file at the same time.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub fn throughput(asking: &Runtime, to: SocketAddr, files: &[File]) -> f64 {
    let begun = Instant::now();
    let load = |file: &File| asking.spawn(download(file.clone(), to));
    let tasks: Vec<_> = files.iter().cycle().take(AT_ONCE).map(load).collect();
    let bytes: usize = tasks.into_iter().map(|task| asking.block_on(task).unwrap()).sum();
    bytes as f64 / begun.elapsed().as_secs_f64()
}

async fn download(file: File, to: SocketAddr) -> usize {
    let mut stream = file.phone.connect(to).await;
    let (mut bytes, mut buffer) = (0, vec![0; 256 * 1024]);
    for _ in 0..TIMES {
        let (length, mut here) = file.phone.begin(&mut stream, &file.path).await;
        assert_eq!(length, file.size, "another file");
        while here < length {
            let n = stream.read(&mut buffer).await.unwrap();
            assert_ne!(n, 0, "the connection was closed before the file was whole");
            here += n;
        }
        bytes += length;
    }
    bytes
}
