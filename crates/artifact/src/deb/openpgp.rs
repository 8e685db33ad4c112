//! The OpenPGP side of a set (RFC 9580): is a clear-signed text signed by a key of the keyring that devices are to trust? Asked as
//! GnuPG asks for apt: keys that are bound to their certificate, for signing, neither revoked nor ended; hashes of SHA-2 alone.

use super::DebRefused;
use domain::time::{SECOND, Timestamp};
use pgp::{
    composed::{CleartextSignedMessage, Deserializable, SignedPublicKey, SignedPublicSubKey},
    crypto::hash::HashAlgorithm,
    packet::{PublicKey, PublicSubkey, Signature, SignatureType},
    types::{Duration, KeyDetails, Tag},
};

const CERTIFICATES: usize = 16;
const SIGNATURES: usize = 8;
const BEGINNING: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END: &str = "-----END PGP SIGNATURE-----";

/// The certificates whose keys count.
pub(super) struct Keyring {
    certificates: Vec<SignedPublicKey>,
}

/// A key that may sign.
enum Key<'k> {
    Primary(&'k PublicKey),
    Sub(&'k PublicSubkey),
}

impl Keyring {
    /// Reads a keyring in binary.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, DebRefused> {
        if bytes.starts_with(b"-----BEGIN") {
            return Err(DebRefused::Armoured);
        }
        let found = SignedPublicKey::from_bytes_many(bytes).map_err(|_| DebRefused::Keyring)?;
        let certificates = found.take(CERTIFICATES).collect::<Result<Vec<_>, _>>().map_err(|_| DebRefused::Keyring)?;
        if certificates.is_empty() { Err(DebRefused::Keyring) } else { Ok(Self { certificates }) }
    }

    /// The text of a clear-signed document, once a signature of it holds.
    pub(super) fn opened(&self, path: &str, document: &[u8], at: Timestamp) -> Result<String, DebRefused> {
        let not_signed = |why| DebRefused::NotSigned { path: path.to_owned(), why };
        let text = std::str::from_utf8(document).map_err(|_| not_signed("it is not UTF-8"))?;
        is_one_message(text).map_err(not_signed)?;
        let (message, _) =
            CleartextSignedMessage::from_string(text).map_err(|_| not_signed("its structure is another"))?;
        let signed = message.signed_text();
        let mut why = "it has no signature";
        for signature in message.signatures().iter().take(SIGNATURES) {
            match self.holds(signature, signed.as_bytes(), at) {
                Ok(()) => return Ok(signed.replace("\r\n", "\n")),
                Err(other) => why = other,
            }
        }
        Err(DebRefused::Signature { path: path.to_owned(), why })
    }

    fn holds(&self, signature: &Signature, signed: &[u8], at: Timestamp) -> Result<(), &'static str> {
        if !matches!(signature.typ(), Some(SignatureType::Text | SignatureType::Binary)) {
            return Err("its signature is of another type");
        }
        let strong = [HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512];
        if !signature.hash_alg().is_some_and(|hash| strong.contains(&hash)) {
            return Err("its signature uses a hash that apt does not take; use SHA-256, SHA-384 or SHA-512");
        }
        let made = signature.created().map(|time| micros(time.as_secs())).ok_or("its signature says no time")?;
        if made > at {
            return Err("its signature was made in the future");
        }
        let lasts = signature.signature_expiration_time().map_or(0, Duration::as_secs);
        if ends(made, lasts, at) {
            return Err("its signature has ended");
        }
        let mut why = "nobody of the keyring made its signature, or it was altered since";
        for certificate in &self.certificates {
            for key in signing(certificate, at) {
                let checked = match key {
                    Ok(Key::Primary(key)) => signature.verify(key, signed),
                    Ok(Key::Sub(key)) => signature.verify(key, signed),
                    Err(other) => {
                        why = other;
                        continue;
                    }
                };
                if checked.is_ok() {
                    return Ok(());
                }
            }
        }
        Err(why)
    }
}

/// apt takes a file that is one clear-signed text and nothing else, before it and behind it.
fn is_one_message(text: &str) -> Result<(), &'static str> {
    let mut lines = text.lines();
    if lines.next() != Some(BEGINNING) {
        return Err("it does not begin as one does");
    }
    let count = |line: &str| text.lines().filter(|other| *other == line).count();
    if (count(BEGINNING), count(SIGNATURE), count(END)) != (1, 1, 1) {
        return Err("it is not one message with one block of signatures");
    }
    let behind = lines.skip_while(|line| *line != END).skip(1);
    if behind.into_iter().any(|line| !line.is_empty()) {
        return Err("something stands behind its end");
    }
    Ok(())
}

const fn micros(seconds: u32) -> Timestamp {
    Timestamp(seconds as i64 * SECOND)
}

/// Whether what was made then and lasts so many seconds (0 for ever) is over.
fn ends(made: Timestamp, lasts: u32, at: Timestamp) -> bool {
    lasts > 0 && micros(lasts).0.saturating_add(made.0) <= at.0
}

/// The keys of a certificate that may sign, or why not.
fn signing(certificate: &SignedPublicKey, at: Timestamp) -> Vec<Result<Key<'_>, &'static str>> {
    let primary = &certificate.primary_key;
    let details = &certificate.details;
    if details.revocation_signatures.iter().any(|signature| signature.verify_key(primary).is_ok()) {
        return vec![Err("its key was revoked")];
    }
    let by_users = details.users.iter().flat_map(|user| {
        let own = |signature: &&Signature| signature.verify_certification(primary, Tag::UserId, &user.id).is_ok();
        user.signatures.iter().filter(|signature| signature.typ() != Some(SignatureType::CertRevocation)).filter(own)
    });
    let direct = details.direct_signatures.iter().filter(|signature| signature.verify_key(primary).is_ok());
    let Some(newest) = by_users.chain(direct).max_by_key(|signature| signature.created()) else {
        return vec![Err("its key is not bound to its certificate")];
    };
    if has_ended(primary, newest, at) {
        return vec![Err("its key has ended")];
    }
    let mut keys = Vec::new();
    if newest.key_flags().sign() {
        keys.push(Ok(Key::Primary(primary)));
    }
    keys.extend(certificate.public_subkeys.iter().filter_map(|sub| subkey(primary, sub, at)));
    if keys.is_empty() { vec![Err("its key is not for signing")] } else { keys }
}

/// A subkey, if it is one for signing at all.
fn subkey<'k>(
    primary: &PublicKey,
    sub: &'k SignedPublicSubKey,
    at: Timestamp,
) -> Option<Result<Key<'k>, &'static str>> {
    let holds = |signature: &&Signature| signature.verify_subkey_binding(primary, &sub.key).is_ok();
    let is_revocation = |signature: &&Signature| signature.typ() == Some(SignatureType::SubkeyRevocation);
    if sub.signatures.iter().filter(is_revocation).any(|signature| holds(&signature)) {
        return Some(Err("its subkey was revoked"));
    }
    let bindings = sub.signatures.iter().filter(|signature| !is_revocation(signature)).filter(holds);
    let newest = bindings.max_by_key(|signature| signature.created())?;
    if !newest.key_flags().sign() {
        return None;
    }
    // The subkey itself has to agree, or somebody could claim another's.
    let back = newest.embedded_signature()?;
    if back.verify_primary_key_binding(&sub.key, primary).is_err() {
        return Some(Err("its subkey is not bound to its certificate"));
    }
    if has_ended(&sub.key, newest, at) {
        return Some(Err("its subkey has ended"));
    }
    Some(Ok(Key::Sub(&sub.key)))
}

fn has_ended(key: &impl KeyDetails, binding: &Signature, at: Timestamp) -> bool {
    let made = micros(key.created_at().as_secs());
    let lasts = binding.key_expiration_time().map_or(0, Duration::as_secs);
    made > at || ends(made, lasts, at)
}
