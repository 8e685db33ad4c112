//! The archive that a backup is: `header.json`, the database in parts, files of the data folder, files of releases,
//! `contents.json`.
//!
//! What is known beforehand stands at the beginning, the hashes at the end, so that it can be written in one go. Of SQLite
//! the parts are those of the database file, in order; of PostgreSQL those of each table.

use super::{
    Shelf, at, failed,
    folder::{self, Files},
    shelf::{self, ARTIFACTS, Held as OfShelf, Listed},
};
use crate::{Db, StoreError, StoreResult, artifact};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

/// How much of a table or of the database file one part of the archive holds, in bytes.
pub(super) const PART: usize = 4 * 1024 * 1024;
/// The longest part that is read: `COPY` gives rows whole, and a row may be longer than a part.
const LONGEST_PART: u64 = 1 << 30;

const FORMAT: &str = "muster-backup";
/// Of format 1 were backups of PostgreSQL that held no files of the data folder; up to format 2 the header was in no hash;
/// up to format 3 there were no files of releases.
const VERSION: u32 = 4;
const HEADER: &str = "header.json";
const CONTENTS: &str = "contents.json";
const DATA: &str = "data/";
const FILES: &str = "files/";

/// What kind of database an archive is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Sqlite,
    #[default]
    Postgres,
}

impl Kind {
    const fn label(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// Whether the files of releases are in an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Artifacts {
    Held,
    #[default]
    LeftOut,
}

/// What stands at the beginning.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) format: String,
    pub(super) version: u32,
    #[serde(default)]
    pub(super) database: Kind,
    pub(super) created_at: Timestamp,
    #[serde(default)]
    pub(super) artifacts: Artifacts,
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
    /// SHA-256 of each file of the data folder, by its name there.
    #[serde(default)]
    pub(super) files: BTreeMap<String, String>,
    /// SHA-256 of each file of a release, by its name, which is what that should be.
    #[serde(default)]
    pub(super) artifacts: BTreeMap<String, String>,
    /// SHA-256 of the header.
    #[serde(default)]
    pub(super) header: Option<String>,
}

/// A piece of a table's data.
pub(super) struct Part {
    pub(super) table: String,
    pub(super) data: Vec<u8>,
}

impl Header {
    pub(super) fn new(database: Kind, artifacts: Artifacts, created_at: Timestamp) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            database,
            created_at,
            artifacts,
            migrations: Vec::new(),
            tables: Vec::new(),
            sequences: Vec::new(),
        }
    }

    /// Whether the archive holds the files of the data folder, too.
    pub(super) const fn holds_files(&self) -> bool {
        self.version > 1
    }

    /// Whether the contents must have the header's hash.
    const fn is_hashed(&self) -> bool {
        self.version > 2
    }
}

/// The hashes of what goes by.
struct Hashes {
    header: String,
    tables: BTreeMap<String, Sha256>,
    files: BTreeMap<String, String>,
    artifacts: BTreeMap<String, String>,
}

impl Hashes {
    fn of(header: &[u8]) -> Self {
        Self {
            header: hex::encode(Sha256::digest(header)),
            tables: BTreeMap::new(),
            files: BTreeMap::new(),
            artifacts: BTreeMap::new(),
        }
    }

    fn part(&mut self, part: &Part) {
        self.tables.entry(part.table.clone()).or_default().update(&part.data);
    }

    /// Whether it is the first of its name.
    fn file(&mut self, name: &str, data: &[u8]) -> bool {
        self.files.insert(name.to_owned(), hex::encode(Sha256::digest(data))).is_none()
    }

    fn contents(self) -> Contents {
        let tables = self.tables.into_iter().map(|(table, hash)| (table, hex::encode(hash.finalize())));
        Contents { sha256: tables.collect(), files: self.files, artifacts: self.artifacts, header: Some(self.header) }
    }
}

/// What an archive holds beside the database: of which data folder, and of which shelf.
pub(super) struct Beside {
    pub(super) folder: PathBuf,
    pub(super) shelf: Option<Arc<dyn Shelf>>,
}

impl Beside {
    pub(super) const fn artifacts(&self) -> Artifacts {
        if self.shelf.is_some() { Artifacts::Held } else { Artifacts::LeftOut }
    }

    /// What of the shelf is to be written: what the database names, which may be more by now than in the archive.
    pub(super) async fn listed(&self, db: &Db) -> StoreResult<Option<Listed>> {
        let Some(shelf) = self.shelf.clone() else { return Ok(None) };
        Ok(Some(Listed { shelf, files: artifact::shelved(db).await? }))
    }
}

/// What an archive holds beside the database.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) files: usize,
    pub(super) shelf: OfShelf,
}

/// Writes an archive from parts as they come, after them the files of a data folder, and then those of a shelf.
///
/// The files come last: what the database names was there before it was named.
pub(super) fn write(
    path: &Path,
    header: &Header,
    parts: impl Iterator<Item = StoreResult<Part>>,
    folder: &Path,
    listed: Option<&Listed>,
) -> StoreResult<Held> {
    let file = File::options().write(true).open(path).map_err(at(path))?;
    let mut tar = tar::Builder::new(BufWriter::new(file));
    let header = json(header)?;
    append_bytes(&mut tar, HEADER, &header).map_err(at(path))?;
    let mut hashes = Hashes::of(&header);
    for (number, part) in parts.enumerate() {
        let part = part?;
        hashes.part(&part);
        append_bytes(&mut tar, &format!("{DATA}{}/{number:08}", part.table), &part.data).map_err(at(path))?;
    }
    for name in folder::list(folder)? {
        // A key that was made for something that did not come about is removed again.
        let Some(data) = folder::read(folder, &name)? else { continue };
        hashes.file(&name, &data);
        append_bytes(&mut tar, &format!("{FILES}{name}"), &data).map_err(at(path))?;
    }
    let files = hashes.files.len();
    let shelf = listed.map(|listed| shelf::write(&mut tar, listed, path)).transpose()?.unwrap_or_default();
    hashes.artifacts.clone_from(&shelf.sha256);
    append_bytes(&mut tar, CONTENTS, &json(&hashes.contents())?).map_err(at(path))?;
    tar.into_inner().and_then(|mut file| file.flush()).map_err(at(path))?;
    Ok(Held { files, shelf })
}

fn json(value: &impl Serialize) -> StoreResult<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(|why| failed(why.to_string()))
}

fn append_bytes(tar: &mut tar::Builder<impl Write>, name: &str, data: &[u8]) -> std::io::Result<()> {
    append(tar, name, data.len() as u64, data)
}

/// Adds a file of which exactly so many bytes will be read.
pub(super) fn append(
    tar: &mut tar::Builder<impl Write>,
    name: &str,
    size: u64,
    data: impl Read,
) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o600);
    tar.append_data(&mut header, name, data)
}

/// Reads an archive: the header first, to `begin`, then each part of the database, to `take`, for as long as these want
/// more; files of the data folder wait beside their places, in `files`. Whether it was read to its end, where the hashes
/// show that all of it is there and unaltered.
pub(super) fn read(
    path: &Path,
    kind: Kind,
    files: &mut Files,
    begin: impl FnOnce(Header) -> bool,
    mut take: impl FnMut(Part) -> StoreResult<bool>,
) -> StoreResult<bool> {
    let mut tar = tar::Archive::new(BufReader::with_capacity(1 << 16, File::open(path).map_err(at(path))?));
    let mut entries = tar.entries().map_err(|why| unreadable(path, why))?;
    let mut next = || entries.next().transpose().map_err(|why| unreadable(path, why));
    let foreign = || failed(format!("{} is not a backup of {} by Muster", path.display(), kind.label()));
    let first = next().map_err(|_| foreign())?.filter(|entry| name_of(entry) == HEADER).ok_or_else(foreign)?;
    let first = bytes(path, first)?;
    let header = header(path, &first)?;
    if header.database != kind {
        return Err(failed(format!(
            "{} is a backup of {}, and this is {}: name the database with --database-url, or leave that out for SQLite",
            path.display(),
            header.database.label(),
            kind.label()
        )));
    }
    let is_hashed = header.is_hashed();
    if !begin(header) {
        return Ok(false);
    }
    let mut hashes = Hashes::of(&first);
    while let Some(entry) = next()? {
        let name = name_of(&entry);
        // Links and devices are nothing that was ever written.
        if !entry.header().entry_type().is_file() {
            return Err(damaged(path));
        }
        if name == CONTENTS {
            let (told, found): (Contents, _) = (parsed(path, &bytes(path, entry)?)?, hashes.contents());
            // One that has the hash is never of a format without it, whatever its header says.
            let header = told.header == found.header || (told.header.is_none() && !is_hashed);
            let files = told.files == found.files && told.artifacts == found.artifacts;
            let whole = header && told.sha256 == found.sha256 && files;
            return if whole { Ok(true) } else { Err(damaged(path)) };
        }
        if let Some(file) = name.strip_prefix(FILES) {
            let data = bytes(path, entry)?;
            if !hashes.file(file, &data) {
                return Err(damaged(path));
            }
            files.add(file, &data)?;
            continue;
        }
        if let Some(file) = name.strip_prefix(ARTIFACTS) {
            let size = entry.size();
            let sha256 = files.arriving()?.add(file, entry, size, path)?;
            if hashes.artifacts.insert(file.to_owned(), sha256).is_some() {
                return Err(damaged(path));
            }
            continue;
        }
        let table = name.strip_prefix(DATA).and_then(|name| name.split_once('/')).map(|(table, _)| table.to_owned());
        let part = Part { table: table.ok_or_else(|| damaged(path))?, data: bytes(path, entry)? };
        hashes.part(&part);
        if !take(part)? {
            return Ok(false);
        }
    }
    Err(failed(format!("{} is cut off: its end is missing", path.display())))
}

fn header(path: &Path, data: &[u8]) -> StoreResult<Header> {
    let value: serde_json::Value = parsed(path, data)?;
    if value["format"] != FORMAT {
        return Err(failed(format!("{} is not a backup by Muster", path.display())));
    }
    if !value["version"].as_u64().is_some_and(|version| (1..=u64::from(VERSION)).contains(&version)) {
        return Err(failed(format!(
            "{} is of format {}, and this Muster reads formats up to {VERSION}; use the version that wrote it",
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

fn parsed<T: DeserializeOwned>(path: &Path, data: &[u8]) -> StoreResult<T> {
    serde_json::from_slice(data).map_err(|why| unreadable(path, why))
}

fn unreadable(path: &Path, why: impl std::fmt::Display) -> StoreError {
    failed(format!("the file {} can't be read as a backup: {why}", path.display()))
}

pub(super) fn damaged(path: &Path) -> StoreError {
    failed(format!("the file {} is damaged: its data is not what was written", path.display()))
}
