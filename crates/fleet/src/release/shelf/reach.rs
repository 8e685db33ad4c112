//! Whether a bucket can be used, asked before anybody needs it.

use super::{Artifacts, ShelfPlace};
use crate::Fleet;
use object_store::{ObjectStoreExt, PutPayload, path::Path as Key};
use std::{error::Error as StdError, time::Duration};
use tokio::time::timeout;
use uuid::Uuid;

/// How long the storage is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why a shelf can't be used, with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreached {
    /// The storage has refused; waiting changes nothing.
    #[error("{0}")]
    Refused(String),
    /// The storage did not answer as it should, which may pass.
    #[error("{0}")]
    Away(String),
}

impl Fleet {
    /// Writes, reads and removes an object of a bucket, if that is where the files of releases lie.
    ///
    /// # Errors
    /// With a sentence for the operator.
    pub async fn reach_shelf(&self) -> Result<(), Unreached> {
        let artifacts = self.artifacts();
        if matches!(artifacts.place, ShelfPlace::Folder) {
            return Ok(());
        }
        let place = artifacts.place.to_string();
        match timeout(PATIENCE, try_out(&artifacts)).await {
            Ok(tried) => tried.map_err(|why| why.told(&place)),
            Err(_) => Err(away(&place, "it does not answer")),
        }
    }
}

/// What went wrong, at which step.
enum Why {
    Unusable(crate::Error),
    Answer(&'static str, object_store::Error),
}

async fn try_out(artifacts: &Artifacts) -> Result<(), Why> {
    let store = artifacts.store().await.map_err(Why::Unusable)?;
    let key = Key::from(format!("check-{}", Uuid::now_v7().simple()));
    let content = key.to_string();
    store.put(&key, PutPayload::from(content.clone())).await.map_err(|error| Why::Answer("s3:PutObject", error))?;
    let read = async { store.get(&key).await?.bytes().await };
    read.await.map_err(|error| Why::Answer("s3:GetObject", error))?;
    store.delete(&key).await.map_err(|error| Why::Answer("s3:DeleteObject", error))
}

impl Why {
    fn told(self, place: &str) -> Unreached {
        match self {
            Self::Unusable(error) => Unreached::Refused(error.to_string()),
            Self::Answer(_, object_store::Error::NotFound { .. }) => Unreached::Refused(format!(
                "There is no such place as {place}. Make the bucket, or put right --artifacts and --s3-endpoint."
            )),
            Self::Answer(
                right,
                object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. },
            ) => Unreached::Refused(format!(
                "The credentials don’t let us use {place}: {right} was refused. They need s3:GetObject, s3:PutObject, \
                 s3:DeleteObject and s3:AbortMultipartUpload there; see --s3-credentials-file and --s3-region."
            )),
            Self::Answer(_, error) => away(place, &innermost(&error)),
        }
    }
}

fn away(place: &str, why: &str) -> Unreached {
    Unreached::Away(format!(
        "The files of releases in {place} can’t be reached ({why}). Until they can, nothing is pushed or downloaded; \
         everything else works. See that the storage runs, and that --s3-endpoint and --s3-ca are right."
    ))
}

/// What is at the bottom of it: the words around it are for programs.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut at = error;
    while let Some(below) = at.source() {
        at = below;
    }
    at.to_string()
}
