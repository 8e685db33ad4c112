//! Answering what was asked.

use super::{CertId, id};
use crate::{Certificate, Error, Signer, crl, instant, oids, wire};
use domain::time::Timestamp;
use std::sync::Arc;

const SUCCESSFUL: u8 = 0;
/// About what an answer takes beyond the responder's certificate.
const ANSWER: usize = 512;

/// How it stands with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspStatus {
    /// It was issued and is not revoked.
    Good,
    /// It is revoked, or on hold.
    Revoked {
        /// Since when.
        at: Timestamp,
        /// Why: CRLReason of RFC 5280. 0 (unspecified) is not written.
        reason: u8,
    },
    /// It was never issued.
    Unknown,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspFailure {
    /// The question is no question.
    MalformedRequest,
    /// Something broke here.
    InternalError,
    /// Not now.
    TryLater,
    /// It is about an issuer that is not ours.
    Unauthorized,
}

/// Who answers for an issuer: a certificate that the issuer itself gave out for it, and its key.
#[derive(Clone, Debug)]
pub struct Responder {
    certificate: Certificate,
    signer: Arc<dyn Signer>,
    key_hash: [u8; 20],
}

impl Responder {
    /// Brings both together.
    ///
    /// # Errors
    /// When the key is not the certificate's.
    pub fn new(certificate: Certificate, signer: Arc<dyn Signer>) -> Result<Self, Error> {
        if certificate.public_key() != signer.public_key() {
            return Err(Error::OtherKey { subject: certificate.subject() });
        }
        let key_hash = id::responder_key_hash(&certificate);
        Ok(Self { certificate, signer, key_hash })
    }

    /// The certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}

/// Makes and signs an answer, which repeats each question to the byte and carries the responder's certificate.
///
/// # Errors
/// When a time or a reason can't be written, or the key can't sign.
pub fn ocsp_response(
    responder: &Responder,
    answers: &[(CertId, OcspStatus)],
    this_update: Timestamp,
    next_update: Timestamp,
    produced_at: Timestamp,
    nonce: Option<&[u8]>,
) -> Result<Vec<u8>, Error> {
    let (mut this, mut next, mut produced) = (Vec::new(), Vec::new(), Vec::new());
    instant::generalized(&mut this, this_update)?;
    instant::generalized(&mut next, next_update)?;
    instant::generalized(&mut produced, produced_at)?;
    let mut singles = Vec::with_capacity(answers.len() * 160);
    for (id, status) in answers {
        let mut single = Vec::with_capacity(160);
        single.extend_from_slice(&id.der);
        certificate_status(&mut single, *status)?;
        single.extend_from_slice(&this);
        wire::value(&mut single, wire::constructed(0), &next);
        wire::value(&mut singles, wire::SEQUENCE, &single);
    }
    let mut content = Vec::with_capacity(ANSWER + singles.len());
    wire::nest(&mut content, wire::SEQUENCE, |out| {
        wire::nest(out, wire::constructed(2), |out| wire::value(out, wire::OCTET_STRING, &responder.key_hash));
        out.extend_from_slice(&produced);
        wire::value(out, wire::SEQUENCE, &singles);
        if let Some(nonce) = nonce {
            wire::nest(out, wire::constructed(1), |out| {
                wire::nest(out, wire::SEQUENCE, |out| {
                    wire::extension(out, &oids::ID_PKIX_OCSP_NONCE, |out| {
                        wire::value(out, wire::OCTET_STRING, nonce);
                    });
                });
            });
        }
    });
    let signature = responder.signer.sign(&content)?;
    Ok(enveloped(responder, &content, &signature))
}

fn enveloped(responder: &Responder, content: &[u8], signature: &[u8]) -> Vec<u8> {
    let certificate = responder.certificate.der();
    let mut out = Vec::with_capacity(ANSWER + content.len() + certificate.len());
    wire::nest(&mut out, wire::SEQUENCE, |out| {
        wire::value(out, wire::ENUMERATED, &[SUCCESSFUL]);
        wire::nest(out, wire::constructed(0), |out| {
            wire::nest(out, wire::SEQUENCE, |out| {
                wire::oid(out, &oids::ID_PKIX_OCSP_BASIC);
                wire::nest(out, wire::OCTET_STRING, |out| {
                    wire::nest(out, wire::SEQUENCE, |out| {
                        out.extend_from_slice(content);
                        wire::signature_algorithm(out, responder.signer.as_ref());
                        wire::bits(out, signature);
                        wire::nest(out, wire::constructed(0), |out| wire::value(out, wire::SEQUENCE, certificate));
                    });
                });
            });
        });
    });
    out
}

fn certificate_status(out: &mut Vec<u8>, status: OcspStatus) -> Result<(), Error> {
    match status {
        OcspStatus::Good => wire::value(out, wire::primitive(0), &[]),
        OcspStatus::Unknown => wire::value(out, wire::primitive(2), &[]),
        OcspStatus::Revoked { at, reason } => {
            let mut info = Vec::with_capacity(24);
            instant::generalized(&mut info, at)?;
            if let Some(reason) = crl::reason(reason)? {
                wire::nest(&mut info, wire::constructed(0), |out| wire::value(out, wire::ENUMERATED, &[reason]));
            }
            wire::value(out, wire::constructed(1), &info);
        }
    }
    Ok(())
}

/// Says that there is no answer. Such a message is not signed.
#[must_use]
pub fn ocsp_failure(failure: OcspFailure) -> Vec<u8> {
    let code = match failure {
        OcspFailure::MalformedRequest => 1,
        OcspFailure::InternalError => 2,
        OcspFailure::TryLater => 3,
        OcspFailure::Unauthorized => 6,
    };
    let mut out = Vec::with_capacity(5);
    wire::nest(&mut out, wire::SEQUENCE, |out| wire::value(out, wire::ENUMERATED, &[code]));
    out
}
