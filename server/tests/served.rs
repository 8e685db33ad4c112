//! The program itself, serving a field in the place of the test's own listeners, and what is asked of it by curl.

use crate::field::{Field, PASSPHRASE};
use serde_json::Value;
use std::{
    fmt::Write as _,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};
use tokio::io::AsyncWriteExt;

/// A running `muster serve`, killed with the test.
pub struct Served {
    program: Child,
    /// The console's address.
    pub console: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Served {
    /// Starts it where the field's own gateway and repository were, and waits until it says that it runs.
    pub fn start(field: &Field) -> Self {
        Self::start_with(field, &[], Stdio::null())
    }

    /// The same with more options, and its log there.
    pub fn start_with(field: &Field, options: &[&str], log: Stdio) -> Self {
        Self::start_at(field, options, log, "warn")
    }

    /// The same, where so much is logged.
    pub fn start_at(field: &Field, options: &[&str], log: Stdio, level: &str) -> Self {
        let mut command = command(field, &["serve", "--console", "127.0.0.1:0"]);
        command.args(["--webhook-network", "127.0.0.0/8"]);
        command.args(["--gateway", &field.gateway.to_string(), "--pki", &field.pki.to_string()]);
        command.env("MUSTER_LOG", level);
        Self::starting(command.args(options).stderr(log))
    }

    /// What a command starts, once it says that it runs.
    pub fn starting(command: &mut Command) -> Self {
        assert!(server::assets::manifest().is_ok(), "the browser's files are missing: cargo xtask test --only site");
        let mut program = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines().map_while(Result::ok);
        let console = lines.find_map(|line| line.strip_prefix("Muster runs at ").map(str::to_owned)).unwrap();
        // Whoever speaks to nobody ends.
        std::thread::spawn(move || lines.for_each(drop));
        Self { program, console }
    }

    /// Sends it a signal, like `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.program.id().to_string()]).status();
        assert!(sent.unwrap().success(), "{name}");
    }

    /// Waits until it has ended by itself. Whether it says that all is well.
    pub fn ended(&mut self) -> bool {
        self.program.wait().unwrap().success()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }

    /// The most memory that it ever held, in KiB.
    pub fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.program.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

/// A command of the program, on the field's folder and database.
pub fn command(field: &Field, arguments: &[&str]) -> Command {
    command_in(field.data(), field.url(), PASSPHRASE, arguments)
}

/// A command of the program on a data folder, and on the database at that address if there is one.
pub fn command_in(data: &Path, url: Option<&str>, passphrase: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    command.args(arguments).env("MUSTER_DATA", data).env("MUSTER_LOG", "warn");
    command.env("MUSTER_CONFIG", "").env("MUSTER_KEY_PASSPHRASE", passphrase).env_remove("MUSTER_DATABASE_URL");
    command.envs(url.map(|url| ("MUSTER_DATABASE_URL", url)));
    command
}

/// One request.
pub struct Ask {
    pub method: &'static str,
    pub url: String,
    pub body: Value,
}

/// What was answered: status and body. Without an answer there is none.
pub type Answer = (u16, String);

/// Asks for these one after the other on one connection, as long as somebody answers. `who` is what curl needs to say
/// who comes.
pub async fn ask(field: &Field, who: &str, requests: &[Ask]) -> Vec<Answer> {
    let mut config = String::new();
    for (n, Ask { method, url, body }) in requests.iter().enumerate() {
        if n > 0 {
            config.push_str("next\n");
        }
        let body = body.to_string().replace('\\', "\\\\").replace('"', "\\\"");
        writeln!(config, "{who}\nurl = \"{url}\"\nrequest = \"{method}\"\ndata-binary = \"{body}\"").unwrap();
        config.push_str("header = \"Content-Type: application/json\"\nsilent\nno-buffer\nmax-time = 30\n");
        config.push_str("write-out = \"\\n%{http_code}\\n\"\n");
    }
    let mut curl = tokio::process::Command::new("curl");
    curl.args(["--config", "-", "--fail-early"]).current_dir(&field.folder).kill_on_drop(true);
    let mut curl = curl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut input = curl.stdin.take().unwrap();
    input.write_all(config.as_bytes()).await.unwrap();
    drop(input);
    let said = curl.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let lines: Vec<&str> = said.lines().collect();
    let answer = |pair: &[&str]| -> Option<Answer> {
        let status: u16 = pair.get(1)?.parse().ok().filter(|status| *status > 0)?;
        Some((status, pair[0].to_owned()))
    };
    lines.chunks(2).map_while(answer).collect()
}

/// A device that comes with its certificate.
pub fn device(serial: &str) -> String {
    format!("cacert = \"ca.pem\"\ncert = \"{serial}.pem\"\nkey = \"{serial}.key\"\nhttp1.1")
}

/// A program that comes to the console with its token. Whose certificate the console shows is tested elsewhere.
pub fn program(token: &str) -> String {
    format!("insecure\nheader = \"Authorization: Bearer {token}\"")
}
