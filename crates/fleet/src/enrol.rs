//! Enrolment: how devices, stations and our own servers get certificates.
//!
//! A certificate is signed in memory, entered with everything that follows from it in one transaction, and only then
//! given away. So there is none that the database doesn't know, wherever the process dies.

mod admit;
mod backdated;
mod birth;
mod code_signing;
mod copied;
mod key;
mod kit;
mod line;
mod many;
mod one;
mod peer;
mod reconcile;
mod renew;
mod server;
mod station;
mod voucher;

pub use backdated::Backdated;
pub use code_signing::CodeSigningForm;
pub(crate) use copied::{Comer, CopiedKey, note_copied_key};
pub use kit::{Kit, KitFile};
pub(crate) use line::domain_within;
pub use many::{EnrolItem, EnrolOutcome};
pub use peer::Peer;
pub(crate) use peer::forged;
pub use reconcile::Reconciled;
pub(crate) use reconcile::{Awaiting, beyond_quota};
pub use station::{NewStation, StationForm, StationRow};

use pki::Certificate;

/// A certificate that was issued, with what stands above it, below the root, nearest first.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// The certificate.
    pub certificate: Certificate,
    /// Its issuer, that one's issuer, and so on, without the root.
    pub chain: Vec<Certificate>,
}

impl Enrolled {
    /// The certificate and its chain as PEM, in the order in which a peer shows them.
    #[must_use]
    pub fn pem(&self) -> String {
        let mut all = vec![self.certificate.clone()];
        all.extend(self.chain.iter().cloned());
        pki::chain_pem(&all)
    }
}
