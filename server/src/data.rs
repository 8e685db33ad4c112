//! The data folder: where it is, and that only one console works in it.

use std::{
    env,
    fs::{self, File, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

/// Why a data folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// No default could be found.
    #[error("there is no home folder to keep data in; say where with --data FOLDER")]
    NoHome,
    /// It can't be made or written.
    #[error("the data folder {folder} can't be used ({source}); choose another one with --data FOLDER", folder = folder.display())]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another console works in it.
    #[error("another Muster (process {pid}) already works in {folder}; stop it, or choose another folder with --data FOLDER", folder = folder.display())]
    Taken {
        /// The folder.
        folder: PathBuf,
        /// The other process, as it wrote.
        pid: String,
    },
}

/// The data folder that was asked for, or the default one, whose last part is `name`.
///
/// # Errors
/// When nothing was asked for and the environment offers nothing.
pub fn folder(asked: Option<&Path>, name: &str) -> Result<PathBuf, DataError> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    default_folder(asked, name, set)
}

fn default_folder(
    asked: Option<&Path>,
    name: &str,
    set: impl Fn(&str) -> Option<PathBuf>,
) -> Result<PathBuf, DataError> {
    if let Some(folder) = asked {
        return Ok(folder.to_owned());
    }
    // systemd sets it for services with StateDirectory=; it may name several, of which the first is the main one.
    if let Some(folder) = set("STATE_DIRECTORY") {
        return env::split_paths(&folder).next().ok_or(DataError::NoHome);
    }
    let shared = set("XDG_DATA_HOME").filter(|folder| folder.is_absolute());
    let shared = shared.or_else(|| set("HOME").map(|home| home.join(".local/share")));
    shared.map(|folder| folder.join(name)).ok_or(DataError::NoHome)
}

/// Makes the folder, readable by its owner alone, if it isn't there.
///
/// # Errors
/// When that is not possible.
pub fn make(folder: &Path) -> Result<(), DataError> {
    let unusable = |source| DataError::Unusable { folder: folder.to_owned(), source };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(unusable)
}

/// The right to work in a data folder. It ends with this value, or with the process, however that ends.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "holding it is what it is for")] File);

impl Lock {
    /// Takes the folder.
    ///
    /// # Errors
    /// When another process has it, or its lock file can't be written.
    pub fn take(folder: &Path) -> Result<Self, DataError> {
        let unusable = |source| DataError::Unusable { folder: folder.to_owned(), source };
        let path = folder.join("lock");
        let open = store::private::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(unusable)?;
        store::private::close(&path);
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // Only for the message; without it the message is still right.
                let _ = file.take(20).read_to_string(&mut pid);
                return Err(DataError::Taken { folder: folder.to_owned(), pid: pid.trim().to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(unusable)?;
        writeln!(file, "{}", std::process::id()).map_err(unusable)?;
        Ok(Self(file))
    }
}

/// Where a console notes the address by which people reach it, for links that commands print.
const ADDRESS: &str = "address";

/// Notes the console's address. Without it links of commands begin with the usual one, which is not worth a failure.
pub fn note_address(folder: &Path, url: &str) {
    let options = || store::private::options().write(true).create(true).truncate(true).open(folder.join(ADDRESS));
    if let Err(error) = options().and_then(|mut file| file.write_all(url.as_bytes())) {
        tracing::warn!(%error, "the console's address could not be noted in the data folder");
    }
}

/// The address by which people reached the console that last worked in this folder.
#[must_use]
pub fn noted_address(folder: &Path) -> Option<String> {
    let url = fs::read_to_string(folder.join(ADDRESS)).ok()?;
    let url = url.trim().to_owned();
    url.starts_with("https://").then_some(url)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't write to its temporary folder should fail")]
    use super::*;

    #[test]
    fn the_default_follows_the_environment() {
        let at = |pairs: &'static [(&str, &str)]| {
            let set = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| PathBuf::from(value));
            default_folder(None, "muster", set).ok().map(|folder| folder.display().to_string())
        };
        assert_eq!(
            at(&[("STATE_DIRECTORY", "/var/lib/muster:/x"), ("HOME", "/h")]).as_deref(),
            Some("/var/lib/muster")
        );
        assert_eq!(at(&[("XDG_DATA_HOME", "/d"), ("HOME", "/h")]).as_deref(), Some("/d/muster"));
        assert_eq!(at(&[("XDG_DATA_HOME", "relative"), ("HOME", "/h")]).as_deref(), Some("/h/.local/share/muster"));
        assert_eq!(at(&[]), None);
    }

    /// Whether nobody works there. A program that another test starts at this moment keeps a lock for a moment longer.
    fn is_free(folder: &Path) -> bool {
        (0..500).any(|n| {
            std::thread::sleep(std::time::Duration::from_millis(if n > 0 { 20 } else { 0 }));
            Lock::take(folder).is_ok()
        })
    }

    #[test]
    fn one_folder_one_console() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path()).unwrap();
        let told = Lock::take(folder.path()).unwrap_err().to_string();
        assert!(told.contains(&format!("another Muster (process {}) already works in", std::process::id())), "{told}");
        drop(first);
        assert!(is_free(folder.path()));
    }

    #[test]
    fn the_address_is_noted_for_commands() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(noted_address(folder.path()), None);
        note_address(folder.path(), "https://127.0.0.1:8443");
        note_address(folder.path(), "https://fleet.example");
        assert_eq!(noted_address(folder.path()).as_deref(), Some("https://fleet.example"));
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_sees_the_folder() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap().path().join("a/b");
        make(&folder).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        fs::write(folder.join("lock"), "").unwrap();
        fs::set_permissions(folder.join("lock"), fs::Permissions::from_mode(0o644)).unwrap();
        let _lock = Lock::take(&folder).unwrap();
        note_address(&folder, "https://fleet.example");
        assert_eq!((mode(&folder.join("lock")), mode(&folder.join(ADDRESS))), (0o600, 0o600));
    }
}
