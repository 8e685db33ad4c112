//! Reading trees, writing whole files, and knowing whether anything changed.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::Error;

/// A file's bytes.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(Error::file("read", path))
}

/// A folder and all above it.
pub fn make_folder(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(Error::file("make the folder", path))
}

/// Writes a file whole or not at all, and leaves one alone that already says the same.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".part");
    let unfinished = PathBuf::from(unfinished);
    fs::write(&unfinished, bytes).map_err(Error::file("write", &unfinished))?;
    fs::rename(&unfinished, path).map_err(Error::file("put into place", path))
}

/// The hexadecimal SHA-256 of some bytes.
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// One hash over files and folders (by relative name and content) and over some words.
///
/// An input that does not exist counts as absent, so that its appearance is a change.
pub fn fingerprint(root: &Path, inputs: &[&str], words: &[&str]) -> Result<String, Error> {
    let mut hash = Sha256::new();
    for word in words {
        feed(&mut hash, word.as_bytes());
    }
    for input in inputs {
        for path in tree(&root.join(input))? {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            feed(&mut hash, name.as_bytes());
            feed(&mut hash, &read(&path)?);
        }
    }
    Ok(hex::encode(hash.finalize()))
}

fn feed(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

/// Every file below a path in a fixed order, without what editors and package managers leave.
pub fn tree(path: &Path) -> Result<Vec<PathBuf>, Error> {
    if path.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    let Ok(entries) = fs::read_dir(path) else { return Ok(Vec::new()) };
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::file("list", path))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && !name.ends_with('~') && name != "node_modules" && name != "target" {
            paths.push(entry.path());
        }
    }
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        files.extend(tree(&path)?);
    }
    Ok(files)
}

/// Remembers that a step was done with exactly these inputs.
#[derive(Debug)]
pub struct Stamp {
    path: PathBuf,
    print: String,
}

impl Stamp {
    /// A stamp of a name, for inputs with this fingerprint.
    pub fn new(memory: &Path, name: &str, print: String) -> Self {
        Self { path: memory.join(format!("{name}.stamp")), print }
    }

    /// Whether the step was already done with these inputs.
    pub fn is_fresh(&self) -> bool {
        fs::read(&self.path).is_ok_and(|there| there == self.print.as_bytes())
    }

    /// The step was done.
    pub fn set(&self) -> Result<(), Error> {
        write(&self.path, self.print.as_bytes())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_notices_content_names_and_absence() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let print = || fingerprint(root, &["a", "b.txt"], &["x"]).unwrap();
        let empty = print();
        fs::create_dir(root.join("a")).unwrap();
        assert_eq!(empty, print(), "an empty folder is no content");
        fs::write(root.join("a/one"), "1").unwrap();
        let one = print();
        assert_ne!(empty, one);
        fs::rename(root.join("a/one"), root.join("a/two")).unwrap();
        assert_ne!(one, print(), "a new name is a change");
        fs::rename(root.join("a/two"), root.join("a/one")).unwrap();
        assert_eq!(one, print());
        fs::write(root.join("b.txt"), "1").unwrap();
        assert_ne!(one, print());
    }

    #[test]
    fn a_stamp_holds_for_its_inputs_only() {
        let folder = tempfile::tempdir().unwrap();
        let stamp = Stamp::new(folder.path(), "step", "aa".into());
        assert!(!stamp.is_fresh());
        stamp.set().unwrap();
        assert!(stamp.is_fresh());
        assert!(!Stamp::new(folder.path(), "step", "bb".into()).is_fresh());
    }

    #[test]
    fn an_equal_file_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/file");
        write(&path, b"same").unwrap();
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        write(&path, b"same").unwrap();
        assert_eq!(before, fs::metadata(&path).unwrap().modified().unwrap());
    }
}
