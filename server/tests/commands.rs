//! The commands, as the program that people type.

use crate::{authorisation::COMMANDS, ceremony::road};
use domain::{authority::FindingKind as Kind, time::DAY};
use fleet::{Actor, AuditFilter, Fleet};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output, Stdio},
};
use store::Db;
use tempfile::TempDir;

pub fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    command.args(arguments).env("MUSTER_DATA", data).env("MUSTER_LOG", "warn").env_remove("MUSTER_DATABASE_URL");
    // Whatever this machine is set up for.
    command.env("MUSTER_CONFIG", "");
    // Tests run beside each other.
    command.env("MUSTER_GATEWAY", "127.0.0.1:0").env("MUSTER_PKI", "127.0.0.1:0");
    command
}

fn muster(data: &Path, arguments: &[&str]) -> Output {
    command(data, arguments).output().unwrap()
}

/// Runs a command that must end with this code, and returns all that it said.
pub fn says(data: &Path, arguments: &[&str], code: i32) -> String {
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
fn a_new_accounts_link_begins_with_the_consoles_address() {
    let folder = filled();
    let add =
        |email, more: &[&str]| says(folder.path(), &[&["user", "add", email, "--role", "support"], more].concat(), 0);
    fs::write(folder.path().join("address"), "https://fleet.example").unwrap();
    let said = add("b@b.example", &[]);
    assert!(said.contains(" https://fleet.example/link/"), "{said}");
    let said = add("c@b.example", &["--url", "https://other.example/"]);
    assert!(said.contains(" https://other.example/link/"), "{said}");
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
    let told = says(folder.path(), &["restore", name], 3);
    assert!(told.contains("--force"), "{told}");
    says(elsewhere.path(), &["restore", name], 0);
    says(elsewhere.path(), &["audit", "verify"], 0);
    let said = says(elsewhere.path(), &["user", "add", "ada@b.example", "--role", "admin"], 3);
    assert!(said.to_lowercase().contains("already"), "the account came back: {said}");
}

#[test]
fn a_refused_restore_leaves_nothing_behind() {
    let folder = filled();
    let file = folder.path().join("flip");
    says(folder.path(), &["backup", file.to_str().unwrap()], 0);
    let mut content = fs::read(&file).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(&file, content).unwrap();
    let fresh = folder.path().join("new/data");
    let said = says(&fresh, &["restore", file.to_str().unwrap()], 3);
    assert!(said.contains("The file ") && said.contains("/flip "), "{said}");
    assert!(!folder.path().join("new").exists(), "nothing came into it");
    let kept = tempfile::tempdir().unwrap();
    says(kept.path(), &["restore", file.to_str().unwrap()], 3);
    assert!(kept.path().exists(), "it was there");
}

#[test]
fn a_backup_brings_the_authorities_keys_along() {
    let (elsewhere, desk) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = desk.path().join("b.muster");
    let name = file.to_str().unwrap();
    let said = says(road().data(), &["backup", name], 0);
    assert!(said.contains("files of keys/ and crl/") && said.contains("The keys in it are sealed"), "{said}");
    says(elsewhere.path(), &["restore", name], 0);
    let mut keys = 0;
    for key in fs::read_dir(elsewhere.path().join("keys")).unwrap() {
        let key = key.unwrap();
        assert_eq!(fs::read(key.path()).unwrap(), fs::read(road().data().join("keys").join(key.file_name())).unwrap());
        keys += 1;
    }
    assert!(keys > 1, "{keys}");
    // Without one of them it is said which, and the command ends as one that found something.
    let lost = fs::read_dir(elsewhere.path().join("keys")).unwrap().map(|key| key.unwrap().path());
    lost.for_each(|key| fs::remove_file(key).unwrap());
    let said = says(elsewhere.path(), &["backup", desk.path().join("c.muster").to_str().unwrap()], 1);
    assert!(said.contains("keys of authorities are not in this data folder"), "{said}");
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
fn what_is_refused_leaves_nothing() {
    let folder = filled();
    let told = says(folder.path(), &["demo", "--devices", "12"], 3);
    assert!(told.contains("not the demo's"), "{told}");
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with("demo")).collect();
    assert!(left.is_empty(), "{left:?}");
    let kit = folder.path().join("new/kit");
    says(folder.path(), &["kit", "NONE", kit.to_str().unwrap()], 3);
    assert!(!folder.path().join("new").exists());
}

#[test]
fn the_openapi_document_is_json() {
    let folder = tempfile::tempdir().unwrap();
    let document: serde_json::Value = serde_json::from_str(&says(folder.path(), &["openapi"], 0)).unwrap();
    assert!(document["paths"]["/api/v1/imports"]["post"].is_object());
    // What is misspelt would be as good as left out.
    let schemas = &document["components"]["schemas"];
    let paths = document["paths"].as_object().unwrap().values();
    let bodies = paths.flat_map(|path| path.as_object().unwrap().values()).filter_map(|operation| {
        let name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str()?;
        Some(name.rsplit('/').next().unwrap())
    });
    let bodies: BTreeSet<&str> = bodies.collect();
    assert!(bodies.len() > 20, "{bodies:?}");
    let lenient: Vec<_> =
        bodies.iter().filter(|name| schemas[**name]["additionalProperties"] != json!(false)).collect();
    assert!(lenient.is_empty(), "they take fields that nothing knows: {lenient:?}");
}

/// Runs a console until it has said what it says at its first start, then stops it in order.
fn serve_once(data: &Path) {
    let mut serve = command(data, &["serve", "--console", "127.0.0.1:0"]);
    let mut console = serve.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(console.stdout.take().unwrap()).lines();
    let told = lines.map_while(Result::ok).any(|line| line.contains("/set-up/"));
    let stopped = Command::new("kill").arg(console.id().to_string()).status().unwrap();
    assert!(told && stopped.success() && console.wait().unwrap().success());
    let mut log = String::new();
    console.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("no passphrase of keys was given"), "{log}");
    assert!(!log.contains("ERROR"), "a clean stop is no error: {log}");
}

/// The actions in the audit log of a data folder.
fn audited(data: &Path) -> Vec<String> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let db = Db::open(data, None).await.unwrap();
        let fleet = Fleet::new(db, data.to_owned());
        let log = fleet.audit_log(&Actor::Rule { name: "test" }, &AuditFilter::default(), 500).await.unwrap();
        fleet.db().close().await;
        log.into_iter().map(|entry| entry.record.action).collect()
    })
}

#[test]
fn what_commands_change_is_audited() {
    let (folder, restored, demo, first) = (filled(), TempDir::new(), TempDir::new(), TempDir::new());
    let (restored, demo, first, back) = (restored.unwrap(), demo.unwrap(), first.unwrap(), filled());
    let manifest = folder.path().join("a.csv");
    fs::write(&manifest, domain::factory_manifest::template_csv()).unwrap();
    says(folder.path(), &["import", manifest.to_str().unwrap()], 0);
    let file = folder.path().join("b.muster");
    says(folder.path(), &["backup", file.to_str().unwrap()], 0);
    says(restored.path(), &["restore", file.to_str().unwrap()], 0);
    says(back.path(), &["restored"], 0);
    // The demo makes its fleet before it asks for its port, which is taken.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let console = taken.local_addr().unwrap().to_string();
    says(demo.path(), &["demo", "--devices", "12", "--console", &console], 3);
    let mut ran = BTreeMap::from([
        ("backup", folder.path()),
        ("demo", demo.path()),
        ("import", folder.path()),
        ("kit", road().data()),
        ("restore", restored.path()),
        ("restored", back.path()),
        ("station add", road().data()),
        ("user add", folder.path()),
    ]);
    ran.extend(
        COMMANDS.iter().filter(|(name, _)| name.starts_with("authority ")).map(|(name, _)| (*name, road().data())),
    );
    reset_factors(folder.path());
    ran.insert("user reset-factors", folder.path());
    // Without the browser's files in it the program does not serve.
    if server::assets::manifest().is_ok() {
        serve_once(first.path());
        ran.insert("serve", first.path());
    }
    for (name, action) in COMMANDS {
        let Some(action) = action else { continue };
        let Some(folder) = ran.get(name) else {
            assert_eq!((*name, server::assets::manifest().is_err()), ("serve", true), "{name} was not run");
            continue;
        };
        let actions = audited(folder);
        assert!(actions.iter().any(|done| done == action), "{name}: no {action} among {actions:?}");
    }
}

/// Gives Ada an authenticator app, and takes it away by the command.
fn reset_factors(folder: &Path) {
    let name = "ada@b.example";
    let told = says(folder, &["user", "reset-factors", name], 3);
    assert!(told.contains("has no second factor"), "{told}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let db = Db::open(folder, None).await.unwrap();
        let fleet = Fleet::new(db, folder.to_owned());
        let ada = fleet.user_by_email(&Actor::Rule { name: "test" }, name).await.unwrap();
        let ada = fleet.actor_of_user(ada.id, fleet::Origin::default()).await.unwrap().unwrap();
        fleet.begin_app(&ada, "Phone", "").await.unwrap();
        let secret = fleet.pending_app(&ada).await.unwrap().unwrap().secret;
        fleet.confirm_app(&ada, &crate::factors::code(&secret, fleet.now())).await.unwrap();
        fleet.db().close().await;
    });
    let told = says(folder, &["user", "reset-factors", "Ada@b.example"], 0);
    assert!(told.contains("ada@b.example has no second factor any more"), "{told}");
}

/// What stands in a database elsewhere isn't the demo's to remove, nor what somebody else has.
#[test]
fn a_demo_that_is_not_whole_is_removed_only_where_it_was_begun() {
    let folder = TempDir::new().unwrap();
    let marker = folder.path().join("demo-making");
    fs::write(&marker, "postgresql").unwrap();
    fs::write(folder.path().join("muster.db"), "another's").unwrap();
    let elsewhere = ["demo", "--database-url", "postgres://localhost:1/x"];
    for arguments in [&["demo"][..], &elsewhere] {
        let told = says(folder.path(), arguments, 3);
        assert!(told.contains("ended before it was whole"), "{told}");
    }
    fs::write(&marker, "sqlite").unwrap();
    assert!(says(folder.path(), &elsewhere, 3).contains("ended before it was whole"));
    for arguments in [&["serve"][..], &["user", "add", "Ada@b.example", "--role", "admin"]] {
        let told = says(folder.path(), arguments, 3);
        assert!(told.contains("holds a demo that is not whole"), "{told}");
    }
    assert_eq!(fs::read(folder.path().join("muster.db")).unwrap(), b"another's");
}

/// The keys of a fleet whose database is elsewhere.
#[test]
fn a_demo_takes_no_folder_in_which_others_have_their_keys() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("keys")).unwrap();
    let told = says(folder.path(), &["demo"], 3);
    assert!(told.contains("holds a fleet already"), "{told}");
    assert!(!folder.path().join("demo-making").exists());
}

#[test]
fn a_demo_that_was_killed_while_it_was_made_is_begun_again() {
    let (demo, taken) = (TempDir::new().unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let console = taken.local_addr().unwrap().to_string();
    let arguments = ["demo", "--devices", "240", "--console", &console];
    for patience in [300, 1_700, 3_500, 5_000] {
        let mut making = command(demo.path(), &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(patience));
        making.kill().unwrap();
        making.wait().unwrap();
    }
    // Everything is made before the port is asked for, which is taken.
    says(demo.path(), &arguments, 3);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let fleet = Fleet::new(Db::open(demo.path(), None).await.unwrap(), demo.path().to_owned());
        let actor = Actor::Rule { name: "test" };
        let authorities = fleet.authorities(&actor).await.unwrap();
        let active = |kind: &str| {
            let of_kind = authorities.iter().filter(|row| row.authority.kind.as_str() == kind);
            of_kind.filter(|row| row.authority.state.as_str() == "active").count()
        };
        assert_eq!(["root", "operations", "factory", "batch"].map(active), [1, 1, 3, 12]);
        let root = authorities.iter().find(|row| row.authority.kind.as_str() == "root").unwrap();
        let fresh = root.crl.as_ref().is_some_and(|crl| crl.next_update > fleet.now().plus(DAY));
        assert!(fresh, "who checks a whole chain finds a CRL of the root: {:?}", root.crl);
        let list = fleet.devices(&actor, "", store::device_list::Sort::default(), None, 500).await.unwrap();
        assert_eq!(list.page.devices.len(), 240);
        for device in &list.page.devices {
            let issued = fleet.certificates_of_device(&actor, &device.serial).await.unwrap();
            let shown = device.certificate_serial.as_ref();
            assert!(shown.is_none_or(|serial| issued.iter().any(|row| row.serial == *serial)), "{}", device.serial);
        }
        // Two acts, a repair that takes two, and a rollout.
        assert_eq!(fleet.approvals_waiting(&actor).await.unwrap(), 4);
        let mut kinds: Vec<_> = fleet.findings(&actor, true).await.unwrap().into_iter().map(|row| row.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let mut told =
            [Kind::UndeliveredCertificate, Kind::CloneSuspected, Kind::HardwareMismatch, Kind::IdentifierCopied];
        told.sort_unstable();
        assert_eq!(kinds, told);
        assert_eq!(fleet.audit_verify(&actor).await.unwrap().break_at, None);
        fleet.db().close().await;
    });
    assert!(demo.path().join("demo-ceremony/README.txt").exists());
    for folder in ["keys", "demo-ceremony"] {
        let mode = fs::metadata(demo.path().join(folder)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{folder} is for its owner alone");
    }
}
