//! GnuTLS.

use crate::scene::{STATES, Scene, State, must, run};
use std::{fs, process::Command};

fn verify(scene: &Scene, root: &str, certificate: &str, chain: &str) -> String {
    let read = |name: &str| fs::read_to_string(scene.path(name)).unwrap();
    fs::write(scene.path("presented.pem"), [read(certificate), read(chain)].concat()).unwrap();
    let mut certtool = Command::new("certtool");
    certtool.current_dir(scene.folder()).args(["--verify", "--verify-profile", "medium"]);
    run(certtool.args(["--load-ca-certificate", root, "--load-crl", "lists.pem", "--infile", "presented.pem"])).1
}

#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn certtool_agrees_on_every_state() {
    let scene = Scene::new();
    for state in STATES {
        let said = verify(&scene, "old-root.pem", &format!("{state:?}.pem"), "old-chain.pem");
        let expected = match state {
            State::Good | State::Unknown => "Chain verification output: Verified.",
            State::Held | State::Revoked => "The certificate chain is revoked.",
            State::Expired => "The certificate chain uses expired certificate.",
        };
        assert!(said.contains(expected), "{state:?}: {said}");
    }
}

#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn certtool_follows_the_cross_certificate() {
    let scene = Scene::new();
    let device = |root, chain| verify(&scene, root, "new-device.pem", chain);
    let verified = "Chain verification output: Verified.";
    assert!(device("old-root.pem", "crossed-chain.pem").contains(verified));
    assert!(device("new-root.pem", "new-chain.pem").contains(verified));
    let said = device("old-root.pem", "new-chain.pem");
    assert!(said.contains("The certificate issuer is unknown."), "{said}");
}

#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn certtool_takes_each_list_as_its_issuers() {
    let scene = Scene::new();
    let list = |issuer: &str| {
        let mut certtool = Command::new("certtool");
        certtool.current_dir(scene.folder()).args(["--verify-crl", "--infile", "old-batch.crl.pem"]);
        run(certtool.args(["--load-ca-certificate", &format!("{issuer}.pem")])).1
    };
    assert!(list("old-batch").contains("Verification output: Verified."), "{}", list("old-batch"));
    assert!(list("old-factory").contains("Not verified."), "{}", list("old-factory"));
}

#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn ocsptool_agrees_on_every_state() {
    let scene = Scene::new();
    for state in STATES {
        let question = scene.path(&format!("{state:?}.question"));
        let mut make = Command::new("ocsptool");
        make.current_dir(scene.folder()).args(["--generate-request", "--load-issuer", "old-batch.pem"]);
        must(make.arg("--load-cert").arg(scene.file(state)).arg("--outfile").arg(&question));
        let answer = scene.answer(&question);
        let said = must(Command::new("ocsptool").args(["--response-info", "--infile"]).arg(&answer));
        let expected = match state {
            State::Good | State::Expired => "Certificate Status: good",
            State::Held | State::Revoked => "Certificate Status: revoked",
            State::Unknown => "Certificate Status: unknown",
        };
        assert!(said.contains(expected), "{state:?}: {said}");
        let mut verify = Command::new("ocsptool");
        verify.current_dir(scene.folder()).args(["--verify-response", "--load-trust", "old-batch.pem", "--infile"]);
        let said = must(verify.arg(&answer));
        assert!(said.contains("Verifying OCSP Response: Success."), "{said}");
    }
}
