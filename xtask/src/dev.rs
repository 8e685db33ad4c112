//! Watching the sources: build and restart on every change.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use notify::{RecursiveMode, Watcher};

use crate::build::{self, Profile};
use crate::error::Error;
use crate::exec;
use crate::wasm::{self, toolchain::Choice};
use crate::workspace::Workspace;

/// What is watched.
const SOURCES: [&str; 6] = ["app", "crates", "server", "style", "frontend", "migrations"];

/// An editor saves in several steps; this long without a change means that it is done.
const QUIET: Duration = Duration::from_millis(250);

/// Builds and restarts until interrupted. A build that fails leaves the last server running.
pub fn watch(workspace: &Workspace, choice: Choice, args: &[OsString]) -> Result<(), Error> {
    let (sender, changes) = channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // The receiver is gone only when this program ends.
        drop(sender.send(event));
    })?;
    for folder in SOURCES.map(|name| workspace.source(name)).iter().filter(|folder| folder.is_dir()) {
        watcher.watch(folder, RecursiveMode::Recursive)?;
    }
    let mut server = None;
    loop {
        match build_all(workspace, choice) {
            Ok(program) => restart(&mut server, &program, args)?,
            Err(error) => eprintln!("error: {error}"),
        }
        println!("watching {} for changes", SOURCES.join(", "));
        if !wait_for_change(&changes) {
            return Ok(());
        }
    }
}

fn build_all(workspace: &Workspace, choice: Choice) -> Result<std::path::PathBuf, Error> {
    build::site(workspace, choice, wasm::Profile::Dev)?;
    build::server(workspace, Profile::Dev)
}

fn restart(server: &mut Option<Child>, program: &Path, args: &[OsString]) -> Result<(), Error> {
    if let Some(mut old) = server.take() {
        exec::stop(&mut old);
    }
    *server = Some(exec::spawn(Command::new(program).arg("demo").args(args))?);
    Ok(())
}

/// Waits until sources changed and are quiet again. False when there is nothing left to wait for.
fn wait_for_change(changes: &Receiver<notify::Result<notify::Event>>) -> bool {
    loop {
        match changes.recv() {
            Ok(Ok(event)) if matters(&event) => break,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
    loop {
        match changes.recv_timeout(QUIET) {
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

/// Reading is no change, and neither is what packages and editors leave.
fn matters(event: &notify::Event) -> bool {
    let noise = |path: &Path| {
        path.components().any(|part| part.as_os_str() == "node_modules")
            || path
                .file_name()
                .is_none_or(|name| name.to_string_lossy().starts_with('.') || name.to_string_lossy().ends_with('~'))
    };
    !event.kind.is_access() && event.paths.iter().any(|path| !noise(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::EventKind;
    use notify::event::{AccessKind, CreateKind};

    #[test]
    fn only_real_changes_matter() {
        let event = |kind, path: &str| notify::Event::new(kind).add_path(path.into());
        assert!(matters(&event(EventKind::Create(CreateKind::File), "app/src/lib.rs")));
        assert!(!matters(&event(EventKind::Access(AccessKind::Read), "app/src/lib.rs")));
        assert!(!matters(&event(EventKind::Create(CreateKind::File), "app/src/.lib.rs.swp")));
        assert!(!matters(&event(EventKind::Create(CreateKind::File), "style/reference/node_modules/x.js")));
    }
}
