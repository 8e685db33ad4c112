//! Settings by file, environment and command line, as the program that people start takes them.

use crate::commands::command;
use std::{fs, os::unix::fs::PermissionsExt, path::Path};
use tempfile::TempDir;

/// Runs a command with a file of settings: its exit code and all that it said.
fn with(folder: &Path, content: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let file = folder.join("muster.toml");
    fs::write(&file, content).unwrap();
    let mut command = command(folder, arguments);
    // A variable would come before the file.
    command.env("MUSTER_CONFIG", &file).env_remove("MUSTER_DATA").env_remove("MUSTER_GATEWAY").env_remove("MUSTER_PKI");
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), said)
}

fn secret(folder: &Path, name: &str, content: &str, mode: u32) -> String {
    let file = folder.join(name);
    fs::write(&file, content).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    file.display().to_string()
}

#[test]
fn a_file_says_where_the_data_is() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("here");
    let content = format!("data = \"{}\"\n", data.display());
    let (code, said) = with(folder.path(), &content, &["user", "add", "ada@b.example", "--role", "admin"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(data.join("muster.db").exists());
    let (code, said) = with(folder.path(), &content, &["audit", "verify"]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_wrong_file_stops_every_command_that_has_settings_and_says_where() {
    let folder = TempDir::new().unwrap();
    for arguments in [&["serve"][..], &["audit", "verify"], &["config", "check"], &["doctor"]] {
        let (code, said) = with(folder.path(), "data = \"/x\"\nconsol = \"[::]:1\"\n", arguments);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("muster.toml:2:1: there is no setting consol; did you mean console?"), "{said}");
    }
    let (code, _) = with(folder.path(), "nonsense", &["openapi"]);
    assert_eq!(code, Some(0));
}

#[test]
fn a_check_shows_what_holds_and_where_it_comes_from() {
    let folder = TempDir::new().unwrap();
    let phrase = secret(folder.path(), "phrase", "a b c\n", 0o600);
    let content = format!("pki = \"[::]:80\"\nkey-passphrase-file = \"{phrase}\"\n");
    let (code, said) =
        with(folder.path(), &content, &["config", "check", "--data", "/srv/muster", "--host", "a.example"]);
    assert_eq!(code, Some(0), "{said}");
    let line = |key: &str| {
        let line = said.lines().find(|line| line.split_whitespace().next() == Some(key)).unwrap();
        line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("pki"), "[::]:80 file, line 1");
    assert_eq!(line("console"), "127.0.0.1:8443 default");
    assert_eq!(line("host"), "a.example command line");
    assert_eq!(line("tls-cert"), "– not set");
    assert!(said.contains("Nothing is wrong with them."), "{said}");
    let other = secret(folder.path(), "other.toml", "pki = \"[::]:81\"\n", 0o644);
    let (_, said) = with(folder.path(), &content, &["config", "check", &other]);
    assert!(said.contains("other.toml:") && said.contains("[::]:81"), "a file that is named is the one: {said}");
    let mut environment = command(folder.path(), &["config", "check"]);
    let said = environment.env("MUSTER_HOST", "b.example").output().unwrap();
    assert!(String::from_utf8_lossy(&said.stdout).contains("environment, MUSTER_HOST"), "{said:?}");
}

#[test]
fn a_check_finds_what_the_start_would_find() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let phrase = secret(path, "phrase", "a b c\n", 0o600);
    let base = format!("data = \"/srv/muster\"\nkey-passphrase-file = \"{phrase}\"\n");
    let check = |more: &str| with(path, &format!("{base}{more}"), &["config", "check"]);
    let (code, said) = check("webhook-ca = \"/nowhere/ca.pem\"\n");
    assert!(code == Some(2) && said.contains("webhook-ca: /nowhere/ca.pem can't be read"), "{said}");
    let (code, said) = with(path, "key-passphrase-file = \"/nowhere/phrase\"\n", &["config", "check"]);
    assert!(code == Some(2) && said.contains("key-passphrase-file: /nowhere/phrase can't be read"), "{said}");
    assert_eq!(said.matches("✗ wrong").count(), 1, "once: {said}");
    let (code, said) = check("s3-endpoint = \"https://s3.example\"\n");
    assert!(code == Some(2) && said.contains("give --artifacts"), "{said}");
    let (code, said) = check("pki = \"127.0.0.1:8443\"\nhost = \"https://fleet.example.com/\"\n");
    assert!(code == Some(2) && said.contains("console and pki are to listen at the same address"), "{said}");
    assert!(said.contains("host: “https://fleet.example.com/” is no name"), "{said}");
    let url = secret(path, "url", "postgres://muster:s3cret@db/muster\n", 0o644);
    let (code, said) = check(&format!("database-url-file = \"{url}\"\n"));
    assert!(code == Some(1) && said.contains(&format!("everybody on this machine can read {url}")), "{said}");
    let (code, said) = check("database-url = \"postgres://muster:s3cret@db/muster\"\n");
    assert!(code == Some(1) && said.contains("database-url has a password"), "{said}");
    assert!(!said.contains("s3cret") && said.contains("postgres://muster:…@db/muster"), "{said}");
    let now = fleet::system_time();
    let [one, other] = [0, 1].map(|_| pki::console_certificate(&["a.example".to_owned()], &[], now).unwrap());
    let certificate = secret(path, "a.crt", &one.cert_pem, 0o644);
    let right = secret(path, "a.key", &one.key_pem, 0o600);
    let wrong = secret(path, "b.key", &other.key_pem, 0o600);
    let (code, said) = check(&format!("tls-cert = \"{certificate}\"\ntls-key = \"{right}\"\n"));
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = check(&format!("tls-cert = \"{certificate}\"\ntls-key = \"{wrong}\"\n"));
    assert!(code == Some(2) && said.contains("tls-cert, tls-key:"), "{said}");
    let (code, said) = with(path, "data = \"/srv/muster\"\n", &["config", "check"]);
    assert!(code == Some(1) && said.contains("no passphrase of keys"), "{said}");
}

#[test]
fn the_template_is_a_file_of_settings() {
    let folder = TempDir::new().unwrap();
    let output = command(folder.path(), &["config", "template"]).output().unwrap();
    let template = String::from_utf8(output.stdout).unwrap();
    assert!(template.contains("\n#console = \"127.0.0.1:8443\"\n"), "{template}");
    let (code, said) = with(folder.path(), &template, &["config", "check"]);
    assert_eq!(code, Some(1), "only that no passphrase was given: {said}");
}
