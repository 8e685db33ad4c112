//! The console's own certificate: made at the first start, kept, renewed before it ends.
//!
//! It signs itself, so a browser asks once; whoever has a better one gives it by `--tls-cert` and `--tls-key`.

use crate::{Error, Facts, Identity, files, read_identity};
use domain::time::{DAY, HOUR, SECOND, Timestamp};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType,
};
use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
};
use time::OffsetDateTime;

/// How long it holds, in [`Timestamp`]'s unit: what browsers take at most is 398 days.
const VALIDITY: i64 = 397 * DAY;
/// How long before its end it is renewed.
const RENEW_BEFORE: i64 = 30 * DAY;
/// How far a client's clock may be behind ours on the first day.
const CLOCK_SKEW: i64 = HOUR;

/// A private key and the certificate for it, as PEM.
pub struct KeyAndCertificate {
    /// The certificate.
    pub cert_pem: String,
    /// The key, in PKCS#8. Keep it by [`crate::write_private`].
    pub key_pem: String,
}

/// Where the console's own certificate is kept.
#[derive(Clone, Debug)]
pub struct ConsoleFiles {
    /// Key and certificate in one file, so that a crash can't leave a key without its certificate.
    pub identity: PathBuf,
    /// The certificate alone, for clients that shall trust it.
    pub certificate: PathBuf,
}

impl ConsoleFiles {
    /// The files in the folder `tls` of a data folder.
    #[must_use]
    pub fn within(data: &Path) -> Self {
        let folder = data.join("tls");
        Self { identity: folder.join("console.pem"), certificate: folder.join("console.crt") }
    }
}

/// Makes a certificate, signed by its own key (ECDSA P-256), that holds for 397 days for `localhost`, the loopback
/// addresses and the names and addresses given.
///
/// # Errors
/// When a name can't stand in a certificate.
pub fn console_certificate(
    dns_names: &[String],
    addresses: &[IpAddr],
    now: Timestamp,
) -> Result<KeyAndCertificate, Error> {
    let (dns_names, addresses) = with_loopback(dns_names, addresses);
    let not_before = now.plus(-CLOCK_SKEW);
    let mut params = CertificateParams::default();
    params.not_before = calendar(not_before);
    params.not_after = calendar(not_before.plus(VALIDITY));
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Muster console");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    for name in dns_names {
        let written = name.as_str().try_into().map_err(|_| Error::Name(name.chars().take(80).collect()))?;
        params.subject_alt_names.push(SanType::DnsName(written));
    }
    params.subject_alt_names.extend(addresses.into_iter().map(SanType::IpAddress));
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(Error::Make)?;
    let certificate = params.self_signed(&key).map_err(Error::Make)?;
    Ok(KeyAndCertificate { cert_pem: certificate.pem(), key_pem: key.serialize_pem() })
}

/// Whether a kept certificate must be made anew: it ends within 30 days, has not begun, or lacks a name or address
/// by which the console is to be reached.
#[must_use]
pub fn needs_renewal(facts: &Facts, dns_names: &[String], addresses: &[IpAddr], now: Timestamp) -> bool {
    let (dns_names, addresses) = with_loopback(dns_names, addresses);
    facts.not_after <= now.plus(RENEW_BEFORE)
        || facts.not_before > now
        || dns_names.iter().any(|name| !facts.dns_names.contains(name))
        || addresses.iter().any(|address| !facts.addresses.contains(address))
}

/// The console's own identity: the kept one, or a new one where there is none or it needs renewal.
///
/// # Errors
/// When the files can't be read or written, or a name can't stand in a certificate.
pub fn console_identity(
    kept: &ConsoleFiles,
    dns_names: &[String],
    addresses: &[IpAddr],
    now: Timestamp,
) -> Result<Identity, Error> {
    let name = kept.identity.display().to_string();
    let read = |pem: &[u8]| read_identity((pem, &name), (pem, &name));
    match fs::read(&kept.identity) {
        Ok(pem) => match read(&pem) {
            Ok(identity) if !needs_renewal(&identity.facts, dns_names, addresses, now) => return Ok(identity),
            // An unreadable one is of no use to anybody; a new one costs a click in the browser.
            Ok(_) | Err(_) => {}
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::file(&kept.identity, "read")(error)),
    }
    let made = console_certificate(dns_names, addresses, now)?;
    let pem = format!("{}{}", made.key_pem, made.cert_pem);
    files::write_private(&kept.identity, pem.as_bytes())?;
    files::write_public(&kept.certificate, made.cert_pem.as_bytes())?;
    read(pem.as_bytes())
}

fn with_loopback(dns_names: &[String], addresses: &[IpAddr]) -> (Vec<String>, Vec<IpAddr>) {
    let mut names = vec!["localhost".to_owned()];
    let mut all = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    for name in dns_names.iter().map(|name| name.to_ascii_lowercase()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    for address in addresses.iter().filter(|address| !address.is_unspecified()) {
        if !all.contains(address) {
            all.push(*address);
        }
    }
    (names, all)
}

fn calendar(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at.0.div_euclid(SECOND)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't make a certificate should fail")]
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_000_000 * SECOND);

    fn names() -> (Vec<String>, Vec<IpAddr>) {
        (vec!["Fleet.example".into()], vec!["192.0.2.7".parse().unwrap(), "0.0.0.0".parse().unwrap()])
    }

    #[test]
    fn the_certificate_says_what_was_asked_and_fits_its_key() {
        let (names, addresses) = names();
        let made = console_certificate(&names, &addresses, NOW).unwrap();
        let identity = read_identity((made.cert_pem.as_bytes(), "c"), (made.key_pem.as_bytes(), "k")).unwrap();
        let facts = &identity.facts;
        assert_eq!(facts.dns_names, ["localhost", "fleet.example"]);
        assert_eq!(
            facts.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["127.0.0.1", "::1", "192.0.2.7"]
        );
        assert_eq!(facts.not_after.0 - facts.not_before.0, VALIDITY);
        assert!(!needs_renewal(facts, &names, &addresses, NOW));
        assert!(needs_renewal(facts, &names, &addresses, NOW.plus(370 * DAY)));
        assert!(needs_renewal(facts, &["other.example".into()], &[], NOW));
    }

    #[test]
    fn it_is_kept_and_renewed_only_when_needed() {
        let folder = tempfile::tempdir().unwrap();
        let kept = ConsoleFiles::within(folder.path());
        let at = |now| console_identity(&kept, &[], &[], now).unwrap().facts.fingerprint;
        let first = at(NOW);
        assert_eq!(first, at(NOW.plus(DAY)));
        let second = at(NOW.plus(380 * DAY));
        assert_ne!(first, second);
        fs::write(&kept.identity, "half a fi").unwrap();
        assert_ne!(second, at(NOW.plus(380 * DAY)));
        assert!(fs::read_to_string(&kept.certificate).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let one = console_certificate(&[], &[], NOW).unwrap();
        let two = console_certificate(&[], &[], NOW).unwrap();
        let told = |c: &str, k: &str| read_identity((c.as_bytes(), "a.crt"), (k.as_bytes(), "a.key")).unwrap_err();
        assert!(matches!(told(&one.cert_pem, &two.key_pem), Error::Pair(_)));
        assert!(told("", &one.key_pem).to_string().starts_with("a.crt holds no readable certificate"));
        assert!(told(&one.cert_pem, "").to_string().starts_with("a.key holds no readable private key"));
        assert!(matches!(console_certificate(&["bücher.example".into()], &[], NOW), Err(Error::Name(_))));
    }
}
