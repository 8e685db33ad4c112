//! A console on a real port, and `muster` as somebody elsewhere has it: with its address, its certificate and a token.

use axum::Router;
use server::listener::{Certificates, Door, Limits, Listener, tls_config};
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};
use tokio::{process::Command, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// What a command needs to reach the console lies in its folder: `ca.pem.console` and `token`.
pub struct Remote {
    pub at: SocketAddr,
    /// Where commands ask; a test may let something stand in between.
    pub url: String,
    pub folder: PathBuf,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Remote {
    pub async fn serve(folder: &Path, router: Router, token: &str) -> Self {
        let now = fleet::system_time();
        let made = pki::console_certificate(&["localhost".to_owned()], &[], now).unwrap();
        let identity = pki::read_identity((made.cert_pem.as_bytes(), "c"), (made.key_pem.as_bytes(), "k")).unwrap();
        let loopback: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::bind(loopback, Limits::of(Door::Console)).await.unwrap();
        let (at, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let config = tls_config(&Certificates::new(&identity)).unwrap();
        let serving = tokio::spawn(listener.serve(config, router, stop.clone()));
        fs::write(folder.join("ca.pem.console"), &made.cert_pem).unwrap();
        fs::write(folder.join("token"), format!("{token}\n")).unwrap();
        Self { at, url: format!("https://localhost:{}", at.port()), folder: folder.to_owned(), stop, serving }
    }

    /// Runs a command that must end with this code, and returns all that it said.
    pub async fn says(&self, arguments: &[&str], code: i32) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        command.args(arguments).args(["--url", &self.url, "--token-file", "token", "--ca", "ca.pem.console"]);
        command.current_dir(&self.folder).env("MUSTER_LOG", "error").stdin(Stdio::null());
        let output = command.output().await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", told(&output));
        told(&output)
    }

    /// Ends it in peace.
    pub async fn end(self) {
        self.stop.cancel();
        self.serving.await.unwrap();
    }
}

/// All that a program has said.
pub fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
