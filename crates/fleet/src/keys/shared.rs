//! Keys that every node can use. On PostgreSQL the sealed key of an authority is in the database, too: whichever node made it, the others
//! sign for it as soon as they know the passphrase.

use super::{file_name, read, told};
use crate::{Actor, Fleet, Result};
use domain::{
    authority::{Authority, AuthorityState},
    person::Permission,
    time::Timestamp,
};
use pki::Passphrase;
use serde_json::json;
use std::sync::PoisonError;
use store::{Db, Tx};

const RULE: Actor = Actor::Rule { name: "keys" };

impl Fleet {
    /// Whether several nodes use the keys that this one makes.
    fn shares_keys(&self) -> bool {
        matches!(self.db(), Db::Postgres(_))
    }

    /// Keeps a sealed key where other nodes find it, in the transaction that says that it is an authority's.
    pub(crate) async fn share_key(&self, tx: &mut Tx, location: &str, sealed: &str, at: Timestamp) -> Result<()> {
        if let Some(name) = file_name(location).filter(|_| self.shares_keys()) {
            store::sealed_key::put(tx, name, sealed, at).await?;
        }
        Ok(())
    }

    /// A sealed key, from its file; where there is none, as another node has kept it.
    pub(super) async fn sealed(&self, name: &str) -> Result<String> {
        let path = self.keys().folder.join(name);
        let is_here = tokio::fs::try_exists(&path).await.unwrap_or(true);
        if !is_here
            && self.shares_keys()
            && let Some(sealed) = store::sealed_key::one(self.db(), name).await?
        {
            return Ok(sealed);
        }
        tokio::task::spawn_blocking(move || read(&path)).await.map_err(crate::Error::internal)?
    }

    /// Keeps the keys of authorities that this node has as files where other nodes find them, unless they are there: for the start of a
    /// server. How many were new.
    ///
    /// # Errors
    /// When the database fails. A file that can't be read is logged and left.
    pub async fn share_keys(&self) -> Result<usize> {
        if !self.shares_keys() {
            return Ok(0);
        }
        let known = store::sealed_key::names(self.db()).await?;
        let mut new = 0;
        for authority in store::authority::all(self.db()).await? {
            let Some(name) = file_name(&authority.key_location).filter(|_| signs(&authority)) else { continue };
            let path = self.keys().folder.join(name);
            if known.iter().any(|known| known == name) || !tokio::fs::try_exists(&path).await.unwrap_or(false) {
                continue;
            }
            let Ok(sealed) = tokio::task::spawn_blocking(move || read(&path)).await.map_err(crate::Error::internal)?
            else {
                continue;
            };
            new += usize::from(self.share_one(&authority, name, &sealed).await?);
        }
        Ok(new)
    }

    async fn share_one(&self, authority: &Authority, name: &str, sealed: &str) -> Result<bool> {
        let subject = format!("authority:{}", authority.id);
        let mut deed = self.allow(&RULE, Permission::AuthorityManage, &subject).await?;
        // Another node may have had the same file.
        if !store::sealed_key::put(&mut deed.tx, name, sealed, self.now()).await? {
            return Ok(false);
        }
        deed.commit("authority.share_key", &subject, &json!({"name": authority.name, "file": name})).await?;
        Ok(true)
    }

    /// Tries whether the passphrase that this process was given opens the keys, by the newest authority that signs. For the start of a
    /// server: otherwise nobody would notice before something has to be signed.
    pub async fn try_keys(&self) {
        let newest = match store::authority::all(self.db()).await {
            Ok(all) => {
                all.into_iter().rfind(|authority| signs(authority) && file_name(&authority.key_location).is_some())
            }
            Err(error) => {
                tracing::warn!(%error, "it was not tried whether the keys can be opened");
                return;
            }
        };
        if let Some(authority) = newest.filter(|_| self.can_seal())
            && let Err(error) = self.signer(&authority.key_location).await
        {
            tracing::error!(%error, authority = authority.slug, "this node can't sign");
        }
    }

    /// Why this process can't use keys, where it found that out: its passphrase is another one.
    #[must_use]
    pub fn key_trouble(&self) -> Option<String> {
        self.inner.keys.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens a sealed key, and remembers whether that was possible.
    pub(super) fn unseal(&self, sealed: &str, passphrase: &Passphrase) -> Result<pki::SoftwareKey> {
        let opened = pki::unseal(sealed, passphrase);
        let trouble = match &opened {
            Ok(_) => None,
            Err(pki::Error::WrongPassphrase) => Some(
                "The passphrase that this node was started with does not open the keys of the authorities.".to_owned(),
            ),
            // That says nothing about other keys.
            Err(_) => self.key_trouble(),
        };
        *self.inner.keys.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        opened.map_err(told)
    }
}

/// Whether an authority signs, or may yet.
fn signs(authority: &Authority) -> bool {
    !matches!(authority.state, AuthorityState::Requested | AuthorityState::Rejected)
}
