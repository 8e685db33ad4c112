//! Whether who signed a file may still be believed: a certificate for code signing that we issued, that has not ended, and
//! that nothing cuts off. The signature itself is `pki`'s part; this asks the database, in the transaction that acts on it.

use crate::{Error, Fleet, Result, trust::is_hold};
use domain::{
    authority::{Authority, AuthorityKind},
    certificate::{Certificate, CertificatePurpose, RevocationReason},
    id::AuthorityId,
    time::Timestamp,
};
use store::{
    Db, Tx,
    artifact::ArtifactSigner,
    revoked::{Revoked, cut::Cut},
};

/// How a file is refused: one sentence for people, the same at each of the three points.
pub(super) fn refused(why: impl std::fmt::Display) -> Error {
    let why = why.to_string();
    let mut letters = why.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if why.ends_with(['.', ')']) { "" } else { "." };
    Error::field("file", format!("{first}{}{end}", letters.as_str()))
}

impl Fleet {
    /// The certificates of the authorities that sign code-signing certificates.
    pub(super) async fn code_issuers(&self) -> Result<Vec<(AuthorityId, pki::Certificate)>> {
        let all = store::authority::all(self.db()).await?;
        let signing = |id: &AuthorityId| all.iter().any(|a| a.id == *id && a.kind == AuthorityKind::Operations);
        let certificates = store::authority::certificates(self.db()).await?;
        let certificates = certificates.into_iter().filter(|(id, _)| signing(id));
        certificates.map(|(id, der)| Ok((id, pki::Certificate::from_der(&der).map_err(Error::internal)?))).collect()
    }
}

/// What the database knows of a signer.
struct Known {
    certificate: Option<Certificate>,
    revoked: Option<Revoked>,
    /// The authorities from the issuer up, each with what cuts it off.
    above: Vec<(Authority, Option<Cut>)>,
}

/// A path is three long; what refers to itself by mistake must not hang.
const PATH: usize = 8;

async fn known(db: &Db, signer: &ArtifactSigner) -> Result<Known> {
    let (cuts, mut next, mut above) = (store::revoked::cut::alive(db).await?, Some(signer.authority), Vec::new());
    while let Some(id) = next.filter(|_| above.len() < PATH) {
        let Some(authority) = store::authority::by_id(db, id).await? else { break };
        next = authority.parent_id;
        above.push((authority, cut_of(&cuts, id)));
    }
    Ok(Known {
        certificate: store::certificate::by_serial(db, signer.authority, &signer.serial).await?,
        revoked: store::revoked::one(db, signer.authority, &signer.serial).await?,
        above,
    })
}

async fn known_within(tx: &mut Tx, signer: &ArtifactSigner) -> Result<Known> {
    let (cuts, mut next, mut above) =
        (store::revoked::cut::alive_within(tx).await?, Some(signer.authority), Vec::new());
    while let Some(id) = next.filter(|_| above.len() < PATH) {
        let Some(authority) = store::authority::by_id_within(tx, id).await? else { break };
        next = authority.parent_id;
        above.push((authority, cut_of(&cuts, id)));
    }
    let certificate = store::certificate::with_der_within(tx, signer.authority, &signer.serial).await?;
    Ok(Known {
        certificate: certificate.map(|(certificate, _)| certificate),
        revoked: store::revoked::one_within(tx, signer.authority, &signer.serial).await?,
        above,
    })
}

fn cut_of(cuts: &[Cut], id: AuthorityId) -> Option<Cut> {
    cuts.iter().find(|cut| cut.authority == id).cloned()
}

/// Refuses unless everybody who signed may still be believed.
pub(super) async fn check(db: &Db, signers: &[ArtifactSigner], now: Timestamp) -> Result<()> {
    for signer in somebody(signers)? {
        judge(signer, &known(db, signer).await?, now)?;
    }
    Ok(())
}

/// The same, as the transaction sees it.
pub(super) async fn check_within(tx: &mut Tx, signers: &[ArtifactSigner], now: Timestamp) -> Result<()> {
    for signer in somebody(signers)? {
        judge(signer, &known_within(tx, signer).await?, now)?;
    }
    Ok(())
}

fn somebody(signers: &[ArtifactSigner]) -> Result<&[ArtifactSigner]> {
    if signers.is_empty() { Err(refused("nobody signed this file")) } else { Ok(signers) }
}

fn judge(signer: &ArtifactSigner, known: &Known, now: Timestamp) -> Result<()> {
    let (name, serial) = (&signer.name, &signer.serial);
    let issued = known.certificate.as_ref().filter(|found| found.purpose == CertificatePurpose::CodeSigning);
    let Some(certificate) = issued else {
        let told =
            format!("“{name}” signed it with a certificate that was not issued here for code signing ({serial})");
        return Err(refused(told));
    };
    if certificate.not_after <= now {
        let ended = certificate.not_after.minute_words();
        return Err(refused(format!("“{name}” signed it, and that certificate ended on {ended} UTC; sign it anew")));
    }
    if let Some(revoked) = &known.revoked {
        let what = format!("the certificate of “{name}”, who signed it,");
        return Err(refused(cut_off(&what, revoked.reason, revoked.at)));
    }
    for (authority, cut) in &known.above {
        if let Some(cut) = cut {
            let what = format!("“{}”, which issued the certificate of “{name}”,", authority.name);
            return Err(refused(cut_off(&what, cut.reason, cut.at)));
        }
    }
    Ok(())
}

fn cut_off(what: &str, reason: RevocationReason, at: Timestamp) -> String {
    let at = at.minute_words();
    if is_hold(reason) {
        format!("{what} is on hold since {at} UTC")
    } else {
        format!("{what} was revoked on {at} UTC ({})", reason.label().to_lowercase())
    }
}
