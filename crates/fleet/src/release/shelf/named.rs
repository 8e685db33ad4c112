//! What lies in the bucket under a name of its own, for the nodes that share it, and no release's.

use super::{Artifacts, of_store, pieces};
use crate::Result;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::{ObjectStoreExt, PutPayload, path::Path as Key};

impl Artifacts {
    /// Whether it is where other nodes find it, too.
    pub(crate) const fn is_bucket(&self) -> bool {
        !self.is_folder()
    }

    /// All of what lies there under a name, piece by piece; none when nothing does.
    pub(crate) async fn whole(&self, name: &str) -> Result<Option<BoxStream<'static, Result<Bytes>>>> {
        match self.store().await?.get(&Key::from(name)).await {
            Ok(found) => pieces(found).await.map(Some),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(of_store(&error)),
        }
    }

    /// Puts something there under a name.
    pub(in crate::release) async fn put_bytes(&self, name: &str, content: Bytes) -> Result<()> {
        let payload = PutPayload::from_bytes(content);
        self.store().await?.put(&Key::from(name), payload).await.map_err(|error| of_store(&error))?;
        Ok(())
    }

    /// Removes what lies there under a name, if anything does.
    pub(crate) async fn remove(&self, name: &str) -> Result<()> {
        match self.store().await?.delete(&Key::from(name)).await {
            Err(error) if !matches!(error, object_store::Error::NotFound { .. }) => Err(of_store(&error)),
            _ => Ok(()),
        }
    }
}
