//! What a backup holds of the data folder beside the database: the sealed keys of the authorities, and how far their lists
//! of revoked certificates have come.

use super::{
    Arriving, Shelf, at, failed,
    files::{self, BEFORE},
};
use crate::StoreResult;
use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The folder of sealed keys. A file of it never changes.
const KEYS: &str = "keys";
/// The folder of revocation lists: of each authority its last number and its last list.
const LISTS: &str = "crl";
/// How many lists, and numbers, of an authority are kept that later ones took the place of: whoever restores every week has
/// no use for all of them. Keys are all kept, each may be the only one.
const LISTS_KEPT: u64 = 4;
/// The folders, and how names in them end.
const HELD: [(&str, &[&str]); 2] = [(KEYS, &["pem"]), (LISTS, &["crl", "number"])];

/// What a file is called while it is not in its place yet.
const ARRIVING: &str = ".restoring";

/// The names of what is there to be backed up, `keys/brno-1.pem`, in order: a list before its number, which is reserved
/// before the list is written.
pub(super) fn list(folder: &Path) -> StoreResult<Vec<String>> {
    let mut names = Vec::new();
    for (kind, _) in HELD {
        let path = folder.join(kind);
        let entries = match fs::read_dir(&path) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(at(&path))?,
        };
        for entry in entries {
            let name = format!("{kind}/{}", entry.map_err(at(&path))?.file_name().to_string_lossy());
            if is_ours(&name) && folder.join(&name).is_file() {
                names.push(name);
            }
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// A file of the data folder; none when it is gone.
pub(super) fn read(folder: &Path, name: &str) -> StoreResult<Option<Vec<u8>>> {
    let path = folder.join(name);
    match fs::read(&path) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some).map_err(at(&path)),
    }
}

/// Whether a name is that of a file which backups hold: one of two folders, nothing beneath or beside them, and nothing
/// hidden.
fn is_ours(name: &str) -> bool {
    let Some((folder, file)) = name.split_once('/') else { return false };
    let Some((stem, ending)) = file.rsplit_once('.') else { return false };
    let right = HELD.iter().any(|(held, endings)| *held == folder && endings.contains(&ending));
    right && !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Files of a backup that wait beside their places in a data folder. Dropped, they are gone.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    force: bool,
    /// By their names in the data folder.
    waiting: Vec<String>,
    /// What is to go on the shelf.
    arriving: Option<Arriving>,
}

impl Files {
    pub(super) fn new(folder: &Path, shelf: Option<Arc<dyn Shelf>>, force: bool) -> Self {
        let arriving = shelf.map(|shelf| Arriving::new(folder, shelf));
        Self { folder: folder.to_owned(), force, waiting: Vec::new(), arriving }
    }

    /// Where files of releases wait.
    pub(super) fn arriving(&mut self) -> StoreResult<&mut Arriving> {
        self.arriving.as_mut().ok_or_else(|| failed("there is no shelf to put the files of releases on"))
    }

    /// Files of releases that wait to be put on the shelf; whoever takes them puts them there.
    pub fn take_arriving(&mut self) -> Option<Arriving> {
        self.arriving.take()
    }

    /// Lets a file wait, durably, unless it is in its place already. A key that is there and is another one is replaced
    /// only by force.
    pub(super) fn add(&mut self, name: &str, data: &[u8]) -> StoreResult<()> {
        if !is_ours(name) {
            return Err(failed(format!("the backup is damaged: it holds a file “{}”", name.escape_debug())));
        }
        let path = self.folder.join(name);
        match fs::symlink_metadata(&path) {
            Ok(found) if !found.is_file() => {
                return Err(failed(format!("the path {} is there and is no file; move it away first", path.display())));
            }
            Ok(_) if fs::read(&path).map_err(at(&path))? == data => return Ok(()),
            Ok(_) if name.starts_with(KEYS) && !self.force => {
                return Err(failed(format!(
                    "the key {} is there already and is another one. Restore into an empty folder (--data FOLDER), or type the command \
                     again with --force: what is there is then kept beside it, as …{BEFORE}",
                    path.display()
                )));
            }
            Ok(_) => {}
            Err(why) if why.kind() == io::ErrorKind::NotFound => {}
            Err(why) => return Err(at(&path)(why)),
        }
        make_folder(path.parent().unwrap_or(&self.folder))?;
        let arriving = files::beside(&path, ARRIVING);
        files::remove(&arriving)?;
        self.waiting.push(name.to_owned());
        let mut file = files::private().write(true).create_new(true).open(&arriving).map_err(at(&arriving))?;
        file.write_all(data).and_then(|()| file.sync_all()).map_err(at(&arriving))
    }

    /// Puts the files in their places, durably. A list of revoked certificates that is further than that of the backup
    /// stays: its number must not come again, and it tells what was revoked since. What is replaced is kept beside it.
    /// How many were put there.
    pub(super) fn put_in_place(mut self) -> StoreResult<usize> {
        // A number comes after its list: should it end between the two, the number still tells that the list is older.
        self.waiting.sort_unstable();
        let mut put = 0;
        let comes = self.waiting.clone();
        let late: Vec<bool> = comes.iter().map(|name| self.is_late(name)).collect::<StoreResult<_>>()?;
        for (name, late) in comes.iter().zip(late) {
            let path = self.folder.join(name);
            let arriving = files::beside(&path, ARRIVING);
            if late {
                files::remove(&arriving)?;
                continue;
            }
            if path.exists() {
                let kept = if name.starts_with(LISTS) {
                    files::name_among(&path, LISTS_KEPT)?
                } else {
                    files::free_name(&path, |name| !name.exists())
                };
                files::keep(&path, &kept)?;
            }
            fs::rename(&arriving, &path).map_err(at(&path))?;
            files::sync_folder(&path)?;
            put += 1;
        }
        Ok(put)
    }

    /// Whether what is in the folder is a list, or its number, that is at least as far as what comes.
    fn is_late(&self, name: &str) -> StoreResult<bool> {
        let list = name.strip_prefix(LISTS).and_then(|name| name.rsplit_once('.'));
        let Some((stem, _)) = list.filter(|_| self.folder.join(name).exists()) else { return Ok(false) };
        let number = format!("{LISTS}{stem}.number");
        let there = number_in(&self.folder.join(&number))?;
        // One that does not wait is the same as the one that is there.
        let waits = self.waiting.contains(&number);
        let comes = if waits { number_in(&files::beside(&self.folder.join(&number), ARRIVING))? } else { there };
        Ok(there >= comes)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for name in &self.waiting {
            // Nobody can act on a failure here; the name says what it is, and the next restore removes it.
            let _ = fs::remove_file(files::beside(&self.folder.join(name), ARRIVING));
        }
    }
}

/// The number in a file; 0 when there is none.
fn number_in(path: &Path) -> StoreResult<i64> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().parse().unwrap_or(0)),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(why) => Err(at(path)(why)),
    }
}

/// Makes a folder, durably, unless it is there.
fn make_folder(folder: &Path) -> StoreResult<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(at(folder))?;
    files::sync_folder(folder)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn only_plain_names_in_two_folders_are_ours() {
        for name in ["keys/factory-ca-brno-0a1b2c.pem", "crl/batch-a.crl", "crl/batch-a.number"] {
            assert!(is_ours(name), "{name}");
        }
        for name in [
            "keys/../muster.db.pem",
            "keys/a/b.pem",
            "/keys/a.pem",
            "keys//etc/a.pem",
            "keys/.pem",
            "keys/.hidden.pem",
            "keys/a.pem.restoring",
            "keys/a.crl",
            "crl/a.pem",
            "tls/a.pem",
            "muster.db",
            "keys\\a.pem",
            "../keys/a.pem",
            "keys/a\0.pem",
            "",
        ] {
            assert!(!is_ours(name), "{name}");
        }
    }

    #[test]
    fn a_list_that_is_further_stays_and_what_is_replaced_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
            fs::write(folder.path().join(name), text).unwrap();
        };
        let text = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        for (name, kept) in [("crl/new.crl", "list 9"), ("crl/new.number", "9"), ("crl/old.crl", "list 3")] {
            put(name, kept);
        }
        put("crl/old.number", "3");
        put("keys/a.pem", "theirs");
        let mut files = Files::new(folder.path(), None, false);
        assert!(files.add("keys/a.pem", b"ours").is_err(), "a key is not replaced by accident");
        let mut files = Files::new(folder.path(), None, true);
        let held =
            [("crl/new.crl", "list 5"), ("crl/new.number", "5"), ("crl/old.crl", "list 5"), ("crl/old.number", "5")];
        for (name, data) in held.into_iter().chain([("keys/a.pem", "ours"), ("keys/b.pem", "ours")]) {
            files.add(name, data.as_bytes()).unwrap();
        }
        assert_eq!(text("crl/old.number"), "3", "nothing is changed yet");
        assert_eq!(files.put_in_place().unwrap(), 4);
        assert_eq!((text("crl/new.crl").as_str(), text("crl/new.number").as_str()), ("list 9", "9"));
        assert_eq!((text("crl/old.crl").as_str(), text("crl/old.number").as_str()), ("list 5", "5"));
        assert_eq!((text("keys/a.pem").as_str(), text("keys/a.pem.before-restore").as_str()), ("ours", "theirs"));
        for n in 6..20 {
            let mut later = Files::new(folder.path(), None, false);
            later.add("crl/old.crl", format!("list {n}").as_bytes()).unwrap();
            later.add("crl/old.number", n.to_string().as_bytes()).unwrap();
            assert_eq!(later.put_in_place().unwrap(), 2);
        }
        assert_eq!(text("crl/old.crl.before-restore"), "list 15", "the last four are kept");
        assert_eq!(text("crl/old.number.before-restore-4"), "18");
        assert_eq!(fs::read_dir(folder.path().join("crl")).unwrap().count(), 4 + 2 * 4);
        let mut again = Files::new(folder.path(), None, false);
        again.add("keys/b.pem", b"ours").unwrap();
        assert_eq!(again.put_in_place().unwrap(), 0, "it is there");
        let left = fs::read_dir(folder.path().join("keys")).unwrap().count();
        assert_eq!(left, 3);
        #[cfg(unix)]
        {
            use std::os::unix::fs::{PermissionsExt, symlink};
            let mode = fs::metadata(folder.path().join("keys/b.pem")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            symlink(folder.path().join("crl/new.crl"), folder.path().join("keys/c.pem")).unwrap();
            assert!(
                Files::new(folder.path(), None, true).add("keys/c.pem", b"ours").is_err(),
                "a link is not written through"
            );
        }
    }
}
