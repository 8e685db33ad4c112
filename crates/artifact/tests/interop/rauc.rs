//! RAUC's own check, beside ours, of bundles that it makes itself. `rauc extract` reads the whole of a bundle, with its hash tree;
//! `rauc info` looks at the signature alone.

use crate::build::{Build, said};
use serde_json::Value;

const SYSTEM: &str = "[system]\ncompatible=GW-200\nbootloader=noop\n[keyring]\npath=ca.pem\ncheck-purpose=codesign\n";

/// Bytes without a pattern (Marsaglia's xorshift).
fn noise(count: usize) -> Vec<u8> {
    let next = |state: &mut u32, _| {
        *state ^= *state << 13;
        *state ^= *state >> 17;
        *state ^= *state << 5;
        Some(*state as u8)
    };
    (0..count).scan(2_463_534_242, next).collect()
}

struct Bench(Build);

impl Bench {
    fn new() -> Self {
        let bench = Self(Build::new());
        bench.0.write("system.conf", SYSTEM.as_bytes());
        bench
    }

    /// A bundle as `rauc bundle` makes it.
    fn bundle(&self, format: &str, packing: &str) -> Vec<u8> {
        let manifest = format!(
            "[update]\ncompatible=GW-200\nversion=1.4.2\ndescription=Firmware\n[bundle]\nformat={format}\n\
             [image.rootfs]\nfilename=rootfs.img\n[image.appfs]\nfilename=appfs.img\n"
        );
        self.0.shell("rm -rf content made.raucb; mkdir content");
        self.0.write("content/manifest.raucm", manifest.as_bytes());
        // More than one block of either kind, and a tail; nothing that packing makes small.
        let noise = noise(700_001);
        self.0.write("content/rootfs.img", &noise);
        self.0.write("content/appfs.img", &noise[..5000]);
        self.0.shell(&format!(
            "rauc --cert=signer.pem --key=key --mksquashfs-args='-comp {packing}' bundle content made.raucb"
        ));
        self.0.read("made.raucb")
    }

    /// Both must be of one opinion, and it must be this one.
    fn agree(&self, what: &str, bundle: &[u8], taken: bool) {
        self.0.write("asked.raucb", bundle);
        let output = self.0.run("rm -rf out; rauc --conf=system.conf extract asked.raucb out");
        assert_eq!(output.status.success(), taken, "{what}: RAUC says\n{}", said(&output));
        let ours = self.0.signing.inspect_bundle(bundle);
        assert_eq!(ours.is_ok(), taken, "{what}: we say {ours:?}");
    }
}

#[test]
#[ignore = "needs rauc, squashfs-tools and openssl: cargo xtask test --only verifiers"]
fn rauc_takes_what_we_take_and_reads_the_same() {
    let bench = Bench::new();
    for format in ["plain", "verity"] {
        for packing in
            ["gzip", "xz", "zstd", "lz4", "gzip -noD -noF", "gzip -noI", "gzip -b 4096 -always-use-fragments"]
        {
            let what = format!("{format}, {packing}");
            let bundle = bench.bundle(format, packing);
            bench.agree(&what, &bundle, true);
            let info = bench.0.shell("rauc --conf=system.conf --output-format=json info asked.raucb");
            let info: Value = serde_json::from_str(&info).unwrap();
            let ours = bench.0.signing.inspect_bundle(&bundle).unwrap();
            assert_eq!(info["compatible"].as_str(), ours.hardware.first().map(String::as_str), "{what}");
            assert_eq!(info["version"].as_str(), ours.version.as_deref(), "{what}");
            let images: Vec<(String, u64, String)> = info["images"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|image| image.as_object().unwrap().values())
                .map(|image| {
                    let text = |key: &str| image[key].as_str().unwrap().to_owned();
                    (text("filename"), image["size"].as_u64().unwrap(), text("checksum"))
                })
                .collect();
            assert_eq!(images.len(), 2, "{what}");
            for image in &ours.images {
                assert!(images.contains(&(image.name.clone(), image.size, image.sha256.clone())), "{what}: {images:?}");
            }
        }
    }
}

#[test]
#[ignore = "needs rauc, squashfs-tools and openssl: cargo xtask test --only verifiers"]
fn rauc_refuses_what_we_refuse() {
    let bench = Bench::new();
    for format in ["plain", "verity"] {
        let good = bench.bundle(format, "gzip");
        bench.agree("a good one", &good, true);
        let foreign = Bench::new().bundle(format, "gzip");
        bench.agree(&format!("{format}, signed by another"), &foreign, false);
        let size: [u8; 8] = good[good.len() - 8..].try_into().unwrap();
        let tail = good.len() - 8 - usize::try_from(u64::from_be_bytes(size)).unwrap();
        bench.agree(&format!("{format}, not signed"), &good[..tail], false);
        bench.agree(&format!("{format}, cut off"), &good[..good.len() - 100], false);
        bench.agree(&format!("{format}, cut off in the middle"), &good[..good.len() / 2], false);
        bench.agree(&format!("{format}, lengthened"), &[&good[..], b"x"].concat(), false);
        // A byte of an image, of the last block before the signature (the tree's, where there is one), of the signature.
        for place in [tail / 2, tail - 4096 + 1, good.len() - 60] {
            let mut changed = good.clone();
            changed[place] ^= 1;
            bench.agree(&format!("{format}, a changed byte at {place}"), &changed, false);
        }
        let moved = [&good[..tail], &[0; 4096], &good[tail..]].concat();
        bench.agree(&format!("{format}, more before the signature"), &moved, false);
    }
    let (verity, plain) = (bench.bundle("verity", "gzip"), bench.bundle("plain", "gzip"));
    let end = |bundle: &[u8]| {
        let size: [u8; 8] = bundle[bundle.len() - 8..].try_into().unwrap();
        bundle.len() - 8 - usize::try_from(u64::from_be_bytes(size)).unwrap()
    };
    let mixed = [&plain[..end(&plain)], &verity[end(&verity)..]].concat();
    bench.agree("the signature of another", &mixed, false);
}
