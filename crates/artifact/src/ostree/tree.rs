//! Whether all is there that a commit leads to: its folders, their rights, and their files.

use super::{
    OstreeRefused,
    gvariant::{elements, last_place, look_up, text, variant_text, width},
    path_of,
};
use crate::{Refused, envelope::Envelope};
use std::{
    collections::BTreeSet,
    io::{Read, Seek},
};

/// What libostree takes of a commit or a folder at most.
const LARGEST: u64 = 10 << 20;
/// How many different folders commits have; each is remembered while they are looked through.
const MOST_FOLDERS: usize = 100_000;
const HASH: usize = 32;

/// A repository whose objects are looked up in the archive.
pub(super) struct Repository<'r, R> {
    reader: &'r mut R,
    envelope: &'r Envelope,
    /// The folders that are known to be whole, or will be looked at.
    seen: BTreeSet<[u8; HASH]>,
}

/// What a commit says that matters here.
struct Commit {
    version: Option<String>,
    root: [u8; HASH],
    rights: [u8; HASH],
}

/// What a folder holds.
struct Folder {
    files: Vec<[u8; HASH]>,
    /// Each folder with its rights.
    folders: Vec<([u8; HASH], [u8; HASH])>,
}

impl<'r, R: Read + Seek> Repository<'r, R> {
    pub(super) fn new(reader: &'r mut R, envelope: &'r Envelope) -> Self {
        Self { reader, envelope, seen: BTreeSet::new() }
    }

    /// Follows a ref's commit to its last file; the version that the commit names.
    pub(super) fn check_commit(&mut self, name: &str, commit: &str) -> Result<Option<String>, Refused> {
        let bytes = self.object(&format!("the ref “{name}”"), commit, "commit")?;
        let read = Commit::read(&bytes).ok_or_else(|| OstreeRefused::Unreadable(format!("{commit}.commit")))?;
        let from = format!("the commit {commit}");
        self.need(&from, &read.rights, "dirmeta")?;
        let mut next = Vec::new();
        if self.seen.insert(read.root) {
            next.push((from, read.root));
        }
        while let Some((from, hash)) = next.pop() {
            if self.seen.len() > MOST_FOLDERS {
                return Err(OstreeRefused::TooDeep(MOST_FOLDERS).into());
            }
            let hash = hex::encode(hash);
            let bytes = self.object(&from, &hash, "dirtree")?;
            let folder = Folder::read(&bytes).ok_or_else(|| OstreeRefused::Unreadable(format!("{hash}.dirtree")))?;
            let from = format!("the folder {hash}");
            for file in &folder.files {
                self.need(&from, file, "filez")?;
            }
            for (folder, rights) in &folder.folders {
                self.need(&from, rights, "dirmeta")?;
                if self.seen.insert(*folder) {
                    next.push((from.clone(), *folder));
                }
            }
        }
        Ok(read.version)
    }

    fn object(&mut self, from: &str, hash: &str, kind: &str) -> Result<Vec<u8>, Refused> {
        let found = self.envelope.small(self.reader, &path_of(hash, kind), LARGEST)?;
        Ok(found.ok_or_else(|| missing(from, hash, kind))?)
    }

    fn need(&self, from: &str, hash: &[u8; HASH], kind: &str) -> Result<(), OstreeRefused> {
        let hash = hex::encode(hash);
        if self.envelope.members.contains_key(&path_of(&hash, kind)) { Ok(()) } else { Err(missing(from, &hash, kind)) }
    }
}

fn missing(from: &str, hash: &str, kind: &str) -> OstreeRefused {
    OstreeRefused::Missing { from: from.to_owned(), missing: format!("{hash}.{kind}") }
}

impl Commit {
    /// `(a{sv}aya(say)sstayay)`: metadata, parent, related objects, subject, body, time, the root folder, its rights.
    fn read(bytes: &[u8]) -> Option<Self> {
        const TIME: usize = 8;
        const PLACES: usize = 6;
        let ends = bytes.len().checked_sub(PLACES * width(bytes.len()))?;
        let metadata = bytes.get(..last_place(bytes, 0)?)?;
        let body = last_place(bytes, 4)?;
        let root = last_place(bytes, 5)?;
        let begin = body.checked_next_multiple_of(TIME)?.checked_add(TIME)?;
        let version = look_up(metadata, "version").and_then(variant_text).filter(|version| !version.is_empty());
        let version = version.filter(|version| !version.chars().any(char::is_control)).map(str::to_owned);
        Some(Self { version, root: hash(bytes.get(begin..root)?)?, rights: hash(bytes.get(root..ends)?)? })
    }
}

impl Folder {
    /// `(a(say)a(sayay))`: files by name, folders by name with their rights.
    fn read(bytes: &[u8]) -> Option<Self> {
        let middle = last_place(bytes, 0)?;
        let ends = bytes.len().checked_sub(width(bytes.len()))?;
        let files = elements(bytes.get(..middle)?, 1)?.into_iter().map(|file| {
            let end = last_place(file, 0)?;
            is_name(file.get(..end)?)?;
            hash(file.get(end..file.len().checked_sub(width(file.len()))?)?)
        });
        let folders = elements(bytes.get(middle..ends)?, 1)?.into_iter().map(|folder| {
            let (name, tree) = (last_place(folder, 0)?, last_place(folder, 1)?);
            is_name(folder.get(..name)?)?;
            let rights = folder.get(tree..folder.len().checked_sub(2 * width(folder.len()))?)?;
            Some((hash(folder.get(name..tree)?)?, hash(rights)?))
        });
        Some(Self { files: files.collect::<Option<_>>()?, folders: folders.collect::<Option<_>>()? })
    }
}

/// A plain name: libostree refuses others when it checks out.
fn is_name(bytes: &[u8]) -> Option<()> {
    let name = text(bytes)?;
    (!matches!(name, "" | "." | "..") && !name.contains('/')).then_some(())
}

fn hash(bytes: &[u8]) -> Option<[u8; HASH]> {
    bytes.try_into().ok()
}
