//! Files that commands write for people. None replaces one that is there.

use crate::failure::Failure;
use fleet::enrol::KitFile;
use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

/// Reads a text that somebody named.
///
/// # Errors
/// When that is not possible.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| unread(path, &error))
}

/// Reads a file that somebody named.
///
/// # Errors
/// When that is not possible.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| unread(path, &error))
}

fn unread(path: &Path, error: &std::io::Error) -> Failure {
    Failure::NotDone(format!("{} can't be read: {error}", path.display()))
}

/// Refuses where a file is there already: before anything is made that would then have no place.
///
/// # Errors
/// When one of them is there.
pub fn refuse_existing(paths: &[&Path]) -> Result<(), Failure> {
    match paths.iter().find(|path| path.symlink_metadata().is_ok()) {
        Some(path) => Err(there(path)),
        None => Ok(()),
    }
}

fn there(path: &Path) -> Failure {
    Failure::NotDone(format!(
        "{} is there already and is not replaced; choose another place, or move it",
        path.display()
    ))
}

/// Writes a new file through to the disk: a secret one for its owner alone from its first byte.
///
/// # Errors
/// When it is there already, or can't be written.
pub fn write_new(path: &Path, content: &[u8], secret: bool) -> Result<(), Failure> {
    let unwritten = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => there(path),
        _ => Failure::NotDone(format!("{} can't be written: {error}", path.display())),
    };
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if secret { 0o600 } else { 0o644 });
    let mut file = options.open(path).map_err(unwritten)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(unwritten)
}

/// A folder for what is written next. What of it was made is taken away again unless something came into it.
#[derive(Debug)]
#[must_use = "dropped before anything is in it, it is gone"]
pub struct NewFolder(Vec<PathBuf>);

impl Drop for NewFolder {
    fn drop(&mut self) {
        for folder in &self.0 {
            // One that holds something stays.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// The folders that are not there yet, of a path: what is made of them goes when this does, unless something came into it.
pub fn to_be_made(folder: &Path) -> NewFolder {
    let missing = folder.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists());
    NewFolder(missing.map(Path::to_owned).collect())
}

impl NewFolder {
    /// Whether all of it was there before.
    #[must_use]
    pub fn was_there(&self) -> bool {
        self.0.is_empty()
    }
}

/// Makes a folder for what is written next. It may be there, if it is empty.
///
/// # Errors
/// When something is in it, or it can't be made.
pub fn empty_folder(folder: &Path) -> Result<NewFolder, Failure> {
    let made = to_be_made(folder);
    let unmade = |error: std::io::Error| Failure::NotDone(format!("{} can't be made: {error}", folder.display()));
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(unmade)?;
    if fs::read_dir(folder).map_err(unmade)?.next().is_some() {
        let told = "holds files already, and none is replaced; choose another folder";
        return Err(Failure::NotDone(format!("{} {told}", folder.display())));
    }
    Ok(made)
}

/// Writes the files of a kit into a folder.
///
/// # Errors
/// When one of them is there already, or can't be written.
pub fn write_all(folder: &Path, files: &[KitFile]) -> Result<Vec<PathBuf>, Failure> {
    let mut written = Vec::with_capacity(files.len());
    for file in files {
        let path = folder.join(&file.name);
        write_new(&path, &file.content, file.secret)?;
        #[cfg(unix)]
        if file.name.ends_with(".sh") {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(&path, mode).map_err(Failure::because)?;
        }
        written.push(path);
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't write to its temporary folder should fail")]
    use super::*;

    #[test]
    fn nothing_is_ever_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (path, full) = (folder.path().join("a.key"), folder.path().join("new/folder"));
        write_new(&path, b"first", true).unwrap();
        assert!(write_new(&path, b"second", true).unwrap_err().to_string().contains("is not replaced"));
        assert!(refuse_existing(&[&folder.path().join("b"), &path]).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"first");
        drop(empty_folder(&full).unwrap());
        assert!(!full.exists(), "nothing came into it");
        let _made = empty_folder(&full).unwrap();
        let _again = empty_folder(&full).unwrap();
        write_new(&full.join("x"), b"", false).unwrap();
        assert!(empty_folder(&full).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn secrets_are_the_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        write_new(&folder.path().join("a.key"), b"key", true).unwrap();
        assert_eq!(fs::metadata(folder.path().join("a.key")).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
