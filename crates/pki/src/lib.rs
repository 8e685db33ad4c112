//! Keys, certificates, and what is said about them: requests, revocation lists, OCSP answers. Bytes in, bytes out: no
//! database, no HTTP, and no clock of its own.

mod certificate;
mod cms;
mod console;
mod crl;
mod error;
mod extension;
mod files;
mod identity;
mod instant;
mod issue;
mod key;
mod mac;
mod name;
mod ocsp;
mod oids;
mod pem;
mod pkcs11;
mod profile;
mod request;
mod seal;
mod serial;
mod verify;
mod webhook;
mod wire;

pub use certificate::{Certificate, chain_pem};
pub use cms::{CmsRefused, CmsSigner, CmsTrust, ContentHasher, ContentHashes, SignedData, certs_only};
pub use console::{ConsoleFiles, KeyAndCertificate, console_certificate, console_identity, needs_renewal};
pub use crl::{CrlFacts, RevokedEntry, crl, crl_pem, read_crl, verify_crl};
pub use error::Error;
pub use extension::Extension;
pub use files::{make_folder, write_private, write_public};
pub use identity::{Facts, Identity, read_identity};
pub use issue::{Issuer, Template, Urls, cross_sign, issue, self_sign};
pub use key::{KeyAlgorithm, Signer, SoftwareKey};
pub use mac::Deriver;
pub use name::Name;
pub use ocsp::{
    CertId, CertIdHash, IssuerHashes, OcspFailure, OcspProblem, OcspRequest, OcspStatus, Responder, ocsp_failure,
    ocsp_response, read_ocsp_request,
};
pub use pkcs11::Pkcs11Key;
pub use profile::Profile;
pub use request::{Request, RequestError, certificate_request, read_request, request_from_text, request_pem};
pub use seal::{Passphrase, seal, unseal};
pub use serial::SerialNumber;
pub use webhook::WebhookSecret;
