//! Files that are there whole or not at all, and keys that only their owner can read.

use crate::Error;
use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::Path,
};

/// Writes a file that only its owner may read (mode 0600 from its first byte), replacing the old one in one step.
///
/// # Errors
/// When the folder or the file can't be written.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), Error> {
    write(path, content, 0o600)
}

/// Writes a file that anyone may read (mode 0644), replacing the old one in one step.
///
/// # Errors
/// When the folder or the file can't be written.
pub fn write_public(path: &Path, content: &[u8]) -> Result<(), Error> {
    write(path, content, 0o644)
}

/// Makes a folder, and those above it, for its owner alone (mode 0700). One that is there stays as it is.
///
/// # Errors
/// When it can't be made.
pub fn make_folder(folder: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(Error::file(folder, "made"))
}

fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folder(folder)?;
    // Its own name per process, so that what a killed process left behind is in nobody's way.
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let temporary = folder.join(name);
    let replaced = write_new(&temporary, content, mode).and_then(|()| fs::rename(&temporary, path));
    if replaced.is_err() {
        // The first error is the one to tell; a leftover file is harmless.
        let _ = fs::remove_file(&temporary);
    }
    replaced.map_err(Error::file(path, "written"))?;
    // The new name itself must survive a power cut, not only the content.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::file(folder, "written"))
}

fn write_new(path: &Path, content: &[u8], mode: u32) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't write to its temporary folder should fail")]
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_key_is_readable_by_its_owner_alone_and_replaced_whole() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tls/key.pem");
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing temporary stays");
    }

    #[test]
    fn an_unwritable_place_is_told_by_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        let error = write_private(&file.join("key.pem"), b"x").unwrap_err().to_string();
        assert!(error.contains("file could not be made"), "{error}");
    }
}
