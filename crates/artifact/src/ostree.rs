//! Releases for OSTree: an envelope with a repository in mode `archive` under `repo/` (libostree's manual, “Repository modes” and
//! “Anatomy of an OSTree repository”). Every object must be what its name says, and what a ref leads to must be there whole: what
//! a device pulls is then either complete or refused here.

mod gvariant;
mod object;
mod tree;

use crate::{ArtifactKind, Inspected, Refused, envelope::Envelope};
use std::{
    collections::BTreeMap,
    io::{Read, Seek},
};
use tree::Repository;

/// The folder that the repository is in.
pub(crate) const FOLDER: &str = "repo/";
const CONFIG: &str = "repo/config";
const REFS: &str = "repo/refs/heads/";
const OBJECTS: &str = "repo/objects/";
const LARGEST_CONFIG: u64 = 64 * 1024;
/// A commit's hash and the end of a line.
const LARGEST_REF: u64 = 128;
const HASH: usize = 64;

/// Why a repository is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OstreeRefused {
    /// No repository.
    #[error("the archive has no “{CONFIG}”; pack a repository in mode archive as the folder “repo”")]
    NoRepository,
    /// A repository that can't be pulled from over HTTP.
    #[error(
        "the repository’s mode is “{0}”; devices pull from mode archive alone (ostree init --mode=archive, ostree pull-local)"
    )]
    Mode(String),
    /// Nothing to pull.
    #[error("the repository has no ref under refs/heads, so there is nothing to pull")]
    NoRef,
    /// A ref that names no commit.
    #[error("the ref “{0}” names no commit: 64 lower-case hexadecimal digits must stand there")]
    Ref(String),
    /// Two commits name different versions.
    #[error("the refs’ commits name several versions, so nobody can say which one a device has afterwards")]
    Versions,
    /// A name under `objects/` that is none of an object.
    #[error("“{0}” is no object of a repository in mode archive")]
    Name(String),
    /// An object that is something else than its name says.
    #[error("the object {0} is damaged: its content has another hash; run `ostree fsck` where it was made")]
    WrongHash(String),
    /// An object that can't be read.
    #[error("the object {0} can't be read as what it is")]
    Unreadable(String),
    /// An object that something leads to and that is not there.
    #[error("the repository is not whole: {from} needs the object {missing}, which is not in the archive")]
    Missing {
        /// What leads to it: a ref or an object.
        from: String,
        /// The object.
        missing: String,
    },
    /// More folders than are taken.
    #[error("the commits hold more than {0} folders")]
    TooDeep(usize),
}

/// Checks the repository in an envelope.
///
/// # Errors
/// The first thing that is not as it should be.
pub(crate) fn inspect(reader: &mut (impl Read + Seek), envelope: Envelope) -> Result<Inspected, Refused> {
    let config = envelope.small(reader, CONFIG, LARGEST_CONFIG)?.ok_or(OstreeRefused::NoRepository)?;
    check_mode(&config)?;
    let refs = refs(reader, &envelope)?;
    object::check_all(reader, &envelope)?;
    let mut repository = Repository::new(reader, &envelope);
    let mut versions: Vec<String> = Vec::new();
    for (name, commit) in &refs {
        let version = repository.check_commit(name, commit)?;
        versions.extend(version.filter(|version| !versions.contains(version)));
    }
    let version = match versions.len() {
        0 | 1 => versions.pop(),
        _ => return Err(OstreeRefused::Versions.into()),
    };
    let Envelope { members, signers, sums } = envelope;
    Ok(Inspected {
        kind: ArtifactKind::Ostree,
        size: sums.size,
        md5: sums.md5,
        sha1: sums.sha1,
        sha256: sums.sha256,
        signers,
        version,
        hardware: Vec::new(),
        images: refs.into_iter().map(|(name, commit)| crate::Image { name, size: 0, sha256: commit }).collect(),
        ignored: Vec::new(),
        members: members.into_values().collect(),
    })
}

/// Of a key that is there several times the last counts, as with GLib.
fn check_mode(config: &[u8]) -> Result<(), OstreeRefused> {
    let text = String::from_utf8_lossy(config);
    let (mut group, mut mode) = (String::new(), String::new());
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut group);
        } else if let Some((key, value)) = line.split_once('=')
            && (group.as_str(), key.trim_end()) == ("core", "mode")
        {
            value.trim_start().clone_into(&mut mode);
        }
    }
    match mode.as_str() {
        "archive" | "archive-z2" => Ok(()),
        other => Err(OstreeRefused::Mode(other.chars().take(40).collect())),
    }
}

/// The commits by their refs' names.
fn refs(reader: &mut (impl Read + Seek), envelope: &Envelope) -> Result<BTreeMap<String, String>, Refused> {
    let mut refs = BTreeMap::new();
    for path in envelope.members.range(REFS.to_owned()..).map(|(path, _)| path) {
        let Some(name) = path.strip_prefix(REFS) else { break };
        let content = envelope.small(reader, path, LARGEST_REF)?.unwrap_or_default();
        let commit = std::str::from_utf8(&content).unwrap_or_default().trim_end();
        if !is_hash(commit) {
            return Err(OstreeRefused::Ref(name.to_owned()).into());
        }
        refs.insert(name.to_owned(), commit.to_owned());
    }
    if refs.is_empty() { Err(OstreeRefused::NoRef.into()) } else { Ok(refs) }
}

fn is_hash(text: &str) -> bool {
    text.len() == HASH && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Where an object of a hash is in the archive.
fn path_of(hash: &str, kind: &str) -> String {
    let (first, rest) = hash.split_at_checked(2).unwrap_or((hash, ""));
    format!("{OBJECTS}{first}/{rest}.{kind}")
}
