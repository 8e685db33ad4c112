//! `muster ceremony`: what happens around the root's key, on a machine that nothing reaches. Files in, files out; here is
//! no database and no network, and nothing else in the program can open a root's key.

mod root_key;
mod show;

pub use root_key::RootSigner;
pub use show::{der_of, show};

use super::{files, place, serve::say};
use crate::{
    cli::{Ceremony, Crl, CrossSign, Curve, Root, Sign, SignKind},
    failure::{Failure, Outcome},
};
use domain::{
    certificate::RevocationReason,
    custody::slug,
    time::{DAY, MINUTE, Timestamp},
};
use pki::{
    Certificate, KeyAlgorithm, Name, Pkcs11Key, Profile, RevokedEntry, SerialNumber, Signer, SoftwareKey, Template,
    Urls,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use zeroize::Zeroizing;

/// How much earlier than now certificates begin: clocks of verifiers differ.
const BACKDATED: i64 = 5 * MINUTE;

/// Does one step of a ceremony.
///
/// # Errors
/// With a sentence for people.
pub fn run(step: Ceremony) -> Outcome {
    let now = fleet::system_time();
    match step {
        Ceremony::Root(step) => {
            let made = root(&step, now)?;
            tell(&made.certificate)?;
            say(&format!("  certificate  {} (goes to Muster: muster authority bring-root)", made.file.display()))?;
            if let Some(key) = &made.key_file {
                say(&format!("  sealed key   {} (stays here)", key.display()))?;
            }
            Ok(())
        }
        Ceremony::Sign(step) => {
            files::refuse_existing(&[&step.out])?;
            let certificate = sign_with(&RootSigner::open(&step.root)?, &step, now)?;
            tell(&certificate)?;
            Ok(say(&format!("  written to   {} (goes to Muster: muster authority deliver)", step.out.display()))?)
        }
        Ceremony::CrossSign(step) => cross_sign(&step, now),
        Ceremony::Crl(step) => crl(&step, now),
        Ceremony::Show(step) => show(&step.files),
    }
}

/// A root that was made.
#[derive(Debug)]
pub struct MadeRoot {
    /// Its certificate.
    pub certificate: Certificate,
    /// The file with it.
    pub file: PathBuf,
    /// The file with its sealed key, unless that is in a token.
    pub key_file: Option<PathBuf>,
}

/// Makes a root.
///
/// # Errors
/// When a file is there already, the passphrase is missing, or something can't be written.
pub fn root(step: &Root, now: Timestamp) -> Result<MadeRoot, Failure> {
    let name = slug(&step.name);
    if name.is_empty() {
        return Err(Failure::NotDone("give the root a name with letters or digits".to_owned()));
    }
    let (certificate_file, key_file) =
        (step.folder.join(format!("{name}.pem")), step.folder.join(format!("{name}.key")));
    files::refuse_existing(&[&certificate_file, &key_file])?;
    let (signer, sealed) = root_key_of(step)?;
    let template = Template {
        subject: Name { organisation: step.organisation.clone(), ..Name::common(step.name.as_str()) },
        ..template(Profile::Root, signer.public_key(), now, step.days)?
    };
    let certificate = pki::self_sign(&template, signer.as_ref())?;
    pki::make_folder(&step.folder)?;
    // The key first: a certificate without its key would be one that nobody can use.
    let key_file = match sealed {
        Some(sealed) => {
            files::write_new(&key_file, sealed.as_bytes(), true)?;
            Some(key_file)
        }
        None => None,
    };
    files::write_new(&certificate_file, certificate.pem().as_bytes(), false)?;
    Ok(MadeRoot { certificate, file: certificate_file, key_file })
}

/// A root's key, and its sealed form unless it is in a token.
type RootKeyAndSeal = (Arc<dyn Signer>, Option<Zeroizing<String>>);

fn root_key_of(step: &Root) -> Result<RootKeyAndSeal, Failure> {
    if let Some(address) = &step.key {
        return Ok((Arc::new(Pkcs11Key::open(address)?), None));
    }
    let passphrase = place::passphrase(&step.keys)?.ok_or_else(root_key::no_passphrase)?;
    let algorithm = match step.curve {
        Curve::P256 => KeyAlgorithm::EcdsaP256,
        Curve::P384 => KeyAlgorithm::EcdsaP384,
    };
    let key = SoftwareKey::generate(algorithm)?;
    let sealed = Zeroizing::new(pki::seal(&key, &passphrase)?);
    Ok((Arc::new(key), Some(sealed)))
}

/// A template without names, constraints and addresses.
fn template(profile: Profile, public_key: &[u8], now: Timestamp, days: i64) -> Result<Template, Failure> {
    Ok(Template {
        serial: SerialNumber::random()?,
        subject: Name::default(),
        public_key: public_key.to_vec(),
        profile,
        not_before: now.plus(-BACKDATED),
        not_after: now.plus(days * DAY),
        dns_names: Vec::new(),
        ip_addresses: Vec::new(),
        permitted_dns: Vec::new(),
        urls: Urls::default(),
    })
}

/// Signs a request. Of it only the key is taken, after its proof, and the name where none is given.
///
/// # Errors
/// When a file is wrong or missing, or the root may not sign this.
pub fn sign_with(root: &RootSigner, step: &Sign, now: Timestamp) -> Result<Certificate, Failure> {
    let named = |error: &dyn std::fmt::Display| Failure::NotDone(format!("{}: {error}", step.request.display()));
    let request = pki::request_from_text(files::read(&step.request)?).map_err(|error| named(&error))?;
    let name = step.name.clone().or_else(|| request.common_name.clone());
    let name = name.ok_or_else(|| named(&"the request holds no name; give one with --name"))?;
    let (profile, days, permitted_dns) = match step.kind {
        SignKind::Factory => (Profile::FactoryCa, 5_475, vec![step.domain.clone()]),
        SignKind::Operations => (Profile::OperationsCa, 3_650, Vec::new()),
    };
    let above = root.certificate();
    let wanted = template(profile, &request.public_key, now, step.days.unwrap_or(days))?;
    let certificate = root.issue(&Template {
        subject: Name::common(name),
        not_before: wanted.not_before.max(above.not_before()),
        not_after: wanted.not_after.min(above.not_after()),
        permitted_dns,
        urls: root.urls(step.pki_url.as_deref()),
        ..wanted
    })?;
    files::write_new(&step.out, certificate.pem().as_bytes(), false)?;
    Ok(certificate)
}

fn cross_sign(step: &CrossSign, now: Timestamp) -> Outcome {
    files::refuse_existing(&[&step.out])?;
    let other = files::read_text(&step.certificate)?;
    let other = Certificate::from_pem(&other)
        .map_err(|error| Failure::NotDone(format!("{}: {error}", step.certificate.display())))?;
    if other.verify_issued_by(&other).is_err() {
        let told = "is no root's certificate: it is not signed by its own key";
        return Err(Failure::NotDone(format!("{} {told}", step.certificate.display())));
    }
    let root = RootSigner::open(&step.root)?;
    let both = root.certificate().not_after().min(other.not_after());
    let until = step.days.map_or(both, |days| now.plus(days * DAY).min(both));
    let begin = now.plus(-BACKDATED).max(root.certificate().not_before());
    let link = root.cross_sign(&other, begin, until, &root.urls(step.pki_url.as_deref()))?;
    files::write_new(&step.out, link.pem().as_bytes(), false)?;
    tell(&link)?;
    Ok(say(&format!("  written to   {} (goes to Muster: muster authority link)", step.out.display()))?)
}

fn crl(step: &Crl, now: Timestamp) -> Outcome {
    files::refuse_existing(&[&step.out])?;
    let root = RootSigner::open(&step.root)?;
    let previous = step.previous.as_deref().map(|file| previous_crl(file, &root)).transpose()?;
    let (mut entries, last) = previous.unwrap_or_default();
    for serial in &step.release {
        let serial = SerialNumber::from_hex(serial)?;
        let on_hold = entries.iter().position(|entry| entry.serial == serial && entry.reason == HOLD);
        let at = on_hold.ok_or_else(|| {
            Failure::NotDone(format!("{} is not on hold on the CRL before (--previous)", serial.hex()))
        })?;
        entries.remove(at);
    }
    for wanted in &step.revoke {
        let entry = entry(wanted, now)?;
        // What was on hold may be revoked for good.
        entries.retain(|known| known.serial != entry.serial || known.reason != HOLD);
        if entries.iter().all(|known| known.serial != entry.serial) {
            entries.push(entry);
        }
    }
    let number = crl_number(now, Some(last));
    let list = root.crl(number, now, now.plus(step.days * DAY), &entries)?;
    files::write_new(&step.out, pki::crl_pem(&list).as_bytes(), false)?;
    say(&format!("CRL number {number} of {} lists {}.", root.certificate().subject(), counted(entries.len())))?;
    Ok(say(&format!(
        "  written to   {} (PEM; goes to Muster: muster authority crl, or paste it on the root's page)",
        step.out.display()
    ))?)
}

/// The number of a root's next CRL. Numbers never go back, also for whoever forgets the list before.
pub fn crl_number(now: Timestamp, last: Option<u64>) -> u64 {
    u64::try_from(now.0 / 1_000).unwrap_or_default().max(last.map_or(0, |last| last.saturating_add(1)))
}

/// What certificateHold is called in lists.
const HOLD: u8 = 6;

fn counted(n: usize) -> String {
    if n == 1 { "one certificate".to_owned() } else { format!("{n} certificates") }
}

fn previous_crl(file: &Path, root: &RootSigner) -> Result<(Vec<RevokedEntry>, u64), Failure> {
    let der = der_of(&files::read(file)?, "X509 CRL");
    let facts = pki::verify_crl(&der, root.certificate())
        .map_err(|error| Failure::NotDone(format!("{}: {error}", file.display())))?;
    Ok((facts.entries, facts.number))
}

fn entry(wanted: &str, now: Timestamp) -> Result<RevokedEntry, Failure> {
    let (serial, reason) = wanted.rsplit_once(':').unwrap_or((wanted, ""));
    // Other programs write serial numbers with colons between the bytes.
    let (serial, reason) = match reason.parse::<RevocationReason>() {
        Ok(reason) => (serial, reason),
        Err(_) if reason.len() <= 2 => (wanted, RevocationReason::Unspecified),
        Err(_) => {
            let known: Vec<&str> = RevocationReason::ALL.iter().map(|reason| reason.as_str()).collect();
            return Err(Failure::NotDone(format!("“{reason}” is no reason; there are: {}", known.join(", "))));
        }
    };
    Ok(RevokedEntry { serial: SerialNumber::from_hex(serial)?, at: now, reason: reason.code() })
}

/// What was made, to be compared and written into the ceremony's protocol.
fn tell(certificate: &Certificate) -> std::io::Result<()> {
    say(&format!("Signed {}.", certificate.subject()))?;
    say(&format!("  by           {}", certificate.issuer()))?;
    say(&format!("  until        {}", certificate.not_after().rfc3339()))?;
    say(&format!("  key          {}, SHA-256 {}", certificate.key_words(), certificate.public_key_sha256()))?;
    say(&format!("  fingerprint  {}", certificate.fingerprint()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn what_is_typed_to_revoke_is_a_serial_and_perhaps_a_reason() {
        let read = |text: &str| entry(text, Timestamp(0)).map(|entry| (entry.serial.hex(), entry.reason));
        assert_eq!(read("0a1b").unwrap(), ("0a1b".to_owned(), 0));
        assert_eq!(read("0A:1B").unwrap(), ("0a1b".to_owned(), 0));
        assert_eq!(read("0a1b:ca_compromise").unwrap(), ("0a1b".to_owned(), 2));
        assert_eq!(read("0A:1B:certificate_hold").unwrap(), ("0a1b".to_owned(), HOLD));
        assert!(read("0a1b:because").err().unwrap().to_string().contains("key_compromise"));
        assert!(read("xyz").is_err());
    }
}
