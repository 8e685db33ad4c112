//! Whether objects are what their names say: SHA-256 of a commit's, a folder's or rights' bytes; of a file that of its content
//! unpacked, behind its header (libostree: `ostree_raw_file_to_content_stream`).

use super::{
    HASH, OBJECTS, OstreeRefused,
    gvariant::{self, last_place},
    is_hash,
};
use crate::{Member, Refused, envelope::Envelope};
use flate2::read::DeflateDecoder;
use sha2::{Digest, Sha256};
use std::io::{Read, Seek};

/// A file's header holds its extended attributes.
const LARGEST_HEADER: usize = 10 << 20;
/// Size, owner, group, rights and device, as they stand in an archive's header; the size is not in what is hashed.
const SIZE: usize = 8;
const FIXED: usize = SIZE + 4 * 4;
const MODE: std::ops::Range<usize> = SIZE + 8..SIZE + 12;
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const LINK: u32 = 0o120_000;
const AT_ONCE: usize = 32 * 1024;

/// Checks every object of a repository.
pub(super) fn check_all(reader: &mut (impl Read + Seek), envelope: &Envelope) -> Result<(), Refused> {
    let all = envelope.members.range(OBJECTS.to_owned()..).map(|(_, member)| member);
    let mut objects: Vec<&Member> = all.take_while(|member| member.path.starts_with(OBJECTS)).collect();
    // As they lie in the archive, which is then read from front to back.
    objects.sort_unstable_by_key(|member| member.offset);
    for member in objects {
        let name = member.path.strip_prefix(OBJECTS).unwrap_or_default();
        let (hash, kind) = named(name).ok_or_else(|| OstreeRefused::Name(member.path.clone()))?;
        let found = match kind {
            "commit" | "dirtree" | "dirmeta" => member.sha256.clone(),
            // Signatures and notes that are kept beside a commit; its name is the commit's.
            "commitmeta" => continue,
            "filez" => {
                file_hash(member.open(reader)?, name)?.ok_or_else(|| OstreeRefused::Unreadable(name.to_owned()))?
            }
            _ => return Err(OstreeRefused::Name(member.path.clone()).into()),
        };
        if found != hash {
            return Err(OstreeRefused::WrongHash(name.to_owned()).into());
        }
    }
    Ok(())
}

/// An object's hash and kind by its name: `ab/cdef….filez`.
fn named(name: &str) -> Option<(String, &str)> {
    let (place, kind) = name.split_once('.')?;
    let (first, rest) = place.split_once('/')?;
    let hash = [first, rest].concat();
    (first.len() == 2 && rest.len() == HASH - 2 && is_hash(&hash)).then_some((hash, kind))
}

/// The hash that a packed file has as an object; `None` where it is none.
fn file_hash(mut packed: impl Read, name: &str) -> Result<Option<String>, Refused> {
    let mut start = [0; 8];
    if packed.read_exact(&mut start).is_err() {
        return Ok(None);
    }
    let [a, b, c, d, padding @ ..] = start;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if padding != [0; 4] || length > LARGEST_HEADER {
        return Ok(None);
    }
    let mut raw = Vec::new();
    let limit = u64::try_from(length).unwrap_or_default();
    (&mut packed).take(limit).read_to_end(&mut raw).map_err(Refused::Read)?;
    let Some((header, size, mode)) = header(&raw).filter(|_| raw.len() == length) else { return Ok(None) };
    let mut hash = Sha256::new();
    hash.update(u32::try_from(header.len()).unwrap_or_default().to_be_bytes());
    hash.update([0; 4]);
    hash.update(&header);
    match mode & KIND {
        REGULAR => {
            if !content(packed, size, &mut hash) {
                return Err(OstreeRefused::Unreadable(name.to_owned()).into());
            }
        }
        LINK => {}
        _ => return Ok(None),
    }
    Ok(Some(hex::encode(hash.finalize())))
}

/// The header as it is hashed, `(uuuusa(ayay))`, of the one in an archive, `(tuuuusa(ayay))`; the content's size and the file's
/// mode.
fn header(raw: &[u8]) -> Option<(Vec<u8>, u64, u32)> {
    let size = u64::from_be_bytes(raw.get(..SIZE)?.try_into().ok()?);
    let mode = u32::from_be_bytes(raw.get(MODE)?.try_into().ok()?);
    let end = last_place(raw, 0).filter(|end| *end >= FIXED)?;
    let body = raw.get(SIZE..raw.len().checked_sub(gvariant::width(raw.len()))?)?;
    let end = u64::try_from(end - SIZE).ok()?;
    // As few bytes for the place as hold the whole with it.
    let width = [1, 2, 4].into_iter().find(|width| gvariant::width(body.len() + width) == *width)?;
    let mut header = body.to_vec();
    header.extend_from_slice(end.to_le_bytes().get(..width)?);
    Some((header, size, mode))
}

/// Unpacks a file's content into the hash; whether it is one of that size.
fn content(packed: impl Read, size: u64, hash: &mut Sha256) -> bool {
    let mut unpacked = DeflateDecoder::new(packed).take(size.saturating_add(1));
    let mut buffer = vec![0; AT_ONCE];
    let mut left = size;
    loop {
        match unpacked.read(&mut buffer) {
            Ok(0) => return left == 0,
            Ok(count) => {
                let Some(rest) = left.checked_sub(u64::try_from(count).unwrap_or(u64::MAX)) else { return false };
                left = rest;
                hash.update(buffer.get(..count).unwrap_or_default());
            }
            Err(_) => return false,
        }
    }
}
