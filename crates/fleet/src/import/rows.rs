//! Reads a factory manifest on a thread of its own, ahead of whoever deals with its rows.

use super::text;
use domain::{
    factory_manifest::{FileProblem, RowResult, csv_rows, jsonl_rows},
    import::ImportFormat,
    time::Timestamp,
};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::mpsc;

/// Why reading ended before the end of the file.
pub(super) struct Stop {
    /// The line, or 0 for the file as a whole.
    pub(super) line: u64,
    /// What is wrong and what to do.
    pub(super) message: String,
    /// Whether the disk is at fault rather than the file.
    pub(super) ours: bool,
}

/// The rows of a file, in pieces.
pub(super) struct Rows<T> {
    pieces: mpsc::Receiver<Result<Vec<T>, Stop>>,
    bytes: Arc<AtomicU64>,
    left: mpsc::Receiver<Vec<String>>,
}

/// How many rows are dealt with at a time: a transaction of this many holds the writer for a fraction of a second.
pub(super) const PIECE: usize = 1_000;
/// How many pieces are read ahead.
const AHEAD: usize = 2;

/// Reads rows on another thread; `make` runs there, is given each row with its number from 0, and says what becomes
/// of it.
pub(super) fn read<T, F>(path: &Path, format: ImportFormat, now: Timestamp, make: F) -> std::io::Result<Rows<T>>
where
    T: Send + 'static,
    F: FnMut(u64, RowResult) -> Option<T> + Send + 'static,
{
    let text = text::open(path)?;
    let bytes = Arc::clone(&text.bytes);
    let (send, pieces) = mpsc::channel(AHEAD);
    let (send_left, left) = mpsc::channel(1);
    tokio::task::spawn_blocking(move || {
        let broken = Arc::clone(&text.broken);
        let ended = match format {
            ImportFormat::Jsonl => jsonl_rows(text, now).and_then(|mut rows| {
                let ended = pump(&mut rows, make, &send);
                let _ = send_left.try_send(rows.left().to_vec());
                ended
            }),
            ImportFormat::Csv | ImportFormat::Epcis => csv_rows(text, now).and_then(|mut rows| {
                let ended = pump(&mut rows, make, &send);
                let _ = send_left.try_send(rows.left().to_vec());
                ended
            }),
        };
        if let Err(problem) = ended {
            let stop = match (broken.get(), &problem) {
                (Some((line, message)), _) => Stop { line: *line, message: message.clone(), ours: false },
                (None, FileProblem::Read { line, .. }) => {
                    Stop { line: *line, message: problem.to_string(), ours: true }
                }
                (None, _) => Stop { line: 0, message: problem.to_string(), ours: false },
            };
            // Nobody waits for it any more when the import was cancelled.
            let _ = send.blocking_send(Err(stop));
        }
    });
    Ok(Rows { pieces, bytes, left })
}

fn pump<T, F>(
    rows: &mut dyn Iterator<Item = Result<RowResult, FileProblem>>,
    mut make: F,
    send: &mpsc::Sender<Result<Vec<T>, Stop>>,
) -> Result<(), FileProblem>
where
    F: FnMut(u64, RowResult) -> Option<T>,
{
    let mut piece = Vec::with_capacity(PIECE);
    for (number, row) in (0..).zip(rows) {
        piece.extend(make(number, row?));
        if piece.len() == PIECE
            && send.blocking_send(Ok(std::mem::replace(&mut piece, Vec::with_capacity(PIECE)))).is_err()
        {
            return Ok(());
        }
    }
    if !piece.is_empty() {
        let _ = send.blocking_send(Ok(piece));
    }
    Ok(())
}

impl<T> Rows<T> {
    /// The next piece; none at the end of the file.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<T>>, Stop> {
        self.pieces.recv().await.transpose()
    }

    /// How many bytes of the file were read.
    pub(super) fn bytes(&self) -> i64 {
        i64::try_from(self.bytes.load(Ordering::Relaxed)).unwrap_or(i64::MAX)
    }

    /// The columns or keys that were left out, known at the end of the file.
    pub(super) async fn left(mut self) -> Vec<String> {
        self.left.recv().await.unwrap_or_default()
    }
}
