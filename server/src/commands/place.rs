//! Opening what a command works on.

use crate::{
    cli::{self, Place},
    data,
    failure::Failure,
};
use fleet::{Fleet, Keys};
use pki::Passphrase;
use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};
use store::Db;

/// The variable that holds the passphrase itself.
const PASSPHRASE: &str = "MUSTER_KEY_PASSPHRASE";
/// Where systemd puts a service's credentials, and what ours is called.
const CREDENTIALS: (&str, &str) = ("CREDENTIALS_DIRECTORY", "muster-key-passphrase");
/// The credential that holds the database's address.
const DATABASE_URL: &str = "muster-database-url";

/// The name of the data folder where none was asked for.
pub const FOLDER: &str = "muster";

/// The file that is in a data folder while a demo's fleet is being made there; it says where its database is.
pub const DEMO_MAKING: &str = "demo-making";

/// The data folder of a command.
///
/// # Errors
/// When there is none.
pub fn folder(place: &Place) -> Result<PathBuf, Failure> {
    Ok(data::folder(place.data.as_deref(), FOLDER)?)
}

/// The database's address, if one was given: as it is, in a file, or by systemd.
///
/// # Errors
/// When the file that is named holds none.
pub fn database_url(place: &Place) -> Result<Option<String>, Failure> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    database_url_from(place, set).map_err(Failure::NotDone)
}

fn database_url_from(place: &Place, set: impl Fn(&str) -> Option<OsString>) -> Result<Option<String>, String> {
    if let Some(url) = &place.database_url {
        return Ok(Some(url.clone()));
    }
    let credential = || set(CREDENTIALS.0).map(|folder| Path::new(&folder).join(DATABASE_URL));
    let file = place.database_url_file.clone().or_else(|| credential().filter(|file| file.exists()));
    let Some(file) = file else { return Ok(None) };
    let told = |why: &str| format!("{} holds no database's address: {why}", file.display());
    let text = std::fs::read_to_string(&file).map_err(|error| told(&error.to_string()))?;
    match text.lines().next().map(str::trim).filter(|line| !line.is_empty()) {
        Some(url) => Ok(Some(url.to_owned())),
        None => Err(told("its first line is empty")),
    }
}

/// The fleet in this folder, or in the database that is named; both are made if they aren't there.
///
/// # Errors
/// When either can't be opened, or the next `muster demo` will remove what is in the folder.
pub async fn open(folder: PathBuf, database_url: Option<&str>) -> Result<Fleet, Failure> {
    data::make(&folder)?;
    if folder.join(DEMO_MAKING).exists() {
        let told = "holds a demo that is not whole; start it with: muster demo, or choose another folder with --data";
        return Err(Failure::NotDone(format!("{} {told}", folder.display())));
    }
    let db = Db::open(&folder, database_url).await?;
    Ok(Fleet::new(db, folder))
}

/// The fleet of a command that works on what is there already.
///
/// # Errors
/// When nothing is there, or it can't be opened.
pub async fn existing(place: &Place) -> Result<Fleet, Failure> {
    let (folder, database_url) = (folder(place)?, database_url(place)?);
    if database_url.is_none() && !folder.join("muster.db").exists() {
        let told = "holds no Muster database; say where it is with --data FOLDER, or make one with: muster serve";
        return Err(Failure::NotDone(format!("{} {told}", folder.display())));
    }
    open(folder, database_url.as_deref()).await
}

/// The keys in a data folder with the passphrase that was given, if one was.
///
/// # Errors
/// When what was given holds no passphrase.
pub fn keys(options: &cli::Keys, folder: &Path) -> Result<Keys, Failure> {
    Ok(Keys { folder: folder.join("keys"), passphrase: passphrase(options)? })
}

/// The passphrase of keys: from the file that is named, from the environment, or from systemd.
///
/// # Errors
/// When the file can't be read, or what was given is empty.
pub fn passphrase(options: &cli::Keys) -> Result<Option<Passphrase>, Failure> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    Ok(passphrase_from(options.key_passphrase_file.as_deref(), set)?)
}

fn passphrase_from(
    file: Option<&Path>,
    set: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Passphrase>, pki::Error> {
    if let Some(file) = file {
        return Passphrase::from_file(file).map(Some);
    }
    if let Some(text) = set(PASSPHRASE) {
        return Passphrase::new(text.to_string_lossy().trim().to_owned()).map(Some);
    }
    let credential = set(CREDENTIALS.0).map(|folder| Path::new(&folder).join(CREDENTIALS.1));
    credential.filter(|file| file.exists()).map(|file| Passphrase::from_file(&file)).transpose()
}

/// The fleet of a command that works on what is there already and may need the authorities' keys.
///
/// # Errors
/// When nothing is there, or it can't be opened.
pub async fn existing_with_keys(place: &Place, options: &cli::Keys) -> Result<Fleet, Failure> {
    let keys = keys(options, &folder(place)?)?;
    Ok(existing(place).await?.with_keys(keys))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't write to its temporary folder should fail")]
    use super::*;

    #[test]
    fn the_passphrase_is_of_the_file_or_the_environment_or_systemd() {
        let folder = tempfile::tempdir().unwrap();
        let (file, credential) = (folder.path().join("phrase"), folder.path().join(CREDENTIALS.1));
        std::fs::write(&file, "of the file\nsecond line\n").unwrap();
        std::fs::write(&credential, "of systemd\n").unwrap();
        let credentials = folder.path().as_os_str().to_owned();
        let both = |name: &str| match name {
            PASSPHRASE => Some(OsString::from("of the environment")),
            _ => Some(credentials.clone()),
        };
        let systemd = |name: &str| (name == CREDENTIALS.0).then(|| credentials.clone());
        let read = |file: Option<&Path>, set: &dyn Fn(&str) -> Option<OsString>| {
            passphrase_from(file, set).unwrap().map(|phrase| phrase.reveal().to_owned())
        };
        assert_eq!(read(Some(&file), &both).as_deref(), Some("of the file"));
        assert_eq!(read(None, &both).as_deref(), Some("of the environment"));
        assert_eq!(read(None, &systemd).as_deref(), Some("of systemd"));
        assert_eq!(read(None, &|_| None), None);
        std::fs::write(&file, "\n").unwrap();
        assert!(passphrase_from(Some(&file), both).is_err(), "an empty one is a mistake");
    }

    #[test]
    fn the_database_s_address_is_typed_or_in_a_file_or_of_systemd() {
        let folder = tempfile::tempdir().unwrap();
        let (file, credential) = (folder.path().join("url"), folder.path().join(DATABASE_URL));
        std::fs::write(&file, "postgres://of.the.file/muster\n").unwrap();
        std::fs::write(&credential, "postgres://of.systemd/muster\n").unwrap();
        let systemd = |name: &str| (name == CREDENTIALS.0).then(|| folder.path().as_os_str().to_owned());
        let place = |url: Option<&str>, file: Option<&Path>| Place {
            data: None,
            database_url: url.map(str::to_owned),
            database_url_file: file.map(Path::to_owned),
        };
        let read = |place: &Place| database_url_from(place, systemd).unwrap();
        assert_eq!(read(&place(Some("postgres://typed"), None)).as_deref(), Some("postgres://typed"));
        assert_eq!(read(&place(None, Some(&file))).as_deref(), Some("postgres://of.the.file/muster"));
        assert_eq!(read(&place(None, None)).as_deref(), Some("postgres://of.systemd/muster"));
        assert_eq!(database_url_from(&place(None, None), |_| None), Ok(None));
        std::fs::write(&file, "\n").unwrap();
        assert!(database_url_from(&place(None, Some(&file)), systemd).unwrap_err().contains("first line"));
    }
}
