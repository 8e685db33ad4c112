//! Files that appear whole or not at all.

use super::{at, failed};
pub(super) use crate::private::options as private;

use crate::StoreResult;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

/// What a file is called in whose place another one was put.
pub(super) const BEFORE: &str = ".before-restore";

/// A file under way. Dropped, it leaves nothing behind.
pub(super) struct Unfinished {
    path: PathBuf,
    kept: bool,
}

impl Unfinished {
    /// An empty file in the target's folder, which its owner alone can read: a backup holds password hashes.
    pub(super) fn beside(target: &Path) -> StoreResult<Self> {
        let Some(name) = target.file_name() else {
            return Err(failed(format!("{} is not a file's name", target.display())));
        };
        let name = format!(".{}.{}.partial", name.to_string_lossy(), uuid::Uuid::now_v7().simple());
        let path = target.with_file_name(name);
        private().write(true).create_new(true).open(&path).map_err(at(&path))?;
        Ok(Self { path, kept: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it durable, then gives it its name. Its size.
    pub(super) fn keep_as(mut self, target: &Path) -> StoreResult<u64> {
        let file = File::open(&self.path).map_err(at(&self.path))?;
        file.sync_all().map_err(at(&self.path))?;
        let size = file.metadata().map_err(at(&self.path))?.len();
        fs::rename(&self.path, target).map_err(at(target))?;
        self.kept = true;
        sync_folder(target)?;
        Ok(size)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.kept {
            // Nobody can act on a failure here; the name says that it is partial.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes a file's name durable.
pub(super) fn sync_folder(file: &Path) -> StoreResult<()> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))
}

/// The name of a file that belongs to another one: `muster.db` and `-wal` make `muster.db-wal`.
pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Under which name a file is kept that another one takes the place of: the first that is free, for what was kept by an
/// earlier restore may be needed yet.
pub(super) fn free_name(file: &Path, is_free: impl Fn(&Path) -> bool) -> PathBuf {
    (1_u64..).map(|n| kept_name(file, n)).find(|name| is_free(name)).unwrap_or_else(|| kept_name(file, 1))
}

/// The same for what is kept so many times only: when they are that many, the earliest goes.
pub(super) fn name_among(file: &Path, most: u64) -> StoreResult<PathBuf> {
    if let Some(free) = (1..=most).map(|n| kept_name(file, n)).find(|name| !name.exists()) {
        return Ok(free);
    }
    for n in 1..most {
        let (later, earlier) = (kept_name(file, n + 1), kept_name(file, n));
        fs::rename(&later, &earlier).map_err(at(&later))?;
    }
    Ok(kept_name(file, most))
}

fn kept_name(file: &Path, n: u64) -> PathBuf {
    beside(file, &if n == 1 { BEFORE.to_owned() } else { format!("{BEFORE}-{n}") })
}

/// Removes a file, if it is there.
pub(super) fn remove(file: &Path) -> StoreResult<()> {
    match fs::remove_file(file) {
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(at(file)),
    }
}

/// Gives a file a second name, so that at no moment there is none under the first; where that is not possible, a new one.
pub(super) fn keep(file: &Path, kept: &Path) -> StoreResult<()> {
    if fs::hard_link(file, kept).is_err() {
        fs::rename(file, kept).map_err(at(file))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn of_what_is_kept_so_many_times_the_last_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.crl");
        for n in 1..=7 {
            fs::write(&file, n.to_string()).unwrap();
            keep(&file, &name_among(&file, 4).unwrap()).unwrap();
            // As a restore does, whose file has another content and not the same under another name.
            fs::remove_file(&file).unwrap();
        }
        let text = |ending: &str| fs::read_to_string(beside(&file, ending)).unwrap();
        let kept = [BEFORE, ".before-restore-2", ".before-restore-3", ".before-restore-4"].map(text);
        assert_eq!(kept, ["4", "5", "6", "7"]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
    }
}
