//! OCSP (RFC 6960, 5019, 9654): reading what is asked, and answering it.

mod id;
mod request;
mod response;

pub use id::{CertId, CertIdHash, IssuerHashes};
pub use request::{OcspProblem, OcspRequest, read_ocsp_request};
pub use response::{OcspFailure, OcspStatus, Responder, ocsp_failure, ocsp_response};
