//! CMS (RFC 5652): certificates alone, as EST and `.p7c` files want them, and the signatures on updates.

mod ber;
mod hashed;
mod refused;
mod signed;
mod trust;

pub use hashed::{ContentHasher, ContentHashes};
pub use refused::CmsRefused;
pub use signed::SignedData;
pub use trust::{CmsSigner, CmsTrust};

use crate::{Certificate, Error, wire};
use const_oid::db::rfc5911::{ID_DATA, ID_SIGNED_DATA};

const SET: u8 = 0x31;
const VERSION: u8 = 1;

/// A SignedData without content and signers that carries certificates (RFC 5652, 5.1; “certs-only” in RFC 8551).
///
/// # Errors
/// When there are no certificates.
pub fn certs_only(certificates: &[Certificate]) -> Result<Vec<u8>, Error> {
    if certificates.is_empty() {
        return Err(Error::NoPem { what: "certificate", label: "CERTIFICATE" });
    }
    // A SET OF is in the order of its encodings.
    let mut sorted: Vec<&[u8]> = certificates.iter().map(Certificate::der).collect();
    sorted.sort_unstable();
    sorted.dedup();
    let mut out = Vec::with_capacity(sorted.iter().map(|der| der.len()).sum::<usize>() + 128);
    wire::nest(&mut out, wire::SEQUENCE, |out| {
        wire::oid(out, &ID_SIGNED_DATA);
        wire::nest(out, wire::constructed(0), |out| {
            wire::nest(out, wire::SEQUENCE, |out| {
                wire::unsigned(out, &[VERSION]);
                wire::value(out, SET, &[]);
                wire::nest(out, wire::SEQUENCE, |out| wire::oid(out, &ID_DATA));
                wire::value(out, wire::constructed(0), &sorted.concat());
                wire::value(out, SET, &[]);
            });
        });
    });
    Ok(out)
}
