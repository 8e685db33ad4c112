//! Files that their owner alone can read: a database holds password hashes, an upload holds a factory's secrets.

use std::{
    fs::{self, File},
    path::Path,
};

/// Options for a file that its owner alone can read, if it is made by them.
#[must_use]
pub fn options() -> fs::OpenOptions {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Takes from others what they may do with a file, if it is there. A file that isn't ours stays as it is, and that is
/// logged.
pub fn close(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let Ok(metadata) = fs::metadata(path) else { return };
        let mode = metadata.permissions().mode();
        if mode & 0o077 == 0 || !metadata.is_file() {
            return;
        }
        if let Err(error) = fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o700)) {
            tracing::warn!(%error, file = %path.display(), "others on this machine may read this file");
        }
    }
}
