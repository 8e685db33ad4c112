//! The commands, as the program that people type.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};
use tempfile::TempDir;

fn muster(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    command.args(arguments).env("MUSTER_DATA", data).env("MUSTER_LOG", "warn").env_remove("MUSTER_DATABASE_URL");
    command.output().unwrap()
}

/// Runs a command that must end with this code, and returns all that it said.
fn says(data: &Path, arguments: &[&str], code: i32) -> String {
    let output = muster(data, arguments);
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    said
}

fn filled() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let said = says(folder.path(), &["user", "add", "Ada@b.example", "--role", "admin"], 0);
    assert!(said.contains("https://localhost:8443/link/"), "{said}");
    folder
}

#[test]
fn the_audit_log_is_verified_and_remembers_who_typed() {
    let folder = filled();
    let said = says(folder.path(), &["audit", "verify"], 0);
    assert!(said.contains("unbroken"), "{said}");
    let nothing = tempfile::tempdir().unwrap();
    let said = says(nothing.path(), &["audit", "verify"], 3);
    assert!(said.contains("holds no Muster database; say where it is with --data"), "{said}");
}

#[test]
fn a_backup_restores_into_another_folder() {
    let folder = filled();
    let (elsewhere, file) = (tempfile::tempdir().unwrap(), folder.path().join("b.muster"));
    let name = file.to_str().unwrap();
    says(folder.path(), &["backup", name], 0);
    says(folder.path(), &["backup", name], 3);
    says(elsewhere.path(), &["restore", name], 0);
    says(elsewhere.path(), &["audit", "verify"], 0);
    let said = says(elsewhere.path(), &["user", "add", "ada@b.example", "--role", "admin"], 3);
    assert!(said.to_lowercase().contains("already"), "the account came back: {said}");
}

#[test]
fn an_import_says_what_came_of_it() {
    let folder = filled();
    let file = folder.path().join("not.csv");
    fs::write(&file, "this,is,no\nmanifest,at,all\n").unwrap();
    let output = muster(folder.path(), &["import", file.to_str().unwrap()]);
    assert!(matches!(output.status.code(), Some(1 | 3)), "{output:?}");
    assert!(!output.stderr.is_empty());
    let missing = says(folder.path(), &["import", "/no/such/file.csv"], 3);
    assert!(missing.contains("/no/such/file.csv"), "{missing}");
}

#[test]
fn a_wrong_command_line_is_told() {
    let folder = tempfile::tempdir().unwrap();
    says(folder.path(), &["serve", "--console", "nowhere"], 2);
    says(folder.path(), &["user", "add", "a@b.example", "--role", "king"], 2);
    let said = says(folder.path(), &["user", "add", "not an address", "--role", "admin"], 3);
    assert!(said.starts_with("muster: "), "{said}");
}

#[test]
fn the_openapi_document_is_json() {
    let folder = tempfile::tempdir().unwrap();
    let document: serde_json::Value = serde_json::from_str(&says(folder.path(), &["openapi"], 0)).unwrap();
    assert!(document["paths"]["/api/v1/imports"]["post"].is_object());
}
