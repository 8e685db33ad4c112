//! Images for SWUpdate: a cpio archive with `sw-description` first, its signature second, then what the description
//! names (SWUpdate's documentation, “SWUpdate: syntax and tags” and “Update images from verified source”).

use crate::{
    ArtifactKind, Image, Inspected, Refused,
    cpio::{Archive, Header},
    description::Description,
    whole::Whole,
};
use pki::{CmsTrust, SignedData};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
};

const DESCRIPTION: &str = "sw-description";
const SIGNATURE: &str = "sw-description.sig";
const LARGEST_DESCRIPTION: u32 = 1 << 20;
const LARGEST_SIGNATURE: u32 = 1 << 16;

/// Reads an image to its end and checks it: the description's signature, and by it every file that it names.
///
/// Files that the description does not name are passed over, as SWUpdate does (“Not required: skipping”): builds pack
/// some for other tools. No device reads them, and [`Inspected::ignored`] names them.
///
/// # Errors
/// The first thing that is not as it should be.
pub fn inspect(reader: &mut impl Read, trust: &CmsTrust<'_>) -> Result<Inspected, Refused> {
    let mut whole = Whole::new(reader);
    let mut archive = Archive::new(&mut whole);
    let first = archive.next()?;
    let Some(first) = first.as_ref().filter(|header| header.name == DESCRIPTION) else {
        return Err(Refused::NoDescription { found: first.map(|header| header.name).unwrap_or_default() });
    };
    let text = archive.small(first, LARGEST_DESCRIPTION)?;
    let second = archive.next()?.filter(|header| header.name == SIGNATURE).ok_or(Refused::NotSigned)?;
    let signature = archive.small(&second, LARGEST_SIGNATURE)?;
    // Nothing of the description is believed, not even read, before its signature holds.
    let signers = SignedData::read(&signature)?.verify(Some(&text), trust)?;
    let description = Description::read(&text)?;
    let mut contents = Contents::new(description.files);
    while let Some(header) = archive.next()? {
        let mut hash = Sha256::new();
        archive.content(&header, |piece| hash.update(piece))?;
        contents.add(header, &hex::encode(hash.finalize()))?;
    }
    let (images, ignored) = contents.whole()?;
    drop(archive);
    let sums = whole.sums();
    Ok(Inspected {
        kind: ArtifactKind::Swu,
        size: sums.size,
        md5: sums.md5,
        sha1: sums.sha1,
        sha256: sums.sha256,
        signers,
        version: Some(description.version),
        hardware: description.hardware,
        images,
        ignored,
        members: Vec::new(),
    })
}

/// What came, against what was named.
struct Contents {
    /// What has not come yet: SHA-256 by name.
    named: BTreeMap<String, String>,
    seen: BTreeSet<String>,
    images: Vec<Image>,
    ignored: Vec<String>,
}

impl Contents {
    fn new(named: BTreeMap<String, String>) -> Self {
        let seen = BTreeSet::from([DESCRIPTION.to_owned(), SIGNATURE.to_owned()]);
        Self { named, seen, images: Vec::new(), ignored: Vec::new() }
    }

    fn add(&mut self, header: Header, sha256: &str) -> Result<(), Refused> {
        let Header { name, size, .. } = header;
        if !self.seen.insert(name.clone()) {
            return Err(Refused::Twice { name });
        }
        match self.named.remove(&name) {
            Some(signed) if signed != sha256 => return Err(Refused::WrongHash { name }),
            Some(_) => self.images.push(Image { name, size: size.into(), sha256: sha256.to_owned() }),
            None => self.ignored.push(name),
        }
        Ok(())
    }

    fn whole(self) -> Result<(Vec<Image>, Vec<String>), Refused> {
        match self.named.into_keys().next() {
            Some(name) => Err(Refused::Missing { name }),
            None => Ok((self.images, self.ignored)),
        }
    }
}
