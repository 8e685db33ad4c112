//! Keys in SoftHSM.

use crate::{
    scene::must,
    world::{template, today},
};
use pki::{Issuer, KeyAlgorithm, Pkcs11Key, Profile, Signer, self_sign};
use std::{env, fs, path::Path, process::Command, sync::Arc};

/// Where Debian keeps the module.
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const SETTINGS: &str = "SOFTHSM2_CONF";
const PIN: &str = "987654";

/// SoftHSM reads its settings from the environment once, so the test starts itself again with them.
#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn a_key_in_a_token_is_made_found_and_used() {
    if let Some(settings) = env::var_os("MUSTER_TOKEN_TEST") {
        within(Path::new(&settings));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    fs::create_dir(&tokens).unwrap();
    let settings = folder.path().join("softhsm2.conf");
    fs::write(&settings, format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display())).unwrap();
    let mut make = Command::new("softhsm2-util");
    make.env(SETTINGS, &settings).args(["--init-token", "--free", "--label", "Muster test", "--so-pin", "1234"]);
    must(make.args(["--pin", PIN]));
    let mut again = Command::new(env::current_exe().unwrap());
    again.env(SETTINGS, &settings).env("MUSTER_TOKEN_TEST", folder.path());
    must(again.args(["--ignored", "--exact", "token::a_key_in_a_token_is_made_found_and_used"]));
}

fn within(folder: &Path) {
    fs::write(folder.join("pin"), format!("{PIN}\n")).unwrap();
    let uri = |object: &str| {
        let pin = folder.join("pin");
        format!("pkcs11:token=Muster%20test;object={object}?module-path={MODULE}&pin-source=file:{}", pin.display())
    };
    makes_and_finds(&uri);
    refuses(&uri);
    imported(folder, &uri);
    issues(folder, &uri);
}

fn makes_and_finds(uri: &dyn Fn(&str) -> String) {
    for (name, algorithm) in [("small", KeyAlgorithm::EcdsaP256), ("large", KeyAlgorithm::EcdsaP384)] {
        let made = Pkcs11Key::generate(&uri(name), algorithm).unwrap();
        let found = Pkcs11Key::open(&uri(name)).unwrap();
        assert_eq!((found.algorithm(), found.public_key()), (algorithm, made.public_key()));
        assert!(!format!("{found:?}").contains(PIN));
    }
}

fn refuses(uri: &dyn Fn(&str) -> String) {
    let told = |uri: &str| Pkcs11Key::open(uri).unwrap_err().to_string();
    assert!(told(&uri("absent")).contains("there is no private key"), "{}", told(&uri("absent")));
    let elsewhere = uri("small").replace("Muster%20test", "Other");
    assert!(told(&elsewhere).contains("no token of that name"), "{}", told(&elsewhere));
    let again = Pkcs11Key::generate(&uri("small"), KeyAlgorithm::EcdsaP256).unwrap_err().to_string();
    assert!(again.contains("already a key"), "{again}");
}

/// A key that another program put into the token.
fn imported(folder: &Path, uri: &dyn Fn(&str) -> String) {
    let key = folder.join("key.pem");
    let mut make = Command::new("openssl");
    must(make.args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"]).arg(&key));
    let mut import = Command::new("softhsm2-util");
    import.args(["--token", "Muster test", "--label", "imported", "--id", "0a", "--pin", PIN, "--import"]);
    must(import.arg(&key));
    let shown = Command::new("openssl").args(["pkey", "-pubout", "-outform", "der", "-in"]).arg(&key).output().unwrap();
    assert_eq!(Pkcs11Key::open(&uri("imported;id=%0a")).unwrap().public_key(), shown.stdout);
}

/// A root whose key is in the token issues what OpenSSL verifies.
fn issues(folder: &Path, uri: &dyn Fn(&str) -> String) {
    let now = today();
    let root_key: Arc<dyn Signer> = Arc::new(Pkcs11Key::open(&uri("large")).unwrap());
    let root =
        self_sign(&template("Token root", Profile::Root, root_key.as_ref(), now, 100), root_key.as_ref()).unwrap();
    fs::write(folder.join("root.pem"), root.pem()).unwrap();
    let root = Issuer::new(root, root_key).unwrap();
    let operations_key: Arc<dyn Signer> = Arc::new(Pkcs11Key::open(&uri("small")).unwrap());
    let operations = template("Operations", Profile::OperationsCa, operations_key.as_ref(), now, 50);
    let operations = pki::issue(&operations, &root).unwrap();
    fs::write(folder.join("operations.pem"), operations.pem()).unwrap();
    let mut verify = Command::new("openssl");
    verify.current_dir(folder).args(["verify", "-x509_strict", "-CAfile", "root.pem", "operations.pem"]);
    must(&mut verify);
}
