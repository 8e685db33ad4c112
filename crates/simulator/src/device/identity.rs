//! Who a virtual device is: its key and certificate, for TLS. And how a factory station gets it one (RFC 7030).

use super::{
    line::LineError,
    wire::{Wire, body_of},
};
use bytes::Bytes;
use cms::{cert::CertificateChoices, content_info::ContentInfo, signed_data::SignedData};
use der::{Decode, Encode};
use http::{Method, header};
use pki::{Certificate, KeyAlgorithm, Name, SoftwareKey};
use rustls::{
    ClientConfig, RootCertStore,
    client::Resumption,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{io, sync::Arc};

/// A key with its certificates, and whom its holder trusts.
#[derive(Clone, Debug)]
pub struct Identity {
    pub(super) tls: Arc<ClientConfig>,
}

impl Identity {
    /// Of a certificate with what stands above it, its key, and the roots that the gateway is known by; all PEM.
    ///
    /// # Errors
    /// When one of them can't be read, or they don't belong together.
    pub fn new(certificate_pem: &str, key_pem: &str, roots_pem: &str) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(roots_pem.as_bytes()) {
            roots.add(root.map_err(io::Error::other)?).map_err(io::Error::other)?;
        }
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate_pem.as_bytes()).collect();
        let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(io::Error::other)?;
        let mut tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain.map_err(io::Error::other)?, key)
            .map_err(io::Error::other)?;
        // The gateway resumes nothing, and room for it is 20 KB for each device.
        tls.resumption = Resumption::disabled();
        Ok(Self { tls: Arc::new(tls) })
    }
}

/// Makes a key and has a certificate issued for a device of a batch, as a station does that is at the other end of this wire. The
/// certificate and the key, PEM.
///
/// # Errors
/// When the line breaks, or the station is refused.
pub async fn enrol(station: &Wire, batch: &str, serial: &str) -> Result<(String, String), LineError> {
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).map_err(io::Error::other)?;
    let request = pki::certificate_request(&Name::common(serial), &key).map_err(io::Error::other)?;
    let body = Bytes::from(pki::request_pem(&request));
    let path = format!("/.well-known/est/{batch}/simpleenroll");
    let headers = [(header::CONTENT_TYPE, "application/pkcs10".to_owned())];
    let answer = body_of(station.send(Method::POST, &path, &headers, body).await?).await?;
    let certificate = certificate_of(&answer).ok_or(LineError::Odd("certificate"))?;
    let key = key.pkcs8_pem().map_err(io::Error::other)?;
    Ok((certificate.pem(), key.to_string()))
}

/// The first certificate of an answer of EST: certs-only CMS in base64.
fn certificate_of(answer: &[u8]) -> Option<Certificate> {
    let text: String = String::from_utf8_lossy(answer).split_whitespace().collect();
    let pem = format!("-----BEGIN CMS-----\n{}\n-----END CMS-----\n", lines(&text));
    let (_, der) = der::pem::decode_vec(pem.as_bytes()).ok()?;
    let content = ContentInfo::from_der(&der).ok()?;
    let signed: SignedData = content.content.decode_as().ok()?;
    let first = signed.certificates?.0.into_vec().into_iter().next()?;
    match first {
        CertificateChoices::Certificate(certificate) => Certificate::from_der(&certificate.to_der().ok()?).ok(),
        CertificateChoices::Other(_) => None,
    }
}

/// Lines of 64 characters, as PEM has them. Base64 is ASCII.
fn lines(text: &str) -> String {
    let lines: Vec<String> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    lines.join("\n")
}
