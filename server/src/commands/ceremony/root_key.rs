//! A root that is about to sign: its certificate and its opened key.

use crate::{
    cli::RootKey,
    commands::{files, place},
    failure::Failure,
};
use domain::{custody::slug, time::Timestamp};
use pki::{Certificate, Issuer, Pkcs11Key, RevokedEntry, SerialNumber, Signer, Template, Urls};
use std::{path::PathBuf, sync::Arc};

/// A root whose key is open.
#[derive(Debug)]
pub struct RootSigner(Issuer);

pub(super) fn no_passphrase() -> Failure {
    let told = "the root's key is sealed with a passphrase; give it with --key-passphrase-file FILE, or in \
                MUSTER_KEY_PASSPHRASE";
    Failure::NotDone(told.to_owned())
}

impl RootSigner {
    /// Opens the root's key and sees that it is the certificate's.
    ///
    /// # Errors
    /// When a file is wrong or missing, or the passphrase is another one.
    pub fn open(options: &RootKey) -> Result<Self, Failure> {
        let named = |error: &dyn std::fmt::Display| Failure::NotDone(format!("{}: {error}", options.root.display()));
        let certificate = Certificate::from_pem(&files::read_text(&options.root)?).map_err(|error| named(&error))?;
        if certificate.verify_issued_by(&certificate).is_err() {
            return Err(named(&"this is no root's certificate: it is not signed by its own key"));
        }
        Ok(Self(Issuer::new(certificate, signer(options)?).map_err(|error| named(&error))?))
    }

    /// The root's certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        self.0.certificate()
    }

    /// Where what belongs to the root is published, as Muster does.
    pub(super) fn urls(&self, base: Option<&str>) -> Urls {
        let Some(base) = base.map(|base| base.trim_end_matches('/')) else { return Urls::default() };
        let name = slug(&self.certificate().common_name());
        Urls {
            ca_issuers: Some(format!("{base}/ca/{name}.cer")),
            // The root is offline, so nobody can answer for it.
            ocsp: None,
            crl: Some(format!("{base}/crl/{name}.crl")),
        }
    }

    pub(super) fn issue(&self, template: &Template) -> Result<Certificate, Failure> {
        Ok(pki::issue(template, &self.0)?)
    }

    pub(super) fn cross_sign(
        &self,
        other: &Certificate,
        from: Timestamp,
        until: Timestamp,
        urls: &Urls,
    ) -> Result<Certificate, Failure> {
        Ok(pki::cross_sign(other, SerialNumber::random()?, from, until, urls, &self.0)?)
    }

    pub fn crl(
        &self,
        number: u64,
        from: Timestamp,
        until: Timestamp,
        entries: &[RevokedEntry],
    ) -> Result<Vec<u8>, Failure> {
        Ok(pki::crl(&self.0, number, from, until, entries)?)
    }
}

fn signer(options: &RootKey) -> Result<Arc<dyn Signer>, Failure> {
    let file = match &options.key {
        Some(token) if token.starts_with("pkcs11:") => return Ok(Arc::new(Pkcs11Key::open(token)?)),
        Some(file) => PathBuf::from(file),
        None => options.root.with_extension("key"),
    };
    let sealed = files::read_text(&file)?;
    let passphrase = place::passphrase(&options.keys)?.ok_or_else(no_passphrase)?;
    let key =
        pki::unseal(&sealed, &passphrase).map_err(|error| Failure::NotDone(format!("{}: {error}", file.display())))?;
    Ok(Arc::new(key))
}
