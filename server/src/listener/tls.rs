//! What TLS needs: which versions, which protocols, which certificate.

use pki::Identity;
use rustls::{
    ServerConfig,
    crypto::ring,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::sync::{Arc, PoisonError, RwLock};

/// The certificate in use. It can be replaced while connections go on.
#[derive(Debug)]
pub struct Certificates(RwLock<Arc<CertifiedKey>>);

impl Certificates {
    /// Begins with this identity.
    #[must_use]
    pub fn new(identity: &Identity) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Arc::clone(&identity.key))))
    }

    /// Uses another identity for handshakes from now on.
    pub fn replace(&self, identity: &Identity) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&identity.key);
    }

    /// The certificate in use, in DER.
    #[must_use]
    pub fn certificate(&self) -> Option<Vec<u8>> {
        let key = self.0.read().unwrap_or_else(PoisonError::into_inner);
        key.cert.first().map(|certificate| certificate.to_vec())
    }

    /// Gives this OCSP answer along with the certificate, as long as that is still the one in use.
    pub fn staple(&self, certificate: &[u8], answer: Option<Vec<u8>>) {
        let mut key = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if key.cert.first().is_some_and(|used| used.as_ref() == certificate) {
            *key = Arc::new(CertifiedKey { ocsp: answer, ..CertifiedKey::clone(&key) });
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// TLS 1.2 and 1.3 with HTTP/2 preferred, without client certificates.
///
/// # Errors
/// When the cryptography that is compiled in offers no cipher suite for these versions.
pub fn tls_config(certificates: &Arc<Certificates>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(certificates) as _;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
