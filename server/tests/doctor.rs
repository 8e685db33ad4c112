//! `muster doctor` on installations that run, stand still, or are ill.

use crate::{
    ceremony::road,
    commands::{command, says},
    field::field,
    served::{self, Served},
};
use serde_json::Value;
use std::{fs, path::Path, process::Output};
use tempfile::TempDir;

fn findings(output: &Output) -> Vec<Value> {
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    said["findings"].as_array().unwrap().clone()
}

fn looked(data: &Path, more: &[&str]) -> (Option<i32>, Vec<Value>) {
    let output = command(data, &[&["doctor", "--json"], more].concat()).output().unwrap();
    (output.status.code(), findings(&output))
}

/// Whether something was said about this, with this mark.
fn has(findings: &[Value], about: &str, mark: &str, told: &str) -> bool {
    findings.iter().any(|finding| {
        finding["about"] == about && finding["mark"] == mark && finding["told"].as_str().unwrap().contains(told)
    })
}

#[test]
fn an_installation_that_stands_still_is_looked_at_and_not_changed() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    says(&data, &["user", "add", "Ada@b.example", "--role", "admin"], 0);
    let content = |name: &str| fs::read(data.join(name)).unwrap();
    let before = content("muster.db");
    let (code, found) = looked(&data, &[]);
    assert_eq!(code, Some(1));
    assert!(has(&found, "database", "ok", "its tables are of this Muster"), "{found:?}");
    assert!(has(&found, "database", "ok", "the file is whole"), "{found:?}");
    assert!(has(&found, "process", "attention", "no Muster works"), "{found:?}");
    assert!(has(&found, "passphrase", "attention", "none was given"), "{found:?}");
    assert!(has(&found, "backup", "attention", "has never written one"), "{found:?}");
    assert!(has(&found, "authorities", "ok", "none yet"), "{found:?}");
    assert_eq!(content("muster.db"), before, "nothing was written");
    says(&data, &["backup", folder.path().join("b").to_str().unwrap()], 0);
    let (_, found) = looked(&data, &[]);
    assert!(has(&found, "backup", "ok", "the last one was written"), "{found:?}");
    let (code, found) = looked(&data, &["--only-listeners", "--console", "127.0.0.1:1"]);
    assert!(code == Some(1) && has(&found, "console", "wrong", "nothing answers"), "{found:?}");
    let said = says(&data, &["doctor"], 1);
    assert!(said.contains("! attention  process") && said.contains("→ type: systemctl start muster"), "{said}");
}

#[test]
fn what_is_not_there_is_not_made() {
    let folder = TempDir::new().unwrap();
    let (code, found) = looked(&folder.path().join("none"), &[]);
    assert!(code == Some(1) && has(&found, "data folder", "wrong", "can't be looked at"), "{found:?}");
    let (_, found) = looked(folder.path(), &[]);
    assert!(has(&found, "database", "wrong", "can't be opened"), "{found:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn keys_that_do_not_open_are_told() {
    let folder = TempDir::new().unwrap();
    let wrong = folder.path().join("phrase");
    fs::write(&wrong, "of something else\n").unwrap();
    let (_, found) = looked(road().data(), &["--key-passphrase-file", wrong.to_str().unwrap()]);
    assert!(has(&found, "keys", "wrong", "can't be used"), "{found:?}");
    assert!(has(&found, "passphrase", "attention", "everybody on this machine"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_that_runs_is_asked() {
    if server::assets::manifest().is_err() {
        return;
    }
    let mut field = field().await;
    let (gateway, pki) = (field.gateway.to_string(), field.pki.to_string());
    tokio::task::block_in_place(|| {
        let mut stopped = served::command(&field, &["doctor", "--json", "--gateway", &gateway, "--pki", &pki]);
        let found = findings(&stopped.output().unwrap());
        assert!(has(&found, "process", "attention", "no Muster works"), "{found:?}");
        assert!(has(&found, "keys", "ok", "and open"), "{found:?}");
    });
    field.close().await;
    tokio::task::block_in_place(|| {
        let served = Served::start(&field);
        let console = served.console.trim_start_matches("https://").replace("localhost", "127.0.0.1");
        let look = |more: &[&str]| {
            let addresses = ["doctor", "--json", "--console", &console, "--gateway", &gateway, "--pki", &pki];
            findings(&served::command(&field, &[&addresses[..], more].concat()).output().unwrap())
        };
        let found = look(&[]);
        for about in ["process", "console", "gateway", "CRLs and OCSP", "keys", "CRLs", "addresses"] {
            let all = found.iter().filter(|finding| finding["about"] == about);
            let marks: Vec<_> = all.map(|finding| finding["mark"].as_str().unwrap()).collect();
            // The ceremony of the field brings no list of its root.
            let expected = if about == "CRLs" { "wrong" } else { "ok" };
            assert!(!marks.is_empty() && marks.iter().all(|mark| *mark == expected), "{about}: {found:?}");
        }
        let found = look(&["--only-listeners"]);
        assert!(found.len() == 3 && found.iter().all(|finding| finding["mark"] == "ok"), "{found:?}");
        // The gateway is there, and speaks no plain HTTP.
        let found = look(&["--only-listeners", "--metrics", &gateway]);
        assert!(has(&found, "metrics", "wrong", &gateway), "{found:?}");
        let found = look(&["--host", "other.example"]);
        assert!(has(&found, "console", "wrong", "does not name other.example"), "{found:?}");
        assert!(has(&found, "gateway", "wrong", "does not name other.example"), "{found:?}");
    });
}
