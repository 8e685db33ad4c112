//! NSS, the library in Firefox.

use crate::scene::{STATES, Scene, State, must, run};
use std::process::Command;

/// A database of certificates, of which the first is trusted.
struct Database<'a> {
    scene: &'a Scene,
    name: String,
}

impl<'a> Database<'a> {
    fn new(scene: &'a Scene, name: &str, certificates: &[&str]) -> Self {
        std::fs::create_dir(scene.path(name)).unwrap();
        let database = Self { scene, name: format!("sql:{name}") };
        must(database.run("certutil").args(["-N", "--empty-password"]));
        for (at, certificate) in certificates.iter().enumerate() {
            let trust = if at == 0 { "CT,CT,CT" } else { ",," };
            must(database.run("certutil").args([
                "-A",
                "-n",
                certificate,
                "-t",
                trust,
                "-i",
                &format!("{certificate}.pem"),
            ]));
        }
        database
    }

    fn run(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.scene.folder()).args(["-d", &self.name]);
        command
    }

    fn take_lists(&self) {
        for list in ["old-root.crl", "old-factory.crl", "old-batch.crl"] {
            must(self.run("crlutil").args(["-I", "-t", "1", "-i", list]));
        }
    }
}

#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn certutil_and_vfychain_agree_on_every_state() {
    let scene = Scene::new();
    let database = Database::new(&scene, "nss", &["old-root", "old-factory", "old-batch"]);
    database.take_lists();
    for state in STATES {
        let name = format!("{state:?}");
        must(database.run("certutil").args(["-A", "-n", &name, "-t", ",,", "-i", &format!("{name}.pem")]));
        let (_, certutil) = run(database.run("certutil").args(["-V", "-u", "C", "-n", &name]));
        let lists = ["-pp", "-u", "0", "-g", "leaf", "-m", "crl", "-s", "failIfNoInfo"];
        let (_, vfychain) = run(database.run("vfychain").args(lists).arg(format!("{name}.der")));
        let (short, long) = match state {
            State::Good | State::Unknown => ("certificate is valid", "Chain is good!"),
            State::Held | State::Revoked => ("has been revoked", "has been revoked"),
            State::Expired => ("has expired", "has expired"),
        };
        assert!(certutil.contains(short), "{state:?}: {certutil}");
        assert!(vfychain.contains(long), "{state:?}: {vfychain}");
    }
}

#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn vfychain_believes_our_responder() {
    let scene = Scene::new();
    // Without lists, so that all it knows is what the responder says.
    let database = Database::new(&scene, "nss", &["old-root", "old-factory", "old-batch"]);
    let ask = |state: State, flags: &[&str]| {
        let asking = ["-pp", "-u", "0", "-g", "leaf", "-m", "ocsp"];
        run(database.run("vfychain").args(asking).args(flags).arg(format!("{state:?}.der"))).1
    };
    // It needs an answer to be content, and calls it revoked when there is none that says good.
    let strict = ["-s", "failIfNoInfo"];
    for (state, flags, expected) in [
        (State::Good, &strict[..], "Chain is good!"),
        (State::Held, &[], "has been revoked"),
        (State::Revoked, &[], "has been revoked"),
        (State::Expired, &[], "has expired"),
        (State::Unknown, &strict[..], "has been revoked"),
        // Without that demand it lets pass what is not said to be revoked.
        (State::Unknown, &[], "Chain is good!"),
    ] {
        let said = ask(state, flags);
        assert!(said.contains(expected), "{state:?}: {said}");
    }
}

#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn who_knows_the_old_root_follows_the_cross_certificate() {
    let scene = Scene::new();
    let valid = |name: &str, certificates: &[&str]| {
        let database = Database::new(&scene, name, certificates);
        let (_, certutil) = run(database.run("certutil").args(["-V", "-u", "C", "-n", "new-device"]));
        let (_, vfychain) = run(database.run("vfychain").args(["-pp", "-u", "0", "new-device.der"]));
        let agree = (certutil.contains("certificate is valid"), vfychain.contains("Chain is good!"));
        assert_eq!(agree.0, agree.1, "{certutil}\n{vfychain}");
        agree.0
    };
    let new = ["new-factory", "new-batch", "new-device"];
    assert!(valid("crossed", &[&["old-root", "cross"], &new[..]].concat()));
    assert!(valid("new", &[&["new-root"], &new[..]].concat()));
    assert!(!valid("without", &[&["old-root"], &new[..]].concat()));
}
