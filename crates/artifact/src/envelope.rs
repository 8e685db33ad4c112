//! The envelope in which sets of files come: one tar with `SHA256SUMS`, which lists every file beside itself and its signature,
//! as sha256sum writes it, and `SHA256SUMS.p7s`, a detached CMS signature of that list in DER. What is in it is another file's
//! subject.

mod sums;

use crate::{
    Member, Refused,
    tar::{Entry, Tar},
    whole::{Sums, Whole},
};
use pki::{CmsSigner, CmsTrust, SignedData};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    io::{Read, Seek, SeekFrom},
};

/// The list's name.
pub const LIST: &str = "SHA256SUMS";
/// Its signature's name.
pub const SIGNATURE: &str = "SHA256SUMS.p7s";
/// How many files an envelope may have: each takes some 200 bytes of memory while it is read, and its path twice.
const MOST_FILES: usize = 100_000;
/// How many bytes their paths may have together: they are kept before it is known that anybody signed them.
const LARGEST_PATHS: usize = 16 << 20;
const LARGEST_LIST: u64 = 32 << 20;
const LARGEST_SIGNATURE: u64 = 64 * 1024;

/// Why an envelope is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeRefused {
    /// Not the format that it should be.
    #[error("this is no tar archive, or a compressed one; pack it with `tar --format=pax -cf`, without compression")]
    NotAnArchive,
    /// Something else stands where the archive's structure should.
    #[error("the file is damaged: at byte {at} something else stands than tar's format wants")]
    Damaged {
        /// Bytes from the beginning.
        at: u64,
    },
    /// A link, a device, a file with holes.
    #[error("“{name}” in the archive is no regular file; only files and folders can be in it", name = name.escape_debug())]
    NoFile {
        /// Its path.
        name: String,
    },
    /// A path that leads elsewhere.
    #[error("the archive has a file “{path}”; paths must stay inside of it, without “..” and control characters",
            path = path.escape_debug())]
    Path {
        /// The path.
        path: String,
    },
    /// A file that is there twice.
    #[error("“{path}” is in the archive twice")]
    Twice {
        /// Which file.
        path: String,
    },
    /// More files than are taken.
    #[error("the archive has more than {MOST_FILES} files")]
    TooMany,
    /// Longer paths than are taken.
    #[error("the paths in the archive have more than {LARGEST_PATHS} bytes together")]
    LongPaths,
    /// Too large for what it is.
    #[error("“{path}” is larger than {most} bytes")]
    TooLarge {
        /// Which file.
        path: String,
        /// Bytes.
        most: u64,
    },
    /// No list.
    #[error("the archive has no “{LIST}”, which lists what belongs to it (sha256sum)")]
    NoList,
    /// No signature.
    #[error(
        "it is not signed: the archive must have “{SIGNATURE}” (openssl cms -sign -binary -in {LIST} -out \
             {SIGNATURE} -outform DER -signer … -inkey …)"
    )]
    NotSigned,
    /// A line of the list that is none.
    #[error(
        "{LIST} can't be read at line {line}: a SHA-256 in 64 hexadecimal digits, two spaces and a path must stand there"
    )]
    Line {
        /// From 1.
        line: usize,
    },
    /// The list lists itself.
    #[error("{LIST} lists “{path}”, which can't be listed; write the list outside of the folder, then move it in")]
    Itself {
        /// Which file.
        path: String,
    },
    /// The list names a file twice.
    #[error("{LIST} lists “{path}” twice")]
    ListedTwice {
        /// Which file.
        path: String,
    },
    /// A file that is not listed.
    #[error("“{path}” is in the archive and not in {LIST}, so nobody signed it")]
    Unlisted {
        /// Which file.
        path: String,
    },
    /// A file that is listed and not there.
    #[error("{LIST} lists “{path}”, which is not in the archive")]
    Missing {
        /// Which file.
        path: String,
    },
    /// A file that is another than was signed.
    #[error("“{path}” is not the file that was signed: its SHA-256 is another than {LIST} says")]
    WrongSum {
        /// Which file.
        path: String,
    },
    /// Another content when it was read again.
    #[error("“{path}” changed while it was read")]
    Changed {
        /// Which file.
        path: String,
    },
}

/// An envelope whose list is signed and whose files are those that are listed.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The files by their paths, without the list and its signature.
    pub members: BTreeMap<String, Member>,
    /// Who signed the list.
    pub signers: Vec<CmsSigner>,
    /// Of the whole archive.
    pub sums: Sums,
}

impl Envelope {
    /// Reads an archive once, from front to back, and checks it: the list's signature, and by it every file.
    ///
    /// # Errors
    /// The first thing that is not as it should be.
    pub fn open(reader: &mut (impl Read + Seek), trust: &CmsTrust<'_>) -> Result<Self, Refused> {
        reader.seek(SeekFrom::Start(0)).map_err(Refused::Read)?;
        let mut whole = Whole::new(reader);
        let mut pass = Pass::default();
        let mut tar = Tar::new(&mut whole);
        while let Some(entry) = tar.next()? {
            if !entry.is_folder {
                pass.file(&mut tar, entry)?;
            }
        }
        drop(tar);
        let list = pass.list.ok_or(EnvelopeRefused::NoList)?;
        let signature = pass.signature.ok_or(EnvelopeRefused::NotSigned)?;
        // Nothing of the list is believed, not even read, before its signature holds.
        let signers = SignedData::read(&signature)?.verify(Some(&list), trust)?;
        sums::compare(&list, &pass.members)?;
        Ok(Self { members: pass.members, signers, sums: whole.sums() })
    }

    /// A small file's content as a whole; `None` where there is none of this path. It is compared with what was signed once
    /// more, because it is read again.
    ///
    /// # Errors
    /// When it has more than `most` bytes, can't be read, or is another by now.
    pub fn small(&self, reader: &mut (impl Read + Seek), path: &str, most: u64) -> Result<Option<Vec<u8>>, Refused> {
        let Some(member) = self.members.get(path) else { return Ok(None) };
        if member.size > most {
            return Err(EnvelopeRefused::TooLarge { path: path.to_owned(), most }.into());
        }
        let mut content = Vec::new();
        member.open(reader)?.read_to_end(&mut content).map_err(Refused::Read)?;
        if hex::encode(Sha256::digest(&content)) != member.sha256 {
            return Err(EnvelopeRefused::Changed { path: path.to_owned() }.into());
        }
        Ok(Some(content))
    }
}

impl Member {
    /// Its content, from the archive that it is in.
    ///
    /// # Errors
    /// When the archive can't be read there.
    pub fn open<'r, R: Read + Seek>(&self, reader: &'r mut R) -> Result<std::io::Take<&'r mut R>, Refused> {
        let here = reader.stream_position().map_err(Refused::Read)?;
        // What is buffered stays so: members are often read one after the other.
        match self.offset.checked_signed_diff(here) {
            Some(distance) => reader.seek_relative(distance).map_err(Refused::Read)?,
            None => reader.seek(SeekFrom::Start(self.offset)).map(drop).map_err(Refused::Read)?,
        }
        Ok(reader.take(self.size))
    }
}

/// What was found so far.
#[derive(Default)]
struct Pass {
    members: BTreeMap<String, Member>,
    /// Of their paths, in bytes.
    paths: usize,
    list: Option<Vec<u8>>,
    signature: Option<Vec<u8>>,
}

impl Pass {
    fn file(&mut self, tar: &mut Tar<impl Read>, entry: Entry) -> Result<(), Refused> {
        match entry.path.as_str() {
            LIST => return keep(tar, &entry, LARGEST_LIST, &mut self.list),
            SIGNATURE => return keep(tar, &entry, LARGEST_SIGNATURE, &mut self.signature),
            _ => {}
        }
        if self.members.len() == MOST_FILES {
            return Err(EnvelopeRefused::TooMany.into());
        }
        self.paths = self.paths.saturating_add(entry.path.len());
        if self.paths > LARGEST_PATHS {
            return Err(EnvelopeRefused::LongPaths.into());
        }
        let mut hash = Sha256::new();
        tar.content(&entry, |piece| hash.update(piece))?;
        let Entry { path, offset, size, .. } = entry;
        let member = Member { path: path.clone(), offset, size, sha256: hex::encode(hash.finalize()) };
        match self.members.insert(path.clone(), member) {
            Some(_) => Err(EnvelopeRefused::Twice { path }.into()),
            None => Ok(()),
        }
    }
}

fn keep(tar: &mut Tar<impl Read>, entry: &Entry, most: u64, place: &mut Option<Vec<u8>>) -> Result<(), Refused> {
    let path = || entry.path.clone();
    if place.is_some() {
        return Err(EnvelopeRefused::Twice { path: path() }.into());
    }
    if entry.size > most {
        return Err(EnvelopeRefused::TooLarge { path: path(), most }.into());
    }
    let mut content = Vec::new();
    tar.content(entry, |piece| content.extend_from_slice(piece))?;
    *place = Some(content);
    Ok(())
}
