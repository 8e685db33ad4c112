//! The shelf that the options name, with what opens it.

use crate::{
    cli::Shelf,
    failure::{Failure, Outcome},
};
use fleet::{
    Fleet,
    release::{Bucket, BucketCredentials, ShelfPlace, Unreached},
};
use std::{env, ffi::OsString, fs, path::Path};
use zeroize::Zeroizing;

/// Amazon's own names, which every tool for such storage knows.
const KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN: &str = "AWS_SESSION_TOKEN";
/// Where systemd puts a service's credentials, and what ours is called.
const CREDENTIALS: (&str, &str) = ("CREDENTIALS_DIRECTORY", "muster-s3-credentials");

/// Where the files of releases lie.
///
/// # Errors
/// When a file that is named can't be read, or an option is of no use without another one.
pub fn place(options: &Shelf) -> Result<ShelfPlace, Failure> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    place_from(options, set).map_err(Failure::NotDone)
}

fn place_from(options: &Shelf, set: impl Fn(&str) -> Option<OsString>) -> Result<ShelfPlace, String> {
    let Some(named) = &options.artifacts else {
        let without = options.s3_endpoint.is_some() || options.s3_credentials_file.is_some();
        return if without {
            Err("storage for the files of releases is set up, but no bucket: give --artifacts s3://BUCKET, too"
                .to_owned())
        } else {
            Ok(ShelfPlace::Folder)
        };
    };
    let authorities = options.s3_ca.as_deref().map(read).transpose()?;
    Ok(ShelfPlace::Bucket(Bucket {
        name: named.bucket.clone(),
        prefix: named.prefix.clone(),
        endpoint: options.s3_endpoint.clone(),
        region: options.s3_region.clone(),
        credentials: credentials(options.s3_credentials_file.as_deref(), set)?,
        authorities: authorities.map(String::into_bytes),
    }))
}

/// Asks the bucket whether it can be used. When it only does not answer, all that needs no files goes on without it: devices
/// must not be shut out for want of a download.
///
/// # Errors
/// When it refuses us, with what to do.
pub async fn reach(fleet: &Fleet) -> Outcome {
    match fleet.reach_shelf().await {
        Err(Unreached::Refused(told)) => Err(Failure::NotDone(told)),
        Err(Unreached::Away(told)) => {
            tracing::error!("{told}");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// What signs requests: of the file that is named, of the environment, or of systemd.
fn credentials(
    file: Option<&Path>,
    set: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<BucketCredentials>, String> {
    if let Some(file) = file {
        return parsed(file).map(Some);
    }
    let text = |name: &str| set(name).map(|value| value.to_string_lossy().trim().to_owned());
    if let (Some(id), Some(secret)) = (text(KEY_ID), text(SECRET)) {
        let token = text(TOKEN).map(Zeroizing::new);
        return Ok(Some(BucketCredentials { id, secret: Zeroizing::new(secret), token }));
    }
    let credential = set(CREDENTIALS.0).map(|folder| Path::new(&folder).join(CREDENTIALS.1));
    credential.filter(|file| file.exists()).map(|file| parsed(&file)).transpose()
}

/// A file as Amazon's tools write it, of which the first section counts.
fn parsed(file: &Path) -> Result<BucketCredentials, String> {
    let text = Zeroizing::new(read(file)?);
    let mut sections = 0;
    let (mut id, mut secret, mut token) = (None, None, None);
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            sections += 1;
        }
        let Some((name, value)) = line.split_once('=').filter(|_| sections < 2) else { continue };
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "aws_access_key_id" => id = Some(value.to_owned()),
            "aws_secret_access_key" => secret = Some(Zeroizing::new(value.to_owned())),
            "aws_session_token" => token = Some(Zeroizing::new(value.to_owned())),
            _ => {}
        }
    }
    match (id, secret) {
        (Some(id), Some(secret)) if !id.is_empty() && !secret.is_empty() => Ok(BucketCredentials { id, secret, token }),
        _ => Err(format!(
            "{} holds no credentials: write a line aws_access_key_id = … and a line aws_secret_access_key = …",
            file.display()
        )),
    }
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|why| format!("{} can't be read: {why}", file.display()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't write to its temporary folder should fail")]
    use super::*;
    use crate::cli::InBucket;

    const NOTHING: fn(&str) -> Option<OsString> = |_| None;

    fn options() -> Shelf {
        let artifacts = Some(InBucket { bucket: "muster".to_owned(), prefix: String::new() });
        Shelf { artifacts, ..Shelf::default() }
    }

    fn bucket(place: ShelfPlace) -> Bucket {
        let ShelfPlace::Bucket(bucket) = place else { unreachable!("a bucket was named") };
        bucket
    }

    #[test]
    fn credentials_are_of_the_file_or_the_environment_or_systemd() {
        let folder = tempfile::tempdir().unwrap();
        let (file, credential) = (folder.path().join("keys"), folder.path().join(CREDENTIALS.1));
        fs::write(
            &file,
            "# ours\n[default]\naws_access_key_id = FILE\naws_secret_access_key=a=b/c+\n[other]\naws_access_key_id=NO\n",
        )
        .unwrap();
        fs::write(&credential, "AWS_ACCESS_KEY_ID=SYSTEMD\nAWS_SECRET_ACCESS_KEY=s\n").unwrap();
        let systemd = |name: &str| (name == CREDENTIALS.0).then(|| folder.path().as_os_str().to_owned());
        let environment = |name: &str| match name {
            KEY_ID | SECRET => Some(OsString::from("ENVIRONMENT")),
            _ => systemd(name),
        };
        let read = |options: &Shelf, set: &dyn Fn(&str) -> Option<OsString>| {
            bucket(place_from(options, set).unwrap()).credentials.map(|found| (found.id, found.secret.to_string()))
        };
        let named = Shelf { s3_credentials_file: Some(file.clone()), ..options() };
        assert_eq!(read(&named, &environment), Some(("FILE".to_owned(), "a=b/c+".to_owned())));
        assert_eq!(read(&options(), &environment).unwrap().0, "ENVIRONMENT");
        assert_eq!(read(&options(), &systemd).unwrap().0, "SYSTEMD");
        assert_eq!(read(&options(), &NOTHING), None, "the machine's own");
        fs::write(&file, "aws_access_key_id = FILE\n").unwrap();
        let told = place_from(&named, environment).unwrap_err();
        assert!(told.contains("holds no credentials"), "{told}");
    }

    #[test]
    fn without_a_bucket_files_lie_in_the_folder_and_what_is_half_set_up_is_told() {
        assert!(matches!(place_from(&Shelf::default(), NOTHING), Ok(ShelfPlace::Folder)));
        let half = Shelf { s3_endpoint: Some("https://s3.example".to_owned()), ..Shelf::default() };
        assert!(place_from(&half, NOTHING).unwrap_err().contains("--artifacts"));
        let gone = Shelf { s3_ca: Some("/nowhere/ca.pem".into()), ..options() };
        assert!(place_from(&gone, NOTHING).unwrap_err().contains("can't be read"));
        let shown = format!(
            "{:?}",
            BucketCredentials { id: "ID".to_owned(), secret: Zeroizing::new("s3cret".to_owned()), token: None }
        );
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
