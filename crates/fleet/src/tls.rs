//! TLS towards servers that we ask: rustls on ring, the public authorities, and those that the operator names.

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::sync::Arc;

/// What a client trusts: the public authorities, and those of a file (PEM).
///
/// # Errors
/// Says what is wrong with the authorities' file.
pub(crate) fn client_config(authorities: Option<&[u8]>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(pem) = authorities {
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| format!("the authorities' file is no PEM ({error})"))?;
            roots.add(certificate).map_err(|error| format!("the authorities' file has a bad certificate ({error})"))?;
            count += 1;
        }
        if count == 0 {
            return Err("the authorities' file holds no certificate".to_owned());
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
