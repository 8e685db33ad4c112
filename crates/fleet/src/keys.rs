//! The keys of our own authorities: sealed files, on PostgreSQL also rows, or keys in a token. Opened once, and then held in memory.

mod shared;

use crate::{Actor, Error, Fleet, Result};
use domain::{id::AuthorityId, person::Permission};
use pki::{Issuer, KeyAlgorithm, Passphrase, Pkcs11Key, Signer, SoftwareKey};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

/// How the place of a key file begins.
const FILE: &str = "file:";
/// How the place of a key in a token begins (RFC 7512).
const TOKEN: &str = "pkcs11:";

/// Where keys are kept and what opens them.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The folder with sealed keys.
    pub folder: PathBuf,
    /// What they are sealed with; without one, keys in files can be neither made nor used.
    pub passphrase: Option<Passphrase>,
}

/// What a process keeps of keys.
#[derive(Default)]
pub(crate) struct KeyRing {
    keys: RwLock<Option<Keys>>,
    /// Keys that were opened or made, by their place: opening one takes the time that guessing a passphrase should.
    opened: Mutex<HashMap<String, Arc<dyn Signer>>>,
    issuers: Mutex<HashMap<AuthorityId, Arc<Issuer>>>,
    /// What is wrong with the passphrase, where that was found out.
    trouble: Mutex<Option<String>>,
}

/// A key that was just made.
pub(crate) struct NewKey {
    pub(crate) signer: Arc<dyn Signer>,
    /// Where it is, as it is kept with its authority.
    pub(crate) location: String,
    /// It, sealed, as PEM.
    pub(crate) sealed: String,
}

fn no_passphrase() -> Error {
    Error::Conflict(
        "The keys of the authorities are sealed and their passphrase was not given. Start Muster with \
         --key-passphrase-file FILE, with MUSTER_KEY_PASSPHRASE set, or with the systemd credential \
         muster-key-passphrase."
            .to_owned(),
    )
}

/// What went wrong with a key, for whoever asked for something that needs it.
pub(crate) fn told(error: pki::Error) -> Error {
    match error {
        pki::Error::WrongPassphrase => Error::Conflict(
            "The passphrase that Muster was started with does not open this key. Start Muster with the one that it was \
             sealed with."
                .to_owned(),
        ),
        other => {
            tracing::error!(error = %other, "a key could not be used");
            Error::Conflict(format!("The key can't be used: {other}."))
        }
    }
}

impl Fleet {
    /// The same fleet with keys: for whoever signs.
    #[must_use]
    pub fn with_keys(self, keys: Keys) -> Self {
        *self.inner.keys.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(keys);
        self
    }

    pub(crate) fn keys(&self) -> Keys {
        let kept = self.inner.keys.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        kept.unwrap_or_else(|| Keys { folder: self.folder().join("keys"), passphrase: None })
    }

    /// Whether keys in files can be made and used.
    #[must_use]
    pub fn can_seal(&self) -> bool {
        self.keys().passphrase.is_some()
    }

    /// Makes a key and seals it into a file of its own, which nothing else ever replaces.
    pub(crate) async fn new_key(&self, name: &str, algorithm: KeyAlgorithm) -> Result<NewKey> {
        let Keys { folder, passphrase } = self.keys();
        let passphrase = passphrase.ok_or_else(no_passphrase)?;
        let mut random = [0; 6];
        getrandom::fill(&mut random).map_err(Error::internal)?;
        let file = format!("{name}-{}.pem", hex::encode(random));
        let path = folder.join(&file);
        let made = tokio::task::spawn_blocking(move || {
            let key = SoftwareKey::generate(algorithm)?;
            let sealed = pki::seal(&key, &passphrase)?;
            pki::write_private(&path, sealed.as_bytes())?;
            Ok::<_, pki::Error>((key, sealed))
        });
        let (key, sealed) = made.await.map_err(Error::internal)?.map_err(told)?;
        let (signer, location): (Arc<dyn Signer>, _) = (Arc::new(key), format!("{FILE}{file}"));
        self.opened().insert(location.clone(), Arc::clone(&signer));
        Ok(NewKey { signer, location, sealed })
    }

    /// Whether the key of an authority is here, opens, and is its certificate's.
    ///
    /// # Errors
    /// When the actor may not see authorities, and why it can't be used.
    pub async fn try_key(&self, actor: &Actor, id: AuthorityId) -> Result<()> {
        actor.require(Permission::AuthorityRead)?;
        self.issuer(id).await.map(drop)
    }

    fn opened(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<dyn Signer>>> {
        self.inner.keys.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes a key that was made for something that then did not come about.
    pub(crate) fn forget_key(&self, location: &str) {
        self.opened().remove(location);
        if let Some(path) = self.key_file(location)
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::warn!(path = %path.display(), %error, "a key that is not needed could not be removed");
        }
    }

    /// The key at a place.
    pub(crate) async fn signer(&self, location: &str) -> Result<Arc<dyn Signer>> {
        if location.starts_with(TOKEN) {
            let uri = location.to_owned();
            let opened = tokio::task::spawn_blocking(move || Pkcs11Key::open(&uri)).await.map_err(Error::internal)?;
            return Ok(Arc::new(opened.map_err(told)?));
        }
        let known = self.opened().get(location).cloned();
        if let Some(signer) = known {
            return Ok(signer);
        }
        let signer: Arc<dyn Signer> = Arc::new(self.key_at(location).await?);
        self.opened().insert(location.to_owned(), Arc::clone(&signer));
        Ok(signer)
    }

    /// The key that was sealed, wherever it is kept.
    pub(crate) async fn key_at(&self, location: &str) -> Result<SoftwareKey> {
        let name = file_name(location).ok_or_else(|| {
            Error::Conflict("The key of this authority is not on this machine, so it can't be used here.".to_owned())
        })?;
        let passphrase = self.keys().passphrase.ok_or_else(no_passphrase)?;
        let (sealed, fleet) = (self.sealed(name).await?, self.clone());
        let opened = tokio::task::spawn_blocking(move || fleet.unseal(&sealed, &passphrase));
        opened.await.map_err(Error::internal)?
    }

    fn key_file(&self, location: &str) -> Option<PathBuf> {
        file_name(location).map(|name| self.keys().folder.join(name))
    }

    /// An authority's certificate together with its opened key, to sign with.
    pub(crate) async fn issuer(&self, id: AuthorityId) -> Result<Arc<Issuer>> {
        let known = self.inner.keys.issuers.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some(issuer) = known {
            return Ok(issuer);
        }
        let missing = || Error::not_found("authority", &id.to_string());
        let authority = store::authority::by_id(self.db(), id).await?.ok_or_else(missing)?;
        let der = store::authority::certificate(self.db(), id).await?.ok_or_else(|| {
            Error::Conflict(format!("“{}” has no certificate yet, so it can't sign.", authority.name))
        })?;
        let certificate = pki::Certificate::from_der(&der).map_err(Error::internal)?;
        let signer = self.signer(&authority.key_location).await?;
        let issuer = Arc::new(Issuer::new(certificate, signer).map_err(told)?);
        let mut issuers = self.inner.keys.issuers.lock().unwrap_or_else(PoisonError::into_inner);
        issuers.insert(id, issuer.clone());
        Ok(issuer)
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        // Keys of other nodes' listeners are not here, and are not missed. Whoever needs one that is gone is told, and says so.
        if is_elsewhere(&error) {
            tracing::debug!(path = %path.display(), "a key file is not here");
        } else {
            tracing::error!(path = %path.display(), %error, "a key file could not be read");
        }
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        Error::Conflict(format!(
            "The key file {file} can't be read. If it was made on another machine of this fleet, copy it into the folder \
             with keys here, too."
        ))
    })
}

/// Whether a file is only not on this machine.
fn is_elsewhere(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::NotFound
}

/// The name of the file with the key at a place, if it is a file of ours.
pub(crate) fn file_name(location: &str) -> Option<&str> {
    // A place from the database names a file in the folder and nothing outside it.
    let plain = |name: &&str| !name.is_empty() && Path::new(name).file_name().is_some_and(|file| file == *name);
    location.strip_prefix(FILE).filter(plain)
}

/// Whether a text can be the place of a key in a token.
pub(crate) fn is_token(location: &str) -> bool {
    location.starts_with(TOKEN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Error, ErrorKind};

    #[test]
    fn that_a_key_is_on_another_machine_is_no_error_of_this_one() {
        assert!(is_elsewhere(&Error::from(ErrorKind::NotFound)));
        assert!(!is_elsewhere(&Error::from(ErrorKind::PermissionDenied)));
        assert!(matches!(read(Path::new("/nowhere/server-1.pem")), Err(crate::Error::Conflict(_))));
    }
}
