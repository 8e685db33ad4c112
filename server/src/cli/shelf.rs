//! Where the files of releases lie.

use clap::Args;
use std::path::PathBuf;

/// Where the files of releases lie.
#[derive(Clone, Debug, Default, Args)]
pub struct Shelf {
    /// A bucket of storage that speaks S3, as s3://BUCKET or s3://BUCKET/PREFIX, for the files of releases. Default:
    /// artifacts/ in the data folder, which only one node sees.
    #[arg(long, value_name = "URL", env = "MUSTER_ARTIFACTS", value_parser = bucket)]
    pub artifacts: Option<InBucket>,
    /// The address of storage that is not Amazon's (https://HOST[:PORT]).
    #[arg(long, value_name = "URL", env = "MUSTER_S3_ENDPOINT", value_parser = endpoint)]
    pub s3_endpoint: Option<String>,
    /// The region that requests are signed for. Default: $AWS_REGION, else us-east-1.
    #[arg(long, value_name = "NAME", env = "MUSTER_S3_REGION")]
    pub s3_region: Option<String>,
    /// A file with aws_access_key_id and aws_secret_access_key, as Amazon's tools write it. Else the environment has
    /// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or systemd the credential muster-s3-credentials, or the machine its own.
    #[arg(long, value_name = "FILE", env = "MUSTER_S3_CREDENTIALS_FILE")]
    pub s3_credentials_file: Option<PathBuf>,
    /// A file with the authorities (PEM) that the storage's certificate may be of, beside the public ones.
    #[arg(long, value_name = "FILE", env = "MUSTER_S3_CA")]
    pub s3_ca: Option<PathBuf>,
}

/// A bucket, and what the names in it begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InBucket {
    /// The bucket's name.
    pub bucket: String,
    /// Without a slash at either end; empty for nothing.
    pub prefix: String,
}

fn bucket(text: &str) -> Result<InBucket, String> {
    let wrong = || "write s3://BUCKET or s3://BUCKET/PREFIX".to_owned();
    let rest = text.strip_prefix("s3://").ok_or_else(wrong)?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = prefix.trim_end_matches('/');
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let is_bucket = (1..=63).contains(&bucket.len()) && bucket.bytes().all(named);
    let is_prefix = prefix.is_empty() || prefix.split('/').all(|part| !part.is_empty() && part.bytes().all(named));
    if is_bucket && is_prefix {
        Ok(InBucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    } else {
        Err(wrong())
    }
}

fn endpoint(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = host.map(|host| host.trim_end_matches('/')).filter(|host| !host.is_empty());
    match host {
        Some(host) if !host.contains(['/', '?', '#', '@', ' ']) => Ok(text.trim_end_matches('/').to_owned()),
        _ => Err("write https://HOST or https://HOST:PORT".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_named_with_or_without_a_prefix() {
        let of = |text: &str| bucket(text).ok().map(|found| (found.bucket, found.prefix));
        let both = |bucket: &str, prefix: &str| Some((bucket.to_owned(), prefix.to_owned()));
        assert_eq!(of("s3://muster"), both("muster", ""));
        assert_eq!(of("s3://muster/"), both("muster", ""));
        assert_eq!(of("s3://muster/fleet/a/"), both("muster", "fleet/a"));
        for wrong in ["muster", "s3://", "s3:///a", "https://muster", "s3://a b", "s3://a//b", "s3://a/../b?"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_endpoint_is_a_host_alone() {
        assert_eq!(endpoint("https://s3.example:9000/").as_deref(), Ok("https://s3.example:9000"));
        for wrong in ["s3.example", "https://", "ftp://s3.example", "https://a/b", "https://user@a", "https://a?b"] {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
    }
}
