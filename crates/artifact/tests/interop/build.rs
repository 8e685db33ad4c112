//! What a build has: a key of its own as OpenSSL makes it, and a certificate for it that was issued here.

use crate::{
    image::Signing,
    world::{template, today},
};
use pki::{Profile, Template, issue};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

pub struct Build {
    pub folder: TempDir,
    pub signing: Signing,
}

impl Build {
    /// With `signer.pem`, its `key` and what devices trust, `ca.pem`.
    pub fn new() -> Self {
        let build = Self { folder: tempfile::tempdir().unwrap(), signing: Signing::at(today()) };
        build.shell("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key; openssl pkey -in key -pubout -outform DER -out pub");
        let public_key = fs::read(build.path("pub")).unwrap();
        let own = template("Build", Profile::CodeSigning, build.signing.pen.key.as_ref(), today(), 30);
        let certificate = issue(&Template { public_key, ..own }, &build.signing.operations).unwrap();
        build.write("signer.pem", certificate.pem().as_bytes());
        let chain = [build.signing.root.pem(), build.signing.operations.certificate().pem()].concat();
        build.write("ca.pem", chain.as_bytes());
        build
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub fn write(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Runs a script that must succeed; what it says.
    pub fn shell(&self, script: &str) -> String {
        let output = self.run(script);
        assert!(output.status.success(), "{script}\n{}", said(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub fn run(&self, script: &str) -> Output {
        Command::new("sh").args(["-ec", script]).current_dir(self.folder.path()).output().unwrap()
    }
}

pub fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}
