//! SWUpdate's own check (`swupdate -c`), beside ours.

use crate::{
    image::{CRC, NEWC, Signing, archive, description, sha256},
    world::{template, today},
    writing::Message,
};
use pki::{Profile, Template, issue};
use std::{fs, path::PathBuf, process::Command};
use tempfile::TempDir;

const ROOTFS: &[u8] = b"a root file system, of an odd length";
const SCRIPT: &[u8] = b"#!/bin/sh\nexit 0\n";
const FILES: [(&str, &[u8]); 2] = [("rootfs.bin", ROOTFS), ("after.sh", SCRIPT)];

/// How often an image is tried again.
const TRIES: usize = 8;

struct Bench {
    folder: TempDir,
    signing: Signing,
}

impl Bench {
    fn new() -> Self {
        let signing = Signing::at(today());
        let folder = tempfile::tempdir().unwrap();
        let chain = [signing.root.pem(), signing.operations.certificate().pem()].concat();
        fs::write(folder.path().join("ca.pem"), chain).unwrap();
        Self { folder, signing }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same of an image that it should take. On a busy machine one of its own processes at times clears the folder from
    /// which another one reads; what it takes once is well signed, for no accident makes a signature hold.
    fn taken(&self, image: &[u8]) -> (bool, String) {
        let mut last = self.swupdate(image);
        for _ in 0..TRIES {
            if last.0 {
                break;
            }
            last = self.swupdate(image);
        }
        last
    }

    /// What SWUpdate says to an image, and whether it is content. What counts is what its installer says; the program's
    /// status and its last line come from another thread, which at times asks too early, and on a busy machine the
    /// program at times ends before its installer has said anything: then it is asked again.
    fn swupdate(&self, image: &[u8]) -> (bool, String) {
        let mut last = self.once(image);
        for _ in 0..TRIES {
            if last.0 || refuses(&last.1) {
                break;
            }
            last = self.once(image);
        }
        last
    }

    /// One run of SWUpdate. Its folder is its own, because it clears it.
    fn once(&self, image: &[u8]) -> (bool, String) {
        let own = tempfile::tempdir_in(self.folder.path()).unwrap();
        fs::write(self.path("image.swu"), image).unwrap();
        let mut command = Command::new("swupdate");
        command.args(["-v", "-c", "-H", "gw:1.2", "-i", "image.swu", "-k", "ca.pem"]);
        command.args(["--cert-purpose", "codeSigning"]);
        let output = command.current_dir(self.folder.path()).env("TMPDIR", own.path()).output();
        let output = output.unwrap_or_else(|error| {
            panic!("swupdate can't be started ({error}); cargo xtask test --only verifiers installs it")
        });
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        let content = said.contains("SWUPDATE successful !");
        (content && !refuses(&said), said)
    }

    /// Both must be of one opinion, and it must be this one.
    fn agree(&self, what: &str, image: &[u8], taken: bool) {
        let (content, said) = if taken { self.taken(image) } else { self.swupdate(image) };
        assert_eq!(content, taken, "{what}: SWUpdate says\n{said}");
        assert_ne!(content, refuses(&said), "{what}: SWUpdate says neither yes nor no:\n{said}");
        let ours = self.signing.inspect(image);
        assert_eq!(ours.is_ok(), taken, "{what}: we say {ours:?}");
    }
}

/// Whether SWUpdate's installer refuses in so many words.
fn refuses(said: &str) -> bool {
    ["Not installing", "Installation failed"].iter().any(|words| said.contains(words))
}

#[test]
#[ignore = "needs swupdate: cargo xtask test --only verifiers"]
fn swupdate_takes_what_we_take() {
    let bench = Bench::new();
    let text = description(ROOTFS, SCRIPT);
    for magic in [NEWC, CRC] {
        bench.agree(magic, &bench.signing.image(magic, &text, &FILES), true);
    }
    let more = [&FILES[..], &[("notes.txt", b"for people")]].concat();
    bench.agree("a file that is not named", &bench.signing.image(CRC, &text, &more), true);
    let json = format!(
        r#"{{"software": {{"version": "1.4.2", "hardware-compatibility": ["1.2"],
            "files": [{{"filename": "rootfs.bin", "path": "/tmp/x", "sha256": "{}"}}]}}}}"#,
        sha256(ROOTFS)
    );
    bench.agree("JSON", &bench.signing.image(CRC, &json, &FILES), true);
    let inner = &text[text.find("hardware").unwrap()..text.rfind("};").unwrap()];
    let nested = format!("software = {{ version = \"1.4.2\"; gw = {{ {inner} }}; }};");
    bench.agree("a part for one board", &bench.signing.image(CRC, &nested, &FILES), true);
}

/// What people's builds do: OpenSSL signs, cpio packs.
#[test]
#[ignore = "needs swupdate, openssl and cpio: cargo xtask test --only verifiers"]
fn what_openssl_and_cpio_make_is_taken() {
    let bench = Bench::new();
    let shell = |script: &str| {
        let output = Command::new("sh").args(["-ec", script]).current_dir(bench.folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    shell(
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key; openssl pkey -in key -pubout -outform DER -out pub",
    );
    let public_key = fs::read(bench.path("pub")).unwrap();
    let own = template("Build", Profile::CodeSigning, bench.signing.pen.key.as_ref(), today(), 30);
    let certificate = issue(&Template { public_key, ..own }, &bench.signing.operations).unwrap();
    fs::write(bench.path("signer.pem"), certificate.pem()).unwrap();
    fs::write(bench.path("sw-description"), description(ROOTFS, SCRIPT)).unwrap();
    for (name, content) in FILES {
        fs::write(bench.path(name), content).unwrap();
    }
    for way in ["", "-nosmimecap", "-noattr", "-stream", "-nodetach", "-nodetach -stream"] {
        for format in ["newc", "crc"] {
            shell(&format!(
                "openssl cms -sign -binary -in sw-description -outform DER -out sw-description.sig -signer signer.pem \
                 -inkey key {way}; printf '%s\\n' sw-description sw-description.sig rootfs.bin after.sh \
                 | cpio -o -H {format} --quiet > built.swu"
            ));
            bench.agree(&format!("{way} {format}"), &fs::read(bench.path("built.swu")).unwrap(), true);
        }
    }
}

#[test]
#[ignore = "needs swupdate: cargo xtask test --only verifiers"]
fn swupdate_refuses_what_we_refuse() {
    let bench = Bench::new();
    let text = description(ROOTFS, SCRIPT);
    let good = bench.signing.image(CRC, &text, &FILES);
    bench.agree("a good one", &good, true);
    let unsigned = [&[("sw-description", text.as_bytes())], &FILES[..]].concat();
    bench.agree("not signed", &archive(CRC, &unsigned), false);
    bench.agree("signed by another", &Signing::at(today()).image(CRC, &text, &FILES), false);
    let pens = [bench.signing.pen.clone()];
    let inside = Message { attached: true, ..Message::usual(&pens, b"another description") }.der();
    let inside = [&[("sw-description", text.as_bytes()), ("sw-description.sig", &inside[..])], &FILES[..]].concat();
    bench.agree("a signature that has another content inside", &archive(CRC, &inside), false);
    let other = [("rootfs.bin", &b"another root file system"[..]), FILES[1]];
    bench.agree("another file", &bench.signing.image(CRC, &text, &other), false);
    bench.agree("a missing file", &bench.signing.image(CRC, &text, &FILES[..1]), false);
    for (what, part, instead) in [
        ("no hash", format!("sha256 = \"{}\";", sha256(ROOTFS)), ""),
        ("no version", "version = \"1.4.2\";".to_owned(), ""),
        ("no hardware", "hardware-compatibility: [ \"1.0\", \"1.2\" ];".to_owned(), ""),
        ("no end", "};\n".to_owned(), "\n"),
        ("include", "software =".to_owned(), "@include \"x\"\nsoftware ="),
    ] {
        bench.agree(what, &bench.signing.image(CRC, &text.replacen(&part, instead, 1), &FILES), false);
    }
    let content = good.windows(ROOTFS.len()).position(|part| part == ROOTFS).unwrap();
    let mut damaged = good.clone();
    damaged[content] ^= 1;
    bench.agree("a changed byte of a file", &damaged, false);
    let signed = good.windows(7).position(|part| part == b"GW-200\"").unwrap();
    let mut changed = good.clone();
    changed[signed] ^= 1;
    bench.agree("a changed byte of the description", &changed, false);
    bench.agree("cut off in a file", &good[..content + 9], false);
}

/// What we take, a device must take: else a rollout of it fails everywhere.
#[test]
#[ignore = "needs swupdate: cargo xtask test --only verifiers"]
fn nothing_is_taken_that_swupdate_refuses() {
    let bench = Bench::new();
    let good = bench.signing.image(CRC, &description(ROOTFS, SCRIPT), &FILES);
    let find = |name: &[u8]| good.windows(name.len()).position(|part| part == name).unwrap();
    // The message has parts that one of us may read and the other not; of the archive some bytes are enough.
    let signature = find(b"sw-description.sig")..find(b"rootfs.bin\0");
    let (mut both, mut refused) = (0, 0);
    for place in (0..good.len()).filter(|place| signature.contains(place) || place % 41 == 0) {
        let mut changed = good.clone();
        changed[place] ^= 1;
        let ours = bench.signing.inspect(&changed);
        if ours.is_err() {
            refused += 1;
            continue;
        }
        let (content, said) = bench.taken(&changed);
        assert!(content, "byte {place}: we take it, SWUpdate says\n{said}");
        both += 1;
    }
    assert!(both > 0 && refused > both, "{both} {refused}");
}
