//! Whose signatures count: of certificates for code signing that were issued by ours.

use super::CmsRefused;
use crate::{Certificate, oids};
use const_oid::ObjectIdentifier;
use domain::time::Timestamp;
use x509_cert::ext::pkix::KeyUsage;

/// The critical extensions that are looked at, or that say nothing about signing code.
const UNDERSTOOD: [ObjectIdentifier; 4] =
    [oids::ID_CE_BASIC_CONSTRAINTS, oids::ID_CE_KEY_USAGE, oids::ID_CE_EXT_KEY_USAGE, oids::ID_CE_SUBJECT_ALT_NAME];

/// Whose signatures count, and when.
#[derive(Clone, Copy, Debug)]
pub struct CmsTrust<'a> {
    /// The authorities whose code-signing certificates count. Their own certificates are taken as given.
    pub issuers: &'a [Certificate],
    /// The moment at which certificates must hold. A signing time in the message is its signer's word alone, so it does
    /// not count.
    pub at: Timestamp,
}

/// Who signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CmsSigner {
    /// The signer's certificate.
    pub certificate: Certificate,
    /// The authority that issued it: one of those that count.
    pub issuer: Certificate,
}

impl CmsTrust<'_> {
    /// Whether a certificate counts: issued by ours, for code signing, in time.
    pub(super) fn check(&self, certificate: &Certificate) -> Result<CmsSigner, CmsRefused> {
        let signer = certificate.subject();
        let issuer = self.issuers.iter().find(|issuer| certificate.verify_issued_by(issuer).is_ok());
        let issuer =
            issuer.ok_or_else(|| CmsRefused::ForeignSigner { signer: signer.clone(), issuer: certificate.issuer() })?;
        let usage = certificate.get::<KeyUsage>();
        if !certificate.has_purpose("codeSigning") || usage.is_some_and(|usage| !usage.digital_signature()) {
            return Err(CmsRefused::NotForCodeSigning { signer });
        }
        let mut extensions = certificate.x509().tbs_certificate.extensions.iter().flatten();
        if let Some(odd) = extensions.find(|one| one.critical && !UNDERSTOOD.contains(&one.extn_id)) {
            return Err(CmsRefused::CriticalExtension { signer, oid: odd.extn_id.to_string() });
        }
        for one in [certificate, issuer] {
            self.in_time(one)?;
        }
        Ok(CmsSigner { certificate: certificate.clone(), issuer: issuer.clone() })
    }

    fn in_time(&self, certificate: &Certificate) -> Result<(), CmsRefused> {
        let subject = certificate.subject();
        if self.at < certificate.not_before() {
            return Err(CmsRefused::NotYetValid { subject, at: certificate.not_before().rfc3339() });
        }
        if self.at > certificate.not_after() {
            return Err(CmsRefused::Expired { subject, at: certificate.not_after().rfc3339() });
        }
        Ok(())
    }
}
