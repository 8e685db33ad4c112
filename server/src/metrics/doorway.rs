//! What passes a listener: connections, handshakes, requests.

use super::requests::Requests;
use crate::listener::Door;
use fleet::observe::{counters, gauges};
use prometheus_client::{
    collector::Collector,
    encoding::DescriptorEncoder,
    metrics::{counter::Counter, gauge::Gauge},
};
use std::{fmt, sync::Arc};

/// Why a connection was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There are too many from its address.
    TooMany,
    /// It did not say what it wants in time.
    TooSlow,
    /// It spoke something else than was expected.
    NotTls,
    /// The handshake went wrong.
    Failed,
    /// No authority of ours signed the certificate that was shown.
    UnknownIssuer,
    /// The certificate has ended, or has not begun.
    OutOfTime,
    /// The certificate is cut off.
    CutOff,
    /// Nobody is let in: what is cut off was not read for too long.
    StaleTrust,
}

impl Refusal {
    const ALL: [Self; 8] = [
        Self::TooMany,
        Self::TooSlow,
        Self::NotTls,
        Self::Failed,
        Self::UnknownIssuer,
        Self::OutOfTime,
        Self::CutOff,
        Self::StaleTrust,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::TooMany => "too_many",
            Self::TooSlow => "too_slow",
            Self::NotTls => "not_tls",
            Self::Failed => "failed",
            Self::UnknownIssuer => "unknown_issuer",
            Self::OutOfTime => "out_of_time",
            Self::CutOff => "cut_off",
            Self::StaleTrust => "stale_trust",
        }
    }

    /// What a handshake failed by.
    #[must_use]
    pub fn of(error: &std::io::Error) -> Self {
        use rustls::{CertificateError as C, Error as E};
        let told = error.get_ref().and_then(|error| error.downcast_ref::<E>());
        match told {
            Some(E::InvalidCertificate(C::Revoked)) => Self::CutOff,
            Some(E::InvalidCertificate(C::ApplicationVerificationFailure)) => Self::StaleTrust,
            Some(E::InvalidCertificate(C::UnknownIssuer)) => Self::UnknownIssuer,
            Some(E::InvalidCertificate(
                C::Expired | C::ExpiredContext { .. } | C::NotValidYet | C::NotValidYetContext { .. },
            )) => Self::OutOfTime,
            _ => Self::Failed,
        }
    }
}

/// What is counted at one listener.
#[derive(Debug)]
pub struct Doorway {
    door: Door,
    requests: Requests,
    open: Gauge,
    accepted: Counter,
    refused: [Counter; Refusal::ALL.len()],
}

/// A connection that is open, until this is dropped.
#[derive(Debug)]
pub struct Inside(Arc<Doorway>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.open.dec();
    }
}

impl Doorway {
    /// One where nothing has passed yet.
    #[must_use]
    pub fn new(door: Door) -> Arc<Self> {
        let requests = Requests::new(door);
        let (open, accepted, refused) = (Gauge::default(), Counter::default(), Default::default());
        Arc::new(Self { door, requests, open, accepted, refused })
    }

    /// The requests.
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// A connection was opened.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> Inside {
        self.open.inc();
        Inside(Arc::clone(self))
    }

    /// How many are open.
    #[must_use]
    pub fn open(&self) -> i64 {
        self.open.get()
    }

    /// A handshake succeeded.
    pub fn accepted(&self) {
        self.accepted.inc();
    }

    /// A connection was not let in.
    pub fn refused(&self, why: Refusal) {
        self.refused[why as usize].inc();
    }
}

/// All of them, as they are exported.
#[derive(Debug)]
pub struct Doorways(pub Vec<Arc<Doorway>>);

impl Collector for Doorways {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let listener = |doorway: &Doorway| ("listener", doorway.door.as_str());
        let open = self.0.iter().map(|doorway| ([listener(doorway)], doorway.open.get() as f64));
        gauges(&mut encoder, ("muster_connections", "Connections that are open."), open)?;
        let with_tls = || self.0.iter().filter(|doorway| doorway.door.speaks_tls());
        let accepted = with_tls().map(|doorway| ([listener(doorway)], doorway.accepted.get()));
        counters(&mut encoder, ("muster_tls_handshakes", "TLS handshakes that succeeded."), accepted)?;
        let refused = self.0.iter().flat_map(|doorway| {
            let all = Refusal::ALL.iter().zip(&doorway.refused);
            all.map(move |(why, counter)| ([listener(doorway), ("reason", why.as_str())], counter.get()))
        });
        let told = "Connections that were not let in, by why.";
        counters(&mut encoder, ("muster_connections_refused", told), refused)?;
        super::requests::encode(self.0.iter().map(|doorway| &doorway.requests), &mut encoder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_stand_where_they_are_looked_for() {
        for (n, why) in Refusal::ALL.iter().enumerate() {
            assert_eq!(*why as usize, n, "{why:?}");
        }
    }

    #[test]
    fn what_a_handshake_failed_by_is_told_apart() {
        let failed = |error: rustls::CertificateError| {
            Refusal::of(&std::io::Error::other(rustls::Error::InvalidCertificate(error)))
        };
        assert_eq!(failed(rustls::CertificateError::Revoked), Refusal::CutOff);
        assert_eq!(failed(rustls::CertificateError::UnknownIssuer), Refusal::UnknownIssuer);
        assert_eq!(failed(rustls::CertificateError::Expired), Refusal::OutOfTime);
        assert_eq!(failed(rustls::CertificateError::BadSignature), Refusal::Failed);
        assert_eq!(Refusal::of(&std::io::ErrorKind::UnexpectedEof.into()), Refusal::Failed);
    }
}
