//! Authorities whose keys are in a token, from the request to the restart: with SoftHSM, and no passphrase at all.

use crate::{
    scene,
    world::{World, admin, bare, conflict, manager, operator, request},
};
use domain::{certificate::RevocationReason, revocation::RevocationAct};
use fleet::{
    Fleet, Keys,
    authority::AuthorityForm,
    revocation::{RevokeForm, Selection},
};
use pki::{Certificate, KeyAlgorithm, Pkcs11Key, Profile};
use std::{
    env, fs,
    path::Path,
    process::{Command, Output},
    sync::{Arc, atomic::Ordering},
};
use store::Db;

/// Where Debian keeps the module.
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const SETTINGS: &str = "SOFTHSM2_CONF";
const PIN: &str = "987654";

/// SoftHSM reads its settings from the environment once, so the test starts itself again with them.
#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn authorities_with_keys_in_a_token_sign_and_come_back() {
    if let Some(folder) = env::var_os("MUSTER_TOKEN_TEST") {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(within(Path::new(&folder)));
    }
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    fs::create_dir(&tokens).unwrap();
    let settings = folder.path().join("softhsm2.conf");
    fs::write(&settings, format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display())).unwrap();
    fs::write(folder.path().join("pin"), format!("{PIN}\n")).unwrap();
    let mut make = Command::new("softhsm2-util");
    make.env(SETTINGS, &settings).args(["--init-token", "--free", "--label", "Muster", "--so-pin", "1234"]);
    must(make.args(["--pin", PIN]));
    let mut again = Command::new(env::current_exe().unwrap());
    again.env(SETTINGS, &settings).env("MUSTER_TOKEN_TEST", folder.path());
    must(again.args(["--ignored", "--exact", "token::authorities_with_keys_in_a_token_sign_and_come_back"]));
}

fn must(command: &mut Command) -> Output {
    let out = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{command:?}: {said}");
    out
}

async fn within(folder: &Path) {
    for (n, world) in bare().await.into_iter().enumerate() {
        let uri = |object: &str| {
            let pin = folder.join("pin");
            format!("pkcs11:token=Muster;object={object}-{n}?module-path={MODULE}&pin-source=file:{}", pin.display())
        };
        for object in ["factory", "batch"] {
            Pkcs11Key::generate(&uri(object), KeyAlgorithm::EcdsaP256).unwrap();
        }
        let world = World { fleet: without_passphrase(&world).await, ..world };
        wrong_requests(&world, &uri).await;
        authorities(&world, &uri).await;
        world.fleet.load_trust().await.unwrap();
        let first = issued(&world, "DEV-1").await;
        let number = listed(&world, &first, false).await;
        assert_eq!(answered(&world, &first).await, "good");
        revoke(&world, "DEV-1").await;
        assert!(listed(&world, &first, true).await > number, "{}", world.name());
        // It stops, and starts again: the keys are found in the token.
        world.fleet.db().close().await;
        let world = World { fleet: without_passphrase(&world).await, ..world };
        world.fleet.load_trust().await.unwrap();
        let again = listed(&world, &first, true).await;
        let second = issued(&world, "DEV-2").await;
        assert_eq!(
            (answered(&world, &first).await, answered(&world, &second).await),
            ("revoked".into(), "good".into())
        );
        revoke(&world, "DEV-2").await;
        assert!(listed(&world, &second, true).await > again, "{}", world.name());
        let keys = world.fixture.folder.path().join("keys");
        assert!(!keys.exists(), "{}: no key is in a file", world.name());
        let backup = folder.join(format!("backup-{n}"));
        let written = fleet::backup::backup(&world.fleet, &scene::RULE, &backup).await.unwrap();
        assert!(written.missing.is_empty(), "a token's keys are the token's: {:?}", written.missing);
        world.chain_holds().await;
    }
}

/// The same fleet as a process would open it that was given no passphrase.
async fn without_passphrase(world: &World) -> Fleet {
    let folder = world.fixture.folder.path();
    let clock = world.clock.clone();
    let db = Db::open(folder, world.fixture.url.as_deref()).await.unwrap();
    let time = move || domain::time::Timestamp(clock.fetch_add(1, Ordering::Relaxed));
    let keys = Keys { folder: folder.join("keys"), passphrase: None };
    Fleet::with_clock(db, folder.to_owned(), Arc::new(time)).with_keys(keys)
}

fn factory(location: String) -> AuthorityForm {
    let (kind, factory) = ("factory".into(), "brno".into());
    AuthorityForm { kind, factory, key_location: location, ..AuthorityForm::default() }
}

/// What can't be used is told to whoever asked or approves, and makes nothing.
async fn wrong_requests(world: &World, uri: &dyn Fn(&str) -> String) {
    let inline = uri("factory").replace("pin-source=file:", "pin-value=");
    conflict(world.fleet.request_authority(&operator(), &factory(inline)).await, "pin-source");
    let form = AuthorityForm { kind: "operations".into(), key_location: uri("absent"), ..AuthorityForm::default() };
    let id = world.fleet.request_authority(&operator(), &form).await.unwrap();
    let shown = world.fleet.approval(&manager(), id).await.unwrap();
    conflict(world.fleet.decide(&manager(), id, &shown.row.hash, true, "").await, "there is no private key");
    world.fleet.decide(&manager(), id, &shown.row.hash, false, "no such key").await.unwrap();
}

/// A factory CA that the ceremony signs, and a batch CA that the factory CA does.
async fn authorities(world: &World, uri: &dyn Fn(&str) -> String) {
    let subject = scene::approved(&world.fleet, &factory(uri("factory"))).await;
    let id = subject.strip_prefix("authority:").unwrap().parse().unwrap();
    let signed = world.signed(id, Profile::FactoryCa).await;
    world.fleet.deliver_authority(&admin(), id, &signed.pem()).await.unwrap();
    let batch = AuthorityForm {
        kind: "batch".into(),
        batch: "B".into(),
        key_location: uri("batch"),
        ..AuthorityForm::default()
    };
    conflict(
        world
            .fleet
            .request_authority(&operator(), &AuthorityForm { key_location: uri("factory"), ..batch.clone() })
            .await,
        "This is the key of",
    );
    scene::approved(&world.fleet, &batch).await;
    for (slug, object) in [("factory-ca-brno", "factory"), ("batch-ca-b", "batch")] {
        let detail = world.fleet.authority(&operator(), slug).await.unwrap();
        assert_eq!(detail.row.authority.key_location, uri(object), "{}", world.name());
        let own = Pkcs11Key::open(&uri(object)).unwrap();
        assert_eq!(detail.certificate.unwrap().public_key(), pki::Signer::public_key(&own));
    }
}

async fn issued(world: &World, serial: &str) -> Certificate {
    world.device(serial, scene::A + 1).await;
    let (_, request) = request(serial);
    world.fleet.enrol(&operator(), "B", &request, serial).await.unwrap().certificate
}

async fn revoke(world: &World, serial: &str) {
    let (selection, act) = (Selection::Device(serial.to_owned()), RevocationAct::Revoke);
    let preview = world.fleet.preview(&operator(), &selection, act).await.unwrap();
    let form = RevokeForm {
        selection,
        act,
        reason: RevocationReason::KeyCompromise,
        note: "found on a market stall".into(),
        confirmation: preview.confirm_word,
        preview_hash: preview.hash,
    };
    world.fleet.revoke(&operator(), &form).await.unwrap();
}

/// The chain above devices and a device's certificate, as files for OpenSSL.
async fn files(world: &World, certificate: &Certificate) {
    let folder = world.fixture.folder.path();
    let of = async |slug: &str| world.fleet.authority(&operator(), slug).await.unwrap().certificate.unwrap().pem();
    let (factory, batch) = (of("factory-ca-brno").await, of("batch-ca-b").await);
    fs::write(folder.join("root.pem"), world.root.certificate().pem()).unwrap();
    fs::write(folder.join("chain.pem"), format!("{factory}{batch}")).unwrap();
    fs::write(folder.join("batch.pem"), batch).unwrap();
    fs::write(folder.join("device.pem"), certificate.pem()).unwrap();
}

fn openssl(world: &World, arguments: &[&str]) -> Command {
    let mut command = Command::new("openssl");
    let at = (world.clock.load(Ordering::Relaxed) / 1_000_000).to_string();
    command.current_dir(world.fixture.folder.path()).args(arguments).args(["-attime", &at]);
    command
}

/// Publishes, and lets OpenSSL check the device by the list; the list's number.
async fn listed(world: &World, certificate: &Certificate, revoked: bool) -> i64 {
    world.fleet.publish_due().await.unwrap();
    files(world, certificate).await;
    let crl = world.fleet.crl("batch-ca-b").unwrap();
    fs::write(world.fixture.folder.path().join("batch.crl"), pki::crl_pem(&crl.der)).unwrap();
    let mut verify = openssl(world, &["verify", "-x509_strict", "-crl_check", "-CRLfile", "batch.crl"]);
    let out = verify.args(["-CAfile", "root.pem", "-untrusted", "chain.pem", "device.pem"]).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert_eq!(said.contains("certificate revoked"), revoked, "{}: {said}", world.name());
    assert_eq!(out.status.success(), !revoked, "{}: {said}", world.name());
    crl.number
}

/// What OpenSSL reads in the answer about a certificate, once it has verified it.
async fn answered(world: &World, certificate: &Certificate) -> String {
    files(world, certificate).await;
    let folder = world.fixture.folder.path();
    let about = ["ocsp", "-no_nonce", "-issuer", "batch.pem", "-cert", "device.pem"];
    must(openssl(world, &about).args(["-reqout", "question.der"]));
    let answer = world.fleet.ocsp(None, &fs::read(folder.join("question.der")).unwrap()).await;
    fs::write(folder.join("answer.der"), &answer.body).unwrap();
    let mut read = openssl(world, &about);
    // By the test's clock, which OpenSSL has for chains alone.
    read.args(["-validity_period", "1000000000"]);
    let out = must(read.args(["-respin", "answer.der", "-CAfile", "root.pem", "-verify_other", "chain.pem"]));
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(said.contains("Response verify OK"), "{}: {said}", world.name());
    let status = said.lines().find_map(|line| line.strip_prefix("device.pem: "));
    status.unwrap_or_else(|| panic!("{said}")).to_owned()
}
