//! OSTree's own check (`ostree fsck`), beside ours, of repositories that it makes itself.

use crate::build::{Build, said};
use artifact::{Inspected, Refused, inspect};
use pki::CmsTrust;
use std::{fs, io::Cursor};

const COMMIT: &str = "ostree --repo=set/repo commit -b gw/stable --parent=none -s update";

struct Bench(Build);

impl Bench {
    fn new() -> Self {
        let bench = Self(Build::new());
        bench.0.shell("mkdir set; ostree --repo=set/repo init --mode=archive; mkdir -p tree/usr/bin tree/etc/deep/er");
        bench.0.write("tree/usr/bin/hello", b"#!/bin/sh\necho hello\n");
        bench.0.write(
            "tree/usr/large",
            &(0..300_000_u32).map(|at| ((at % 46_341).pow(2) >> 7) as u8).collect::<Vec<u8>>(),
        );
        bench.0.write(&format!("tree/etc/deep/er/{}", "n".repeat(250)), b"");
        bench.0.shell("chmod 755 tree/usr/bin/hello; ln -s hello tree/usr/bin/hi; ln -s ../../etc tree/usr/etc");
        bench
    }

    /// What a pipeline does: list, sign, pack.
    fn packed(&self) -> Vec<u8> {
        self.0.shell(
            "rm -f set/SHA256SUMS*; (cd set; find . -type f | xargs sha256sum) > list; mv list set/SHA256SUMS; \
             openssl cms -sign -binary -in set/SHA256SUMS -outform DER -out set/SHA256SUMS.p7s -signer signer.pem -inkey key; \
             tar -C set --format=pax -cf set.tar .",
        );
        self.0.read("set.tar")
    }

    fn ours(&self) -> Result<Inspected, Refused> {
        let issuers = [self.0.signing.operations.certificate().clone()];
        let trust = CmsTrust { issuers: &issuers, at: self.0.signing.now };
        inspect(&mut Cursor::new(self.packed()), "gateway-os.tar", &trust)
    }

    /// Both must be of one opinion, and it must be this one.
    fn agree(&self, what: &str, taken: bool) {
        // On a copy: what it once found damaged it remembers.
        let output = self.0.run("rm -rf asked; cp -a set asked; ostree --repo=asked/repo fsck");
        assert_eq!(output.status.success(), taken, "{what}: OSTree says\n{}", said(&output));
        let ours = self.ours();
        assert_eq!(ours.is_ok(), taken, "{what}: we say {ours:?}");
    }
}

#[test]
#[ignore = "needs ostree, openssl and tar: cargo xtask test --only verifiers"]
fn ostree_finds_whole_what_we_find_whole() {
    let bench = Bench::new();
    let commit = bench.0.shell(&format!("{COMMIT} --add-metadata-string=version=1.4.2 tree"));
    bench.agree("a commit", true);
    let ours = bench.ours().unwrap();
    assert_eq!(ours.version.as_deref(), Some("1.4.2"));
    assert_eq!((ours.images[0].name.as_str(), ours.images[0].sha256.as_str()), ("gw/stable", commit.trim()));
    bench.0.write("tree/etc/motd", b"a second one\n");
    bench.0.shell(&format!("{COMMIT} --add-metadata-string=version=1.5 --owner-uid=1000 tree"));
    bench.0.shell(
        "setfattr -n user.muster -v yes tree/etc/motd 2>/dev/null || true; \
         ostree --repo=set/repo commit -b gw/other -s other --add-metadata-string=version=1.5 tree; \
         ostree --repo=set/repo summary -u; ostree --repo=set/repo static-delta generate --empty gw/stable",
    );
    bench.agree("two refs, attributes, a summary and a delta", true);
    assert_eq!(bench.ours().unwrap().version.as_deref(), Some("1.5"));
    let many: String = (0..1200).map(|n| format!("tree/many/{n}/f ")).collect();
    bench.0.shell(&format!("for f in {many}; do mkdir -p $(dirname $f); echo $f > $f; done; {COMMIT} tree"));
    bench.agree("a folder with more than 64 KiB of names and hashes", true);
}

#[test]
#[ignore = "needs ostree, openssl and tar: cargo xtask test --only verifiers"]
fn ostree_finds_damaged_what_we_refuse() {
    let bench = Bench::new();
    bench.0.shell(&format!("{COMMIT} --add-metadata-string=version=1.4.2 tree; cp -a set kept"));
    bench.agree("a commit", true);
    let objects = bench.0.shell("cd set; find repo/objects -type f ! -name '*.commit'");
    for object in objects.lines() {
        let path = bench.0.path(&format!("set/{object}"));
        let content = fs::read(&path).unwrap();
        let mut changed = content.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 0x10;
        fs::write(&path, &changed).unwrap();
        bench.agree(&format!("{object} changed"), false);
        fs::remove_file(&path).unwrap();
        bench.agree(&format!("{object} missing"), false);
        fs::write(&path, &content).unwrap();
    }
    bench.agree("put right again", true);
}
