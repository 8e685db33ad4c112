//! Where the shelf is: a folder on this machine, or a bucket that several nodes share.

use super::{http::Connector, trouble};
use crate::{Error, Result};
use object_store::{
    BackoffConfig, ObjectStore, RetryConfig, aws::AmazonS3Builder, local::LocalFileSystem, prefix::PrefixStore,
};
use std::{fmt, path::Path, sync::Arc, time::Duration};
use tokio::fs;
use zeroize::Zeroizing;

/// Where the files of releases lie.
#[derive(Clone, Debug, Default)]
pub enum ShelfPlace {
    /// In `artifacts/` of the data folder.
    #[default]
    Folder,
    /// In a bucket of storage that speaks S3.
    Bucket(Bucket),
}

/// A bucket of storage that speaks S3.
#[derive(Clone, Debug, Default)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// What the names of our objects begin with, without a slash at either end; empty for nothing.
    pub prefix: String,
    /// The storage's address; none for Amazon's of the region.
    pub endpoint: Option<String>,
    /// The region that requests are signed for; none for $AWS_REGION, or the usual one.
    pub region: Option<String>,
    /// By what requests are signed; none for what the machine has from its cloud.
    pub credentials: Option<BucketCredentials>,
    /// Certificates (PEM) of the authorities that the storage's certificate may be of, beside the public ones.
    pub authorities: Option<Vec<u8>>,
}

/// By what requests to a bucket are signed.
#[derive(Clone)]
pub struct BucketCredentials {
    /// The access key's id.
    pub id: String,
    /// The secret key.
    pub secret: Zeroizing<String>,
    /// The session's token, where the key is lent for a time.
    pub token: Option<Zeroizing<String>>,
}

impl fmt::Debug for BucketCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BucketCredentials").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A request is tried again so often, and for so long, before whoever waits is told.
const RETRIES: usize = 4;
const RETRY_WITHIN: Duration = Duration::from_secs(30);

impl fmt::Display for ShelfPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder => f.write_str("artifacts/ of the data folder"),
            Self::Bucket(bucket) => {
                write!(f, "the bucket {}", bucket.name)?;
                bucket.endpoint.as_ref().map_or(Ok(()), |endpoint| write!(f, " at {endpoint}"))
            }
        }
    }
}

/// Opens a folder, which is made readable for its owner alone if it isn't there.
pub(super) async fn open_folder(folder: &Path) -> Result<Arc<dyn ObjectStore>> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(folder).await.map_err(trouble)?;
    let local = LocalFileSystem::new_with_prefix(folder).map_err(Error::internal)?;
    Ok(Arc::new(local.with_fsync(true)))
}

/// A bucket, of which nothing is asked yet.
pub(super) fn open_bucket(bucket: &Bucket) -> Result<Arc<dyn ObjectStore>> {
    let unusable = |why: String| Error::Conflict(format!("The bucket of releases' files can't be used: {why}."));
    let connector = Connector::new(bucket.authorities.as_deref()).map_err(unusable)?;
    let retries = RetryConfig {
        backoff: BackoffConfig { init_backoff: Duration::from_millis(200), ..BackoffConfig::default() },
        max_retries: RETRIES,
        retry_timeout: RETRY_WITHIN,
    };
    let mut builder =
        AmazonS3Builder::from_env().with_bucket_name(&bucket.name).with_retry(retries).with_http_connector(connector);
    if let Some(region) = &bucket.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &bucket.endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
    }
    if let Some(credentials) = &bucket.credentials {
        builder = builder.with_access_key_id(&credentials.id).with_secret_access_key(credentials.secret.as_str());
        if let Some(token) = &credentials.token {
            builder = builder.with_token(token.as_str());
        }
    }
    let store = builder.build().map_err(|error| unusable(error.to_string()))?;
    Ok(Arc::new(PrefixStore::new(store, bucket.prefix.as_str())))
}
