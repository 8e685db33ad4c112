//! What OpenSSL signs, in all the ways that builds use it.

use crate::{
    scene::{must, run},
    world::{World, authority, template, today},
};
use der::Decode;
use pki::{Certificate, CmsRefused, CmsTrust, Issuer, KeyAlgorithm, Profile, SignedData, SoftwareKey, Template, issue};
use std::{fs, path::PathBuf, process::Command};
use tempfile::TempDir;

const CONTENT: &[u8] = b"software =\r\n{\n  version = \"1.4.2\";\n};\n";

struct Bench {
    folder: TempDir,
    operations: Issuer,
}

impl Bench {
    fn new() -> Self {
        let world = World::at(today());
        let operations = authority(&world.root, "Operations", Profile::OperationsCa, "root", world.now, Vec::new());
        let bench = Self { folder: tempfile::tempdir().unwrap(), operations };
        let chain = [world.root.certificate(), bench.operations.certificate()].map(Certificate::pem).concat();
        fs::write(bench.path("ca.pem"), chain).unwrap();
        fs::write(bench.path("content"), CONTENT).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn openssl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("openssl");
        command.current_dir(self.folder.path()).args(arguments);
        command
    }

    /// A key that OpenSSL made, with a certificate by the operations authority.
    fn pen(&self, name: &str, kind: &[&str]) {
        must(self.openssl(&["genpkey", "-out", &format!("{name}.key")]).args(kind));
        must(&mut self.openssl(&["pkey", "-in", &format!("{name}.key"), "-pubout", "-outform", "der", "-out", "pub"]));
        let any = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let public_key = fs::read(self.path("pub")).unwrap();
        let template = Template { public_key, ..template(name, Profile::CodeSigning, &any, today(), 30) };
        fs::write(self.path(&format!("{name}.pem")), issue(&template, &self.operations).unwrap().pem()).unwrap();
    }

    fn sign(&self, name: &str, more: &[&str]) -> Vec<u8> {
        let (pem, key) = (format!("{name}.pem"), format!("{name}.key"));
        let arguments = ["cms", "-sign", "-binary", "-in", "content", "-outform", "DER", "-out", "signature"];
        must(self.openssl(&arguments).args(["-signer", &pem, "-inkey", &key]).args(more));
        fs::read(self.path("signature")).unwrap()
    }

    fn verify(&self, signature: &[u8], content: Option<&[u8]>) -> Result<Vec<String>, CmsRefused> {
        let issuers = [self.operations.certificate().clone()];
        let trust = CmsTrust { issuers: &issuers, at: today() };
        let signers = SignedData::read(signature)?.verify(content, &trust)?;
        Ok(signers.iter().map(|signer| signer.certificate.common_name()).collect())
    }
}

const P256: [&str; 4] = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
const P384: [&str; 4] = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"];
const RSA: [&str; 4] = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];

#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn what_openssl_signs_in_any_way_counts() {
    let bench = Bench::new();
    let pss: &[&str] = &["-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:digest"];
    for (name, kind, hash, more) in [
        ("p256", &P256, "sha256", &[][..]),
        ("p384", &P384, "sha384", &[]),
        ("p384-sha256", &P384, "sha256", &[]),
        ("rsa", &RSA, "sha256", &[]),
        ("rsa-sha512", &RSA, "sha512", &[]),
        ("pss", &RSA, "sha256", pss),
        ("pss-sha384", &RSA, "sha384", pss),
    ] {
        bench.pen(name, kind);
        let ways: [&[&str]; 6] =
            [&[], &["-nosmimecap"], &["-noattr"], &["-stream"], &["-keyid"], &["-nosmimecap", "-noattr", "-stream"]];
        for way in ways {
            for attached in [false, true] {
                // OpenSSL 3.0 itself fails at streaming with RSA-PSS.
                if !more.is_empty() && way.contains(&"-stream") {
                    continue;
                }
                let all = [&["-md", hash][..], way, more, if attached { &["-nodetach"][..] } else { &[] }].concat();
                let signature = bench.sign(name, &all);
                let (content, other) = if attached { (None, None) } else { (Some(CONTENT), Some(&b"x"[..])) };
                assert_eq!(bench.verify(&signature, content), Ok(vec![name.to_owned()]), "{name} {all:?}");
                if let Some(other) = other {
                    assert!(bench.verify(&signature, Some(other)).is_err(), "{name} {all:?}");
                }
            }
        }
    }
}

#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn what_is_refused_is_refused_by_its_name() {
    let bench = Bench::new();
    bench.pen("ours", &P256);
    bench.pen("rsa", &RSA);
    let salt =
        bench.sign("rsa", &["-md", "sha256", "-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:20"]);
    for (signature, word) in [
        (bench.sign("ours", &["-md", "sha512"]), "ECDSA with SHA-512"),
        (bench.sign("ours", &["-md", "sha1"]), "SHA-1"),
        (bench.sign("ours", &["-nocerts"]), "nocerts"),
        (salt, "rsa_pss_saltlen:digest"),
    ] {
        let refused = bench.verify(&signature, Some(CONTENT)).unwrap_err();
        assert!(refused.to_string().contains(word), "{refused}");
    }
    let pem = ["cms", "-sign", "-in", "content", "-outform", "PEM", "-signer", "ours.pem", "-inkey", "ours.key"];
    let said = must(&mut bench.openssl(&pem));
    assert!(matches!(bench.verify(said.as_bytes(), Some(CONTENT)), Err(CmsRefused::Malformed(_))));
    let sealed = ["cms", "-encrypt", "-aes256", "-in", "content", "-outform", "DER", "-out", "sealed", "rsa.pem"];
    must(&mut bench.openssl(&sealed));
    let refused = bench.verify(&fs::read(bench.path("sealed")).unwrap(), Some(CONTENT));
    assert_eq!(refused, Err(CmsRefused::NotSignedData));
}

/// One by us and one by somebody else: no client that asks OpenSSL takes that, and so it is here.
#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn openssl_and_we_agree_on_several_signers() {
    let bench = Bench::new();
    for name in ["first", "second"] {
        bench.pen(name, &P256);
    }
    let foreign = Bench::new();
    foreign.pen("foreign", &P256);
    for file in ["foreign.pem", "foreign.key"] {
        fs::copy(foreign.path(file), bench.path(file)).unwrap();
    }
    let agree = |more: &str, holds: bool| {
        let (pem, key) = (format!("{more}.pem"), format!("{more}.key"));
        let signature = bench.sign("first", &["-signer", &pem, "-inkey", &key]);
        let verify = ["cms", "-verify", "-binary", "-inform", "DER", "-in", "signature", "-content", "content"];
        let asked = ["-CAfile", "ca.pem", "-purpose", "any", "-out", "/dev/null"];
        assert_eq!(run(bench.openssl(&verify).args(asked)).0, holds, "{more}");
        assert_eq!(bench.verify(&signature, Some(CONTENT)).is_ok(), holds, "{more}");
    };
    agree("second", true);
    agree("foreign", false);
}

/// Both read the same from what streaming leaves open.
#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn a_streamed_content_of_many_pieces_comes_out_whole() {
    let bench = Bench::new();
    bench.pen("ours", &P256);
    let long: Vec<u8> = (0..200_000_u32).flat_map(u32::to_be_bytes).collect();
    fs::write(bench.path("content"), &long).unwrap();
    let signature = bench.sign("ours", &["-nodetach", "-stream"]);
    assert!(der::Any::from_der(&signature).is_err(), "that is DER; nothing is tested");
    assert_eq!(bench.verify(&signature, None), Ok(vec!["ours".to_owned()]));
    assert!(SignedData::read(&signature).unwrap().content() == Some(&long[..]));
}
