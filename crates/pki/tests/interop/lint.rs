//! pkilint, which knows the RFCs' every line.

use crate::scene::{STATES, Scene, run};
use std::{env, path::PathBuf, process::Command};

/// A program of pkilint: in the folder that xtask names, or on PATH.
fn linter(name: &str) -> Command {
    let folder = env::var_os("MUSTER_PKILINT").map(PathBuf::from).unwrap_or_default();
    Command::new(folder.join(name))
}

/// Findings from warnings on; each of them is one too many.
fn clean(command: &mut Command) {
    let (content, said) = run(command);
    let found = ["WARNING", "ERROR", "FATAL", "Traceback"].iter().any(|word| said.contains(word));
    assert!(content && !found, "{command:?}\n{said}");
}

#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn no_certificate_has_a_fault() {
    let scene = Scene::new();
    for (name, _) in scene.certificates() {
        clean(linter("lint_pkix_cert").args(["lint", "-s", "WARNING"]).arg(scene.path(&format!("{name}.pem"))));
    }
    for (issuer, subject) in [
        ("old-root", "old-factory"),
        ("old-root", "cross"),
        ("old-factory", "old-batch"),
        ("old-batch", "Good"),
        ("new-root", "new-factory"),
        ("cross", "new-factory"),
        ("operations", "server"),
    ] {
        let mut lint = linter("lint_pkix_signer_signee_cert_chain");
        lint.args(["lint", "-s", "WARNING"]);
        clean(lint.arg(scene.path(&format!("{issuer}.pem"))).arg(scene.path(&format!("{subject}.pem"))));
    }
}

#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn no_list_has_a_fault() {
    let scene = Scene::new();
    for (name, kind) in [("old-root", "ARL"), ("old-factory", "ARL"), ("old-batch", "CRL"), ("new-batch", "CRL")] {
        let mut lint = linter("lint_crl");
        clean(lint.args(["lint", "-s", "WARNING", "-p", "PKIX", "-t", kind]).arg(scene.path(&format!("{name}.crl"))));
    }
}

#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn no_answer_has_a_fault() {
    let scene = Scene::new();
    for state in STATES {
        let question = scene.path(&format!("{state:?}.question"));
        let mut ask = Command::new("openssl");
        ask.args(["ocsp", "-sha256", "-issuer"]).arg(scene.path("old-batch.pem")).arg("-cert").arg(scene.file(state));
        clean(ask.arg("-reqout").arg(&question));
        clean(linter("lint_ocsp_response").args(["lint", "-s", "WARNING"]).arg(scene.answer(&question)));
    }
}
