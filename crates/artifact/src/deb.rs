//! Sets of Debian packages: an envelope that holds a whole apt repository, with the keyring by which devices trust it. What is
//! taken here apt takes: `InRelease` is signed by a key of the keyring, every index that it lists is what it says, and every
//! package that an index lists is there as it says (Debian's “Repository format”, apt-secure(8)).

mod control;
mod openpgp;
mod packages;
mod refused;
mod release;

pub use refused::DebRefused;

use crate::{ArtifactKind, Image, Inspected, Refused, envelope::Envelope};
use domain::time::Timestamp;
use flate2::read::MultiGzDecoder;
use openpgp::Keyring;
use packages::Package;
use release::SuiteList;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    io::{Read, Seek},
};

/// The keyring of a set.
pub const KEYRING: &str = "keyring.pgp";
/// How much is read at once, in bytes: of a keyring, an InRelease, a list of packages.
const LARGEST_KEYRING: u64 = 1 << 18;
const LARGEST_IN_RELEASE: u64 = 1 << 22;
const LARGEST_LIST: u64 = 64 << 20;
/// How much all lists of packages are unpacked, in bytes.
const LARGEST_LISTS: u64 = 256 << 20;

/// Until when apt takes the list of a suite (`InRelease`) that was checked, as it says itself; none where it says nothing.
#[must_use]
pub fn good_until(in_release: &[u8]) -> Option<Timestamp> {
    release::good_until(&String::from_utf8_lossy(in_release))
}

/// Whether an archive with this member is a set of packages.
pub(crate) fn is_part(path: &str) -> bool {
    path == KEYRING || name_of(path) == "InRelease"
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Checks a set whose envelope holds, at a moment.
///
/// # Errors
/// The first thing that is not as it should be.
pub fn inspect(reader: &mut (impl Read + Seek), envelope: Envelope, at: Timestamp) -> Result<Inspected, Refused> {
    let keyring = envelope.small(reader, KEYRING, LARGEST_KEYRING)?.ok_or(DebRefused::NoKeyring)?;
    let keyring = Keyring::read(&keyring)?;
    let paths = envelope.members.keys().filter(|path| name_of(path) == "InRelease");
    let paths: Vec<&String> = paths.collect();
    if paths.is_empty() {
        return Err(DebRefused::NoInRelease.into());
    }
    let mut checking = Checking { envelope: &envelope, reader, unpacked: 0, packages: BTreeMap::new() };
    let mut version: Option<String> = None;
    for path in paths {
        let document = checking.content(path, LARGEST_IN_RELEASE)?.ok_or(DebRefused::NoInRelease)?;
        let suite = SuiteList::read(path, &keyring.opened(path, &document, at)?, at)?;
        checking.suite(path, &suite)?;
        match (&version, suite.version) {
            (Some(one), Some(other)) if *one != other => {
                return Err(DebRefused::Versions { one: one.clone(), other }.into());
            }
            (None, Some(of_suite)) => version = Some(of_suite),
            _ => {}
        }
    }
    let packages = checking.packages;
    if packages.is_empty() {
        return Err(DebRefused::NoPackage.into());
    }
    Ok(found(envelope, &packages, version))
}

fn found(envelope: Envelope, packages: &BTreeMap<String, Package>, version: Option<String>) -> Inspected {
    let is_loose = |path: &&String| path.ends_with(".deb") && !packages.contains_key(*path);
    let image = |package: &Package| Image {
        name: name_of(&package.file).to_owned(),
        size: package.size,
        sha256: package.sha256.clone(),
    };
    let Envelope { members, signers, sums } = envelope;
    Inspected {
        kind: ArtifactKind::Deb,
        size: sums.size,
        md5: sums.md5,
        sha1: sums.sha1,
        sha256: sums.sha256,
        signers,
        version,
        hardware: Vec::new(),
        images: packages.values().map(image).collect(),
        ignored: members.keys().filter(is_loose).cloned().collect(),
        members: members.into_values().collect(),
    }
}

struct Checking<'a, R> {
    envelope: &'a Envelope,
    reader: &'a mut R,
    /// How much of lists was unpacked, in bytes.
    unpacked: u64,
    packages: BTreeMap<String, Package>,
}

impl<R: Read + Seek> Checking<'_, R> {
    fn content(&mut self, path: &str, most: u64) -> Result<Option<Vec<u8>>, Refused> {
        self.envelope.small(self.reader, path, most)
    }

    /// Everything that a suite lists.
    fn suite(&mut self, path: &str, suite: &SuiteList) -> Result<(), Refused> {
        let folder = path.strip_suffix("InRelease").unwrap_or_default();
        for (below, (size, sha256)) in &suite.indexes {
            let file = format!("{folder}{below}");
            match self.envelope.members.get(&file) {
                Some(member) if (member.size, &member.sha256) != (*size, sha256) => {
                    return Err(DebRefused::Other { index: path.to_owned(), file }.into());
                }
                Some(_) => {}
                // Of one list in several compressions apt needs one.
                None if self.has_variant(folder, below, suite) || *size == 0 => {}
                None => return Err(DebRefused::Missing { index: path.to_owned(), file }.into()),
            }
        }
        for below in suite.indexes.keys() {
            let stem = below.rsplit_once('.').map_or(below.as_str(), |(stem, _)| stem);
            if name_of(below) == "Packages" {
                self.list(folder, below, suite)?;
            } else if name_of(stem) == "Packages" && !suite.indexes.contains_key(stem) {
                // apt checks what it has unpacked, so the list itself has to be listed.
                return Err(DebRefused::Missing { index: path.to_owned(), file: format!("{folder}{stem}") }.into());
            }
        }
        Ok(())
    }

    fn has_variant(&self, folder: &str, below: &str, suite: &SuiteList) -> bool {
        let ends = [".gz", ".xz", ".bz2", ".lzma", ".lz4", ".zst"];
        let stem = ends.iter().find_map(|end| below.strip_suffix(end)).unwrap_or(below);
        suite.indexes.keys().any(|other| {
            let rest = other.strip_prefix(stem);
            let is_variant = rest.is_some_and(|rest| rest.is_empty() || ends.contains(&rest));
            is_variant && self.envelope.members.contains_key(&format!("{folder}{other}"))
        })
    }

    /// The packages of a list: it itself, or what its `.gz` unpacks to, which must be it.
    fn list(&mut self, folder: &str, below: &str, suite: &SuiteList) -> Result<(), Refused> {
        let path = format!("{folder}{below}");
        let Some((size, sha256)) = suite.indexes.get(below) else { return Ok(()) };
        self.unpacked = self.unpacked.saturating_add(*size);
        if self.unpacked > LARGEST_LISTS {
            return Err(DebRefused::Unpacked { path, most: LARGEST_LISTS }.into());
        }
        let content = match self.content(&path, LARGEST_LIST)? {
            Some(plain) => plain,
            None if *size == 0 => return Ok(()),
            None => match self.content(&format!("{path}.gz"), LARGEST_LIST)? {
                Some(packed) => unpack(&path, &packed, *size)?,
                None => return Err(DebRefused::Compressed { path }.into()),
            },
        };
        if content.len() as u64 != *size || hex::encode(Sha256::digest(&content)) != *sha256 {
            return Err(DebRefused::Other { index: format!("{folder}InRelease"), file: path }.into());
        }
        let wrong = DebRefused::Syntax { path: path.clone(), line: 1, why: "it is not UTF-8" };
        let text = String::from_utf8(content).map_err(|_| wrong)?;
        for package in packages::read(&path, &text)? {
            self.package(&path, package)?;
        }
        Ok(())
    }

    fn package(&mut self, list: &str, package: Package) -> Result<(), DebRefused> {
        let file = package.file.clone();
        let Some(member) = self.envelope.members.get(&file) else {
            return Err(DebRefused::Missing { index: list.to_owned(), file });
        };
        if (member.size, &member.sha256) != (package.size, &package.sha256) {
            return Err(DebRefused::Other { index: list.to_owned(), file });
        }
        self.packages.insert(file, package);
        Ok(())
    }
}

/// Unpacks a list that should come to `size` bytes.
fn unpack(path: &str, packed: &[u8], size: u64) -> Result<Vec<u8>, DebRefused> {
    let most = size.min(LARGEST_LIST);
    let wrong = || DebRefused::Unpacked { path: path.to_owned(), most };
    let mut content = Vec::new();
    let read = MultiGzDecoder::new(packed).take(most.saturating_add(1)).read_to_end(&mut content);
    match read {
        Ok(n) if n as u64 <= most => Ok(content),
        _ => Err(wrong()),
    }
}
