//! What the service manager is told.

use crate::commands::command;
use std::{
    os::unix::net::UnixDatagram,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

#[test]
fn the_service_manager_is_told_how_it_stands() {
    if server::assets::manifest().is_err() {
        // Without the browser's files in it the program does not serve; CI builds them first.
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut serve = command(data.path(), &["serve", "--console", "127.0.0.1:0"]);
    serve.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "400000").env_remove("WATCHDOG_PID");
    let mut program = serve.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let heard = || {
        let mut buffer = [0; 4096];
        let n = manager.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..n]).into_owned()
    };
    let until = |word: &str| {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(60) {
            let said = heard();
            if said.lines().any(|line| line == word) {
                return said;
            }
        }
        unreachable!("{word} was never said")
    };
    let ready = until("READY=1");
    assert!(ready.contains("STATUS=Answers at https://localhost:"), "{ready}");
    until("WATCHDOG=1");
    until("WATCHDOG=1");
    assert!(Command::new("kill").arg(program.id().to_string()).status().unwrap().success());
    until("STOPPING=1");
    assert!(program.wait().unwrap().success());
}
