//! The shelf as backups see it.

use super::{Artifacts, waiting};
use object_store::{ObjectStoreExt, path::Path as Key};
use std::{io, sync::Arc};
use store::backup::{Lying, Shelf};
use tokio::runtime::Handle;

struct ForBackups {
    artifacts: Arc<Artifacts>,
    runtime: Handle,
}

impl Shelf for ForBackups {
    fn open(&self, sha256: &str) -> io::Result<Option<Lying>> {
        self.runtime.block_on(async {
            let store = self.artifacts.store().await.map_err(io::Error::other)?;
            let key = Key::from(sha256);
            match store.get(&key).await {
                Ok(found) => Ok(Some(Lying { size: found.meta.size, content: waiting(Arc::clone(store), key, found) })),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(io::Error::other(error)),
            }
        })
    }
}

/// The shelf, for a backup or a restore that this task waits for.
pub(crate) fn for_backups(artifacts: &Arc<Artifacts>) -> Arc<dyn Shelf> {
    Arc::new(ForBackups { artifacts: artifacts.clone(), runtime: Handle::current() })
}
