//! Private keys in a token (an HSM, SoftHSM), reached by PKCS#11 and named by a URI (RFC 7512).

mod uri;

use crate::{Error, KeyAlgorithm, Signer, wire};
use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error as TokenError, RvError},
    mechanism::Mechanism,
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};
use der::{Decode, Encode, asn1::OctetStringRef};
use ring::digest::{SHA256, SHA384, digest};
use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};
use uri::Uri;

/// Modules that are loaded. A process may start each of them once only.
static MODULES: Mutex<Option<HashMap<PathBuf, Pkcs11>>> = Mutex::new(None);

/// A private key that stays in its token.
pub struct Pkcs11Key {
    shown: String,
    algorithm: KeyAlgorithm,
    public_key: Vec<u8>,
    handle: ObjectHandle,
    /// One question at a time: sessions are not to be shared.
    session: Mutex<Session>,
}

impl Pkcs11Key {
    /// Finds a key by its URI, such as
    /// `pkcs11:token=Muster;object=factory-3?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/etc/muster/pin`.
    ///
    /// # Errors
    /// When the URI, the module, the token, the PIN or the key is not what it should be; the error says which.
    pub fn open(uri: &str) -> Result<Self, Error> {
        let uri = Uri::parse(uri)?;
        let session = log_in(&uri, false)?;
        Self::find(&uri, session)
    }

    /// Makes a new key in a token under the label (and the id) of a URI. It can't leave the token.
    ///
    /// # Errors
    /// As [`Pkcs11Key::open`], and when there is a key of that name already or the token makes none.
    pub fn generate(uri: &str, algorithm: KeyAlgorithm) -> Result<Self, Error> {
        let uri = Uri::parse(uri)?;
        let label = uri.object.clone().ok_or_else(|| Error::Token("the URI of a new key needs object=NAME".into()))?;
        let session = log_in(&uri, true)?;
        if !keys(&session, &uri, ObjectClass::PRIVATE_KEY)?.is_empty() {
            return Err(Error::Token(format!("there is already a key of the name {label}")));
        }
        let id = uri.id.clone().unwrap_or_else(|| label.as_bytes().to_vec());
        let curve = algorithm.curve_oid().to_der().map_err(Error::Encode)?;
        let named = [Attribute::Token(true), Attribute::Label(label.into_bytes()), Attribute::Id(id)];
        let public = [&named[..], &[Attribute::Verify(true), Attribute::EcParams(curve)]].concat();
        let private = [
            &named[..],
            &[
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Sign(true),
            ],
        ]
        .concat();
        session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).map_err(refused("make a key"))?;
        Self::find(&uri, session)
    }

    fn find(uri: &Uri, session: Session) -> Result<Self, Error> {
        let handle = only(&keys(&session, uri, ObjectClass::PRIVATE_KEY)?, "private key", uri)?;
        let public = only(&keys(&session, uri, ObjectClass::PUBLIC_KEY)?, "public key", uri)?;
        let (algorithm, public_key) = public_key(&session, public)?;
        Ok(Self { shown: uri.shown(), algorithm, public_key, handle, session: Mutex::new(session) })
    }
}

impl Signer for Pkcs11Key {
    fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let hash = match self.algorithm {
            KeyAlgorithm::EcdsaP256 => digest(&SHA256, message),
            KeyAlgorithm::EcdsaP384 => digest(&SHA384, message),
        };
        // A panic elsewhere leaves the session as it was.
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let raw = session.sign(&Mechanism::Ecdsa, self.handle, hash.as_ref()).map_err(refused("sign"))?;
        signature_value(&raw)
    }
}

impl fmt::Debug for Pkcs11Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pkcs11Key")
            .field("uri", &self.shown)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// Tokens answer r and s one behind the other; X.509 wants a sequence of two numbers.
fn signature_value(raw: &[u8]) -> Result<Vec<u8>, Error> {
    if raw.is_empty() || !raw.len().is_multiple_of(2) {
        return Err(Error::Token(format!("it answered a signature of {} bytes", raw.len())));
    }
    let (r, s) = raw.split_at(raw.len() / 2);
    let mut out = Vec::with_capacity(raw.len() + 8);
    wire::nest(&mut out, wire::SEQUENCE, |out| {
        wire::unsigned(out, r);
        wire::unsigned(out, s);
    });
    Ok(out)
}

fn log_in(uri: &Uri, write: bool) -> Result<Session, Error> {
    let module = module(&uri.module)?;
    let slot = slot(&module, uri)?;
    let session = if write { module.open_rw_session(slot) } else { module.open_ro_session(slot) };
    let session = session.map_err(refused("open a session"))?;
    if let Some(pin) = uri.pin()? {
        match session.login(UserType::User, Some(&AuthPin::from(pin.as_str()))) {
            // Whoever logged in first did it for the whole process.
            Ok(()) | Err(TokenError::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(error) => return Err(refused("accept the PIN")(error)),
        }
    }
    Ok(session)
}

fn module(path: &Path) -> Result<Pkcs11, Error> {
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    let modules = modules.get_or_insert_with(HashMap::new);
    if let Some(module) = modules.get(path) {
        return Ok(module.clone());
    }
    let unusable = |error: TokenError| Error::Token(format!("the module {} can't be loaded: {error}", path.display()));
    let module = Pkcs11::new(path).map_err(unusable)?;
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).map_err(unusable)?;
    modules.insert(path.to_owned(), module.clone());
    Ok(module)
}

fn slot(module: &Pkcs11, uri: &Uri) -> Result<Slot, Error> {
    let mut found = Vec::new();
    for slot in module.get_slots_with_initialized_token().map_err(refused("list its tokens"))? {
        let info = module.get_token_info(slot).map_err(refused("describe a token"))?;
        let fits = |asked: &Option<String>, has: &str| asked.as_ref().is_none_or(|asked| asked == has.trim_end());
        if fits(&uri.token, info.label()) && fits(&uri.serial, info.serial_number()) {
            found.push(slot);
        }
    }
    match found.as_slice() {
        [slot] => Ok(*slot),
        [] => Err(Error::Token("there is no token of that name; look with: softhsm2-util --show-slots".into())),
        _ => Err(Error::Token("more than one token fits; name it by token= and serial=".into())),
    }
}

fn keys(session: &Session, uri: &Uri, class: ObjectClass) -> Result<Vec<ObjectHandle>, Error> {
    let mut wanted = vec![Attribute::Class(class), Attribute::KeyType(KeyType::EC)];
    wanted.extend(uri.object.clone().map(|label| Attribute::Label(label.into_bytes())));
    wanted.extend(uri.id.clone().map(Attribute::Id));
    session.find_objects(&wanted).map_err(refused("look for keys"))
}

fn only(found: &[ObjectHandle], what: &str, uri: &Uri) -> Result<ObjectHandle, Error> {
    match found {
        [one] => Ok(*one),
        [] => Err(Error::Token(format!("there is no {what} for {}; it must be ECDSA", uri.shown()))),
        _ => Err(Error::Token(format!("more than one {what} fits {}; name it by object= and id=", uri.shown()))),
    }
}

fn public_key(session: &Session, handle: ObjectHandle) -> Result<(KeyAlgorithm, Vec<u8>), Error> {
    let attributes = session
        .get_attributes(handle, &[AttributeType::EcParams, AttributeType::EcPoint])
        .map_err(refused("show its public key"))?;
    let (mut curve, mut point) = (None, None);
    for attribute in attributes {
        match attribute {
            Attribute::EcParams(der) => curve = Some(der),
            Attribute::EcPoint(der) => point = Some(der),
            _ => {}
        }
    }
    let (Some(curve), Some(point)) = (curve, point) else {
        return Err(Error::Token("it does not show its public key".into()));
    };
    let fits = |algorithm: &KeyAlgorithm| algorithm.curve_oid().to_der().is_ok_and(|oid| oid == curve);
    let algorithm = [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384].into_iter().find(fits).ok_or(Error::KeyKind)?;
    // The standard wraps the point in an OCTET STRING; some tokens don't.
    let bare = OctetStringRef::from_der(&point).map_or(point.as_slice(), |wrapped| wrapped.as_bytes());
    Ok((algorithm, algorithm.public_key(bare)?))
}

fn refused(deed: &'static str) -> impl FnOnce(TokenError) -> Error {
    move |error| Error::Token(format!("the token did not {deed}: {error}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_raw_signature_becomes_two_numbers() {
        let der = signature_value(&[0x80, 1, 0, 2]).unwrap();
        assert_eq!(der, [0x30, 8, 2, 3, 0, 0x80, 1, 2, 1, 2]);
        assert!(signature_value(&[1]).is_err() && signature_value(&[]).is_err());
    }

    #[test]
    fn a_module_that_is_not_there_is_told_by_its_path() {
        let error = Pkcs11Key::open("pkcs11:object=x?module-path=/nowhere/lib.so").unwrap_err().to_string();
        assert!(error.contains("/nowhere/lib.so can't be loaded"), "{error}");
    }
}
