//! The archive that a backup of PostgreSQL is: `header.json`, the tables' data in parts, `contents.json`.
//!
//! What is known beforehand stands at the beginning, the hashes at the end, so that it can be written in one go.

use super::{at, failed};
use crate::{StoreError, StoreResult};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, BufWriter, Read, Write},
    path::Path,
};

/// How much of a table one part of the archive holds, in bytes.
pub(super) const PART: usize = 4 * 1024 * 1024;
/// The longest part that is read: `COPY` gives rows whole, and a row may be longer than a part.
const LONGEST_PART: u64 = 1 << 30;

const FORMAT: &str = "muster-backup";
const VERSION: u32 = 1;
const HEADER: &str = "header.json";
const CONTENTS: &str = "contents.json";

/// What stands at the beginning.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) format: String,
    pub(super) version: u32,
    pub(super) created_at: Timestamp,
    /// Versions and checksums of the migrations that made the tables.
    pub(super) migrations: Vec<(i64, String)>,
    /// In an order in which no row comes before one that it refers to.
    pub(super) tables: Vec<Table>,
    pub(super) sequences: Vec<Sequence>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) rows: i64,
}

/// Where a table's numbering stands.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sequence {
    pub(super) table: String,
    pub(super) column: String,
    pub(super) last: i64,
    pub(super) called: bool,
}

/// What stands at the end: that there is an end, and what came before.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Contents {
    /// SHA-256 of each table's data, by its name.
    pub(super) sha256: BTreeMap<String, String>,
}

/// A piece of a table's data.
pub(super) struct Part {
    pub(super) table: String,
    pub(super) data: Vec<u8>,
}

impl Header {
    pub(super) fn new(
        created_at: Timestamp,
        migrations: Vec<(i64, String)>,
        tables: Vec<Table>,
        sequences: Vec<Sequence>,
    ) -> Self {
        Self { format: FORMAT.to_owned(), version: VERSION, created_at, migrations, tables, sequences }
    }
}

/// The hashes of tables as their parts go by.
#[derive(Default)]
struct Hashes(BTreeMap<String, Sha256>);

impl Hashes {
    fn add(&mut self, part: &Part) {
        self.0.entry(part.table.clone()).or_default().update(&part.data);
    }

    fn contents(self) -> Contents {
        Contents { sha256: self.0.into_iter().map(|(table, hash)| (table, hex::encode(hash.finalize()))).collect() }
    }
}

/// Writes an archive from parts as they come.
pub(super) fn write(path: &Path, header: &Header, parts: impl Iterator<Item = Part>) -> StoreResult<()> {
    let file = File::options().write(true).open(path).map_err(at(path))?;
    let mut tar = tar::Builder::new(BufWriter::new(file));
    append(&mut tar, HEADER, &json(header)?).map_err(at(path))?;
    let mut hashes = Hashes::default();
    for (number, part) in parts.enumerate() {
        hashes.add(&part);
        append(&mut tar, &format!("data/{}/{number:08}", part.table), &part.data).map_err(at(path))?;
    }
    append(&mut tar, CONTENTS, &json(&hashes.contents())?).map_err(at(path))?;
    tar.into_inner().and_then(|mut file| file.flush()).map_err(at(path))
}

fn json(value: &impl Serialize) -> StoreResult<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(|why| failed(why.to_string()))
}

fn append(tar: &mut tar::Builder<BufWriter<File>>, name: &str, data: &[u8]) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(data.len() as u64);
    header.set_mode(0o600);
    tar.append_data(&mut header, name, data)
}

/// Reads an archive: the header first, to `begin`, then each part, to `take`, for as long as these want more. Whether
/// it was read to its end, where the hashes show that all of it is there and unaltered.
pub(super) fn read(
    path: &Path,
    begin: impl FnOnce(Header) -> bool,
    mut take: impl FnMut(Part) -> bool,
) -> StoreResult<bool> {
    let mut tar = tar::Archive::new(BufReader::with_capacity(1 << 16, File::open(path).map_err(at(path))?));
    let mut entries = tar.entries().map_err(|why| unreadable(path, why))?;
    let mut next = || entries.next().transpose().map_err(|why| unreadable(path, why));
    let foreign = || failed(format!("{} is not a backup of PostgreSQL by Muster", path.display()));
    let first = next().map_err(|_| foreign())?.filter(|entry| name_of(entry) == HEADER).ok_or_else(foreign)?;
    if !begin(header(path, first)?) {
        return Ok(false);
    }
    let mut hashes = Hashes::default();
    while let Some(entry) = next()? {
        let name = name_of(&entry);
        if name == CONTENTS {
            let told: Contents = parsed(path, entry)?;
            return if told.sha256 == hashes.contents().sha256 { Ok(true) } else { Err(damaged(path)) };
        }
        let table = name.strip_prefix("data/").and_then(|name| name.split_once('/')).map(|(table, _)| table.to_owned());
        let part = Part { table: table.ok_or_else(|| damaged(path))?, data: bytes(path, entry)? };
        hashes.add(&part);
        if !take(part) {
            return Ok(false);
        }
    }
    Err(failed(format!("{} is cut off: its end is missing", path.display())))
}

fn header(path: &Path, entry: tar::Entry<'_, impl Read>) -> StoreResult<Header> {
    let value: serde_json::Value = parsed(path, entry)?;
    if value["format"] != FORMAT {
        return Err(failed(format!("{} is not a backup by Muster", path.display())));
    }
    if value["version"] != VERSION {
        return Err(failed(format!(
            "{} is of format {}, and this Muster reads format {VERSION}; use the version that wrote it",
            path.display(),
            value["version"]
        )));
    }
    serde_json::from_value(value).map_err(|why| unreadable(path, why))
}

fn name_of(entry: &tar::Entry<'_, impl Read>) -> String {
    String::from_utf8_lossy(&entry.path_bytes()).into_owned()
}

fn bytes(path: &Path, mut entry: tar::Entry<'_, impl Read>) -> StoreResult<Vec<u8>> {
    let size = entry.size();
    if size > LONGEST_PART {
        return Err(damaged(path));
    }
    let mut data = Vec::new();
    entry.read_to_end(&mut data).map_err(|why| unreadable(path, why))?;
    if data.len() as u64 == size { Ok(data) } else { Err(damaged(path)) }
}

fn parsed<T: DeserializeOwned>(path: &Path, entry: tar::Entry<'_, impl Read>) -> StoreResult<T> {
    serde_json::from_slice(&bytes(path, entry)?).map_err(|why| unreadable(path, why))
}

fn unreadable(path: &Path, why: impl std::fmt::Display) -> StoreError {
    failed(format!("{} can't be read as a backup: {why}", path.display()))
}

fn damaged(path: &Path) -> StoreError {
    failed(format!("{} is damaged: its data is not what was written", path.display()))
}
