//! The data folder: whose it is, who may read it, how much room there is, and whether somebody works in it.

use super::finding::{Findings, Mark};
use crate::{cli::Keys, commands::place};
use std::{
    fs::{self, File, Metadata, TryLockError},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

const ABOUT: &str = "data folder";
const ROOM: &str = "free space";
const PROCESS: &str = "process";
const KEYS: &str = "passphrase";

/// Below that, nothing more comes in soon.
const LITTLE: u64 = 1024 * 1024 * 1024;

/// What else can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Whether a console works here.
    pub is_running: bool,
    /// Whether it is there, and belongs to whoever looks.
    pub is_ours: bool,
}

/// Looks at the folder.
pub fn look(folder: &Path, found: &mut Findings) -> State {
    let shown = folder.display();
    let metadata = match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => {
            found.wrong(ABOUT, format!("{shown} is no folder"), "say where it is with --data FOLDER");
            return State { is_running: false, is_ours: false };
        }
        Err(why) => {
            let advice = "say where it is with --data FOLDER; `muster serve` makes it at its first start";
            found.wrong(ABOUT, format!("{shown} can't be looked at: {why}"), advice);
            return State { is_running: false, is_ours: false };
        }
    };
    let is_ours = whose(folder, &metadata, found);
    closed(folder, &metadata, found);
    room(folder, found);
    let is_running = running(folder, found);
    State { is_running, is_ours }
}

fn whose(folder: &Path, metadata: &Metadata, found: &mut Findings) -> bool {
    // What the kernel says of this process is this user's.
    let me = fs::metadata("/proc/self").map_or_else(|_| metadata.uid(), |own| own.uid());
    let shown = folder.display();
    if metadata.uid() == me {
        found.ok(ABOUT, format!("{shown} belongs to this user"));
        return true;
    }
    let owner = user_name(metadata.uid()).unwrap_or_else(|| metadata.uid().to_string());
    found.wrong(
        ABOUT,
        format!("{shown} belongs to {owner}, not to this user; what is in it was not looked at"),
        format!("type: runuser -u {owner} -- muster doctor"),
    );
    false
}

fn user_name(uid: u32) -> Option<String> {
    let all = fs::read_to_string("/etc/passwd").ok()?;
    let fields = all.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let mut named = fields.filter(|fields| fields.get(2).is_some_and(|id| *id == uid.to_string()));
    named.next().and_then(|fields| fields.first().map(|name| (*name).to_owned()))
}

/// Whether others can read what is in it.
fn closed(folder: &Path, metadata: &Metadata, found: &mut Findings) {
    let mut open: Vec<String> = Vec::new();
    if metadata.permissions().mode() & 0o077 != 0 {
        open.push(folder.display().to_string());
    }
    let keys = fs::read_dir(folder.join("keys")).into_iter().flatten().filter_map(Result::ok).map(|key| key.path());
    for file in keys.chain(["muster.db", "muster.db-wal"].map(|name| folder.join(name))) {
        if fs::metadata(&file).is_ok_and(|of| of.permissions().mode() & 0o077 != 0) {
            open.push(file.display().to_string());
        }
    }
    match open.first() {
        None => found.ok(ABOUT, "only its owner can read what is in it"),
        Some(first) => found.attention(
            ABOUT,
            format!("other users of this machine can read {} of it, as {first}", open.len()),
            format!("type: chmod go= {}", open.iter().take(3).cloned().collect::<Vec<_>>().join(" ")),
        ),
    }
}

fn room(folder: &Path, found: &mut Findings) {
    let Ok(of) = rustix::fs::statvfs(folder) else { return };
    let (free, all) = (of.f_bavail.saturating_mul(of.f_frsize), of.f_blocks.saturating_mul(of.f_frsize));
    let (mark, told) = judge_room(free, all);
    let advice = if mark == Mark::Ok { "" } else { "give its disk more room, or move what else is on it" };
    found.add(mark, ROOM, told, advice);
}

fn judge_room(free: u64, all: u64) -> (Mark, String) {
    let told = format!("{} MiB of {} MiB are free", free / 1_048_576, all / 1_048_576);
    let mark = match free {
        // What uploads leave free, too.
        free if free < LITTLE / 4 => Mark::Wrong,
        free if free < LITTLE || free < all / 20 => Mark::Attention,
        _ => Mark::Ok,
    };
    (mark, told)
}

/// Whoever works in a folder holds its lock.
fn running(folder: &Path, found: &mut Findings) -> bool {
    let path = folder.join("lock");
    let held = match File::open(&path) {
        Ok(lock) => matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)),
        Err(_) => false,
    };
    if held {
        let pid = fs::read_to_string(&path).unwrap_or_default();
        found.ok(PROCESS, format!("Muster works here (process {})", pid.trim()));
    } else {
        found.attention(PROCESS, "no Muster works in this folder", "type: systemctl start muster");
    }
    held
}

/// What opens the keys.
pub fn passphrase(keys: &Keys, found: &mut Findings) {
    match place::passphrase(keys) {
        Ok(Some(_)) => {
            let file = keys.key_passphrase_file.as_deref();
            let open = file.filter(|file| fs::metadata(file).is_ok_and(|of| of.permissions().mode() & 0o004 != 0));
            match open.map(Path::display) {
                Some(file) => found.attention(
                    KEYS,
                    format!("everybody on this machine can read {file}"),
                    format!("type: chmod 600 {file}"),
                ),
                None => found.ok(KEYS, "it was given"),
            }
        }
        Ok(None) => found.attention(
            KEYS,
            "none was given here, so whether keys open was not looked at",
            "give --key-passphrase-file FILE; without one, nothing is signed, CRLs neither",
        ),
        Err(why) => found.wrong(KEYS, why.to_string(), "give a file whose first line is the passphrase"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't write to its temporary folder should fail")]
    use super::*;
    use crate::data;

    #[test]
    fn a_folder_that_is_closed_and_worked_in_is_well() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        data::make(&path).unwrap();
        let lock = data::Lock::take(&path).unwrap();
        let mut found = Findings::default();
        assert_eq!(look(&path, &mut found), State { is_running: true, is_ours: true });
        assert_eq!(found.marks(PROCESS), [(Mark::Ok, &*format!("Muster works here (process {})", std::process::id()))]);
        assert!(found.marks(ABOUT).iter().all(|(mark, _)| *mark == Mark::Ok), "{found:?}");
        drop(lock);
        let found = (0..500).find_map(|_| {
            let mut found = Findings::default();
            let is_running = look(&path, &mut found).is_running;
            // A program that another test starts at this moment keeps the lock for a moment longer.
            std::thread::sleep(std::time::Duration::from_millis(if is_running { 20 } else { 0 }));
            (!is_running).then_some(found)
        });
        let found = found.unwrap();
        assert_eq!(found.marks(PROCESS)[0].0, Mark::Attention);
        assert!(data::Lock::take(&path).is_ok(), "looking takes nothing");
    }

    #[test]
    fn what_others_can_read_is_told() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        fs::create_dir(folder.path().join("keys")).unwrap();
        let key = folder.path().join("keys/ca.pem");
        fs::write(&key, "sealed").unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        let mut found = Findings::default();
        look(folder.path(), &mut found);
        let told = found.marks(ABOUT);
        assert!(told.iter().any(|(mark, told)| *mark == Mark::Attention && told.contains("ca.pem")), "{told:?}");
    }

    #[test]
    fn a_folder_that_is_missing_or_another_s_is_told() {
        let folder = tempfile::tempdir().unwrap();
        for (path, says) in [("nowhere", "can't be looked at"), ("file", "is no folder")] {
            fs::write(folder.path().join("file"), "").unwrap();
            let mut found = Findings::default();
            assert!(!look(&folder.path().join(path), &mut found).is_ours);
            assert!(found.marks(ABOUT)[0].1.contains(says), "{found:?}");
        }
        // Root owns what is always there, so it gives something away.
        let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
        let path = if is_root { folder.path() } else { Path::new("/") };
        if is_root {
            std::os::unix::fs::chown(path, Some(1), None).unwrap();
        }
        let mut found = Findings::default();
        assert!(!look(path, &mut found).is_ours);
        assert!(found.lines().iter().any(|line| line.contains("type: runuser -u ")), "{found:?}");
    }

    #[test]
    fn little_room_is_told() {
        let gib = |n: u64| n * 1024 * 1024 * 1024;
        assert_eq!(judge_room(gib(50), gib(100)).0, Mark::Ok);
        assert_eq!(judge_room(gib(4), gib(100)).0, Mark::Attention);
        assert_eq!(judge_room(gib(1) / 2, gib(2)).0, Mark::Attention);
        assert_eq!(judge_room(gib(1) / 8, gib(2)), (Mark::Wrong, "128 MiB of 2048 MiB are free".to_owned()));
    }

    #[test]
    fn a_passphrase_that_all_can_read_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("phrase");
        fs::write(&file, "a b c\n").unwrap();
        let judged = |mode: u32| {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let mut found = Findings::default();
            passphrase(&Keys { key_passphrase_file: Some(file.clone()) }, &mut found);
            found.marks(KEYS)[0].0
        };
        assert_eq!((judged(0o600), judged(0o644)), (Mark::Ok, Mark::Attention));
        fs::write(&file, "\n").unwrap();
        assert_eq!(judged(0o600), Mark::Wrong);
    }
}
