//! Reading a file whole: what it is, and that it is signed by whom we issued a certificate for that.

use super::signer::refused;
use crate::{Error, Fleet, Result};
use artifact::{Inspected, Source};
use domain::release::ArtifactKind;
use pki::{Certificate, CmsTrust};
use std::io::BufReader;
use store::{
    artifact::{ArtifactImage, ArtifactSigner},
    member::Member,
};

/// How much is read at once, in bytes.
const AT_ONCE: usize = 256 * 1024;

/// A file as it was found.
pub(super) struct Found {
    pub(super) kind: ArtifactKind,
    pub(super) size: i64,
    pub(super) md5: String,
    pub(super) sha1: String,
    pub(super) sha256: String,
    pub(super) signers: Vec<ArtifactSigner>,
    /// The version that the file says it is of.
    pub(super) version: Option<String>,
    pub(super) hardware: Vec<String>,
    pub(super) images: Vec<ArtifactImage>,
    /// What devices fetch of it one by one.
    pub(super) members: Vec<Member>,
}

impl Fleet {
    /// Reads a file to its end: its hashes, what is in it, and its signature. Whether who signed it was revoked is asked
    /// apart, in the transaction that acts on it.
    ///
    /// # Errors
    /// Refuses with the reason.
    pub(super) async fn inspect_file(&self, file: Box<dyn Source + Send>, file_name: &str) -> Result<Found> {
        let (issuers, now, name) = (self.code_issuers().await?, self.now(), file_name.to_owned());
        let read = move || {
            let certificates: Vec<Certificate> = issuers.iter().map(|(_, certificate)| certificate.clone()).collect();
            let trust = CmsTrust { issuers: &certificates, at: now };
            let mut file = BufReader::with_capacity(AT_ONCE, file);
            let found = artifact::inspect(&mut file, &name, &trust).map_err(not_taken)?;
            let signers = found.signers.iter().map(|signer| {
                let issuer = issuers.iter().find(|(_, certificate)| certificate.der() == signer.issuer.der());
                let (authority, _) = issuer.ok_or_else(|| refused("who signed it is not known here"))?;
                let (serial, name) = (signer.certificate.serial_hex(), signer.certificate.common_name());
                Ok(ArtifactSigner { authority: *authority, serial, name })
            });
            let signers = signers.collect::<Result<Vec<ArtifactSigner>>>()?;
            Ok(facts(found, signers))
        };
        self.artifacts().in_turn(read).await?
    }
}

/// A file is refused for what it is. That it can't be read to its end says nothing about it.
fn not_taken(why: artifact::Refused) -> Error {
    match why {
        artifact::Refused::Read(error) => {
            tracing::error!(%error, "a file of a release can't be read");
            Error::Away("The file can’t be read at the moment. Nothing was changed; the operator of Muster finds why in the log.".to_owned())
        }
        why => refused(why),
    }
}

fn facts(found: Inspected, signers: Vec<ArtifactSigner>) -> Found {
    let image = |image: artifact::Image| ArtifactImage {
        name: image.name,
        size: i64::try_from(image.size).unwrap_or(i64::MAX),
        sha256: image.sha256,
    };
    let member = |member: artifact::Member| Member {
        path: member.path,
        start: i64::try_from(member.offset).unwrap_or(i64::MAX),
        size: i64::try_from(member.size).unwrap_or(i64::MAX),
        sha256: member.sha256,
    };
    Found {
        kind: found.kind,
        size: i64::try_from(found.size).unwrap_or(i64::MAX),
        md5: found.md5,
        sha1: found.sha1,
        sha256: found.sha256,
        signers,
        version: found.version,
        hardware: found.hardware,
        images: found.images.into_iter().map(image).collect(),
        members: found.members.into_iter().map(member).collect(),
    }
}
