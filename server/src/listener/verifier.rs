//! Who is let in at the gateway: whoever shows a certificate that one of our issuing authorities signed and that nothing
//! cuts off for good. A device that is on hold comes in, to do what its repair needs and no more. The authorities are the
//! anchors, not the root, and what is cut off is asked from memory, never from a CRL.

use domain::{authority::AuthorityKind, id::AuthorityId, time::Timestamp};
use fleet::{
    Fleet,
    trust::{AuthorityTrust, Trust, Verdict},
};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use std::{
    cell::RefCell,
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// A certificate by what we know it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The authority that signed it.
    pub authority: AuthorityId,
    /// That authority's subject key identifier, in hexadecimal.
    pub key_id: String,
    /// Its serial, in hexadecimal.
    pub serial: String,
    /// Its fingerprint: SHA-256 of its DER, in hexadecimal.
    pub fingerprint: String,
    /// When it ends.
    pub not_after: Timestamp,
}

impl Named {
    /// How it stands now.
    pub fn verdict(&self, trust: &Trust) -> Verdict {
        match trust.admits(&self.key_id, &self.serial) {
            // A device can be repaired; a station has nothing to do here until it is released.
            Verdict::Held if !self.is_of_device(trust) => Verdict::Revoked,
            verdict => verdict,
        }
    }

    /// Whether whoever shows it is let in, be it for a repair alone.
    pub fn is_let_in(&self, trust: &Trust) -> bool {
        matches!(self.verdict(trust), Verdict::Good | Verdict::Held)
    }

    fn is_of_device(&self, trust: &Trust) -> bool {
        trust.authority(self.authority).is_some_and(|authority| authority.kind() == AuthorityKind::Batch)
    }
}

tokio::task_local! {
    /// What the verifier has to tell whoever waits for the handshake: the certificate that it refused although it is real,
    /// and shown by whoever has its key.
    pub static REFUSED: RefCell<Option<Named>>;
}

/// The verifier.
pub struct DeviceVerifier {
    fleet: Fleet,
    provider: Arc<CryptoProvider>,
    /// One for each authority that was met, with the certificate that it is made from.
    anchored: Mutex<HashMap<AuthorityId, Anchored>>,
}

/// A verifier whose only anchor is this certificate.
#[derive(Clone)]
struct Anchored {
    certificate: Arc<[u8]>,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl DeviceVerifier {
    /// One that asks this fleet.
    pub fn new(fleet: Fleet, provider: Arc<CryptoProvider>) -> Self {
        Self { fleet, provider, anchored: Mutex::default() }
    }

    /// What verifies the certificates that this authority signed: it alone is the anchor, whatever stands above it.
    fn anchored(&self, issuer: &AuthorityTrust) -> Result<Arc<dyn ClientCertVerifier>, Error> {
        let der = issuer.certificate().der();
        let mut anchored = self.anchored.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = anchored.get(&issuer.id())
            && *there.certificate == *der
        {
            return Ok(Arc::clone(&there.verifier));
        }
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(der.to_vec()))?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider)).build();
        let verifier = verifier.map_err(|error| Error::General(error.to_string()))?;
        let made = Anchored { certificate: der.into(), verifier: Arc::clone(&verifier) };
        anchored.insert(issuer.id(), made);
        Ok(verifier)
    }

    /// Refuses a verified certificate, whose key was shown, if it is cut off for good.
    fn refuse_cut_off(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        // Nothing is wrong with the certificate; nobody knows.
        if self.fleet.is_trust_stale() {
            return Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure));
        }
        let trust = self.fleet.trust();
        let Some(named) = named(&trust, certificate) else {
            return Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
        };
        if named.is_let_in(&trust) {
            return Ok(());
        }
        // Outside of a handshake at the gateway nobody waits to be told.
        let _ = REFUSED.try_with(|refused| refused.replace(Some(named)));
        Err(Error::InvalidCertificate(CertificateError::Revoked))
    }
}

/// What a certificate is called, by whom it says it is signed by. That is true only once its signature was checked.
pub fn named(trust: &Trust, certificate: &CertificateDer<'_>) -> Option<Named> {
    let certificate = pki::Certificate::from_der(certificate).ok()?;
    let key_id = certificate.authority_key_id()?;
    let authority = trust.by_key(&key_id)?.id();
    Some(Named {
        authority,
        key_id,
        serial: certificate.serial_hex(),
        fingerprint: certificate.fingerprint(),
        not_after: certificate.not_after(),
    })
}

impl ClientCertVerifier for DeviceVerifier {
    /// None, so that no client looks for one of its certificates in a list that changes with every batch.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    /// Small devices have a token instead.
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let trust = self.fleet.trust();
        let nobody = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let Some(named) = named(&trust, end_entity) else { return Err(nobody) };
        let issuer = trust.authority(named.authority).filter(|issuer| issuer.kind().issues());
        let Some(issuer) = issuer.filter(|issuer| issuer.not_after() > self.fleet.now()) else { return Err(nobody) };
        let verified = self.anchored(issuer)?.verify_client_cert(end_entity, intermediates, now)?;
        match trust.admits(&named.key_id, &named.serial) {
            Verdict::UnknownAuthority => Err(nobody),
            // What is cut off is refused when its key has been shown: certificates are public, and whoever merely has a
            // copy of one must not make us note that its device came back.
            Verdict::Good | Verdict::Held | Verdict::Revoked => Ok(verified),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let valid = verify_tls12_signature(message, certificate, signed, algorithms)?;
        self.refuse_cut_off(certificate).map(|()| valid)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let valid = verify_tls13_signature(message, certificate, signed, algorithms)?;
        self.refuse_cut_off(certificate).map(|()| valid)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl fmt::Debug for DeviceVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceVerifier").finish_non_exhaustive()
    }
}
