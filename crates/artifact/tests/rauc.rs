//! Which bundles for RAUC are taken, what is read from them, and which ones are refused for which reason.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod bundle;
mod image;
#[path = "bundle/signing.rs"]
mod signing;
#[path = "../../pki/tests/world/mod.rs"]
mod world;
#[path = "../../pki/tests/world/cms.rs"]
mod writing;

use artifact::{ArtifactKind, Image, Refused, inspect, rauc::RaucRefused as R};
use bundle::{BLOCK, ROOTFS, ended, manifest, sha256, squashfs, tree, verity};
use domain::time::{SECOND, Timestamp};
use image::Signing;
use pki::{CmsRefused, CmsTrust};
use proptest::{collection::vec, prelude::*, sample::Index};
use std::{io::Cursor, sync::LazyLock};
use writing::Message;

const NOW: Timestamp = Timestamp(1_795_000_000 * SECOND);
static SIGNING: LazyLock<Signing> = LazyLock::new(|| Signing::at(NOW));

fn refused(bytes: &[u8]) -> Refused {
    SIGNING.inspect_bundle(bytes).expect_err("it was taken")
}

/// A bundle that is refused for what it is, not for its signature.
fn odd(bytes: &[u8]) -> R {
    match refused(bytes) {
        Refused::Rauc(odd) => odd,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn good_ones_tell_what_is_in_them() {
    for (what, bytes) in
        [("plain", SIGNING.plain()), ("verity", SIGNING.verity(2)), ("two levels", SIGNING.verity(129))]
    {
        let inspected = SIGNING.inspect_bundle(&bytes).unwrap_or_else(|error| unreachable!("{what}: {error}"));
        assert_eq!(inspected.kind, ArtifactKind::Rauc);
        assert_eq!((inspected.size, &inspected.sha256), (bytes.len() as u64, &sha256(&bytes)));
        assert_eq!(inspected.version.as_deref(), Some("1.4.2"));
        assert_eq!(inspected.hardware, ["GW-200"]);
        assert_eq!(inspected.signers[0].certificate, SIGNING.pen.certificate);
        let rootfs = Image { name: "rootfs.img".into(), size: ROOTFS.len() as u64, sha256: sha256(ROOTFS) };
        assert_eq!(inspected.images, [rootfs]);
    }
    let issuers = [SIGNING.operations.certificate().clone()];
    let trust = CmsTrust { issuers: &issuers, at: NOW };
    assert!(inspect(&mut Cursor::new(SIGNING.plain()), "GW-200.RAUCB", &trust).is_ok());
    assert!(inspect(&mut Cursor::new(SIGNING.plain()), "GW-200.swu", &trust).is_err());
}

#[test]
fn a_bundle_must_be_signed_by_ours() {
    let image = squashfs("manifest.raucm", manifest("format=plain").as_bytes());
    assert_eq!(odd(&image), R::NoSignature);
    assert_eq!(odd(&ended(image.clone(), &[])), R::NoSignature);
    assert_eq!(odd(&ended(image.clone(), &[0x30; 600])), R::NoSignature);
    let foreign = Signing::at(NOW);
    for bytes in [foreign.plain(), foreign.verity(2)] {
        assert!(matches!(refused(&bytes), Refused::Signature(CmsRefused::ForeignSigner { .. })));
    }
    let other = ended(image.clone(), &SIGNING.sign(b"something else"));
    assert!(matches!(refused(&other), Refused::Signature(CmsRefused::WrongDigest { .. })));
    let pens = [SIGNING.pen.clone()];
    let bare = Message { attributes: None, ..Message::usual(&pens, &image) }.der();
    assert!(matches!(refused(&ended(image.clone(), &bare)), Refused::Signature(CmsRefused::Attributes(_))));
    assert_eq!(odd(&ended(image.clone(), &vec![0x30; 64 * 1024 + 1])), R::LargeSignature);
    let off = [&image[..], &[0; 8]].concat();
    assert_eq!(odd(&ended(off.clone(), &SIGNING.sign(&off))), R::Unaligned);
}

#[test]
fn damaged_cut_and_lengthened_ones_are_refused() {
    let plain = SIGNING.plain();
    let mut changed = plain.clone();
    changed[BLOCK - 1] ^= 1;
    assert!(matches!(refused(&changed), Refused::Signature(CmsRefused::WrongDigest { .. })));
    let verity = SIGNING.verity(129);
    for place in [BLOCK - 1, 128 * BLOCK, 129 * BLOCK, 130 * BLOCK, 131 * BLOCK, 132 * BLOCK - 1] {
        let mut changed = verity.clone();
        changed[place] ^= 1;
        assert_eq!(odd(&changed), R::WrongRoot, "{place}");
    }
    for bytes in [plain, verity] {
        for length in (100..bytes.len()).step_by(997).chain([bytes.len() - 1]) {
            assert!(SIGNING.inspect_bundle(&bytes[..length]).is_err(), "{length}");
        }
        assert!(SIGNING.inspect_bundle(&[&bytes[..], &[0]].concat()).is_err());
        assert!(SIGNING.inspect_bundle(&[&bytes[..], &[0; BLOCK]].concat()).is_err());
        // What stands between is nobody's.
        let tail = bytes.len()
            - 8
            - usize::try_from(u64::from_be_bytes(bytes[bytes.len() - 8..].try_into().unwrap())).unwrap();
        assert!(SIGNING.inspect_bundle(&[&bytes[..tail], &[0; BLOCK], &bytes[tail..]].concat()).is_err());
    }
    assert_eq!(odd(b""), R::NotABundle);
    assert_eq!(odd(b"070701 is no bundle"), R::NotABundle);
    assert_eq!(odd(b"hsqs"), R::NoSignature);
}

#[test]
fn a_manifest_must_say_what_is_needed() {
    let mut image = squashfs("rootfs.img", ROOTFS);
    image.resize(2 * BLOCK, 0);
    let (hashes, root) = tree(&image);
    let good = manifest(&verity(&hashes, root));
    let with = |text: &str| ended([&image[..], &hashes].concat(), &SIGNING.sealed(text));
    let of = |text: &str| odd(&with(text));
    assert!(SIGNING.inspect_bundle(&with(&good)).is_ok());
    assert!(matches!(of(&good.replace("compatible=GW-200\n", "")), R::Manifest(_)));
    assert!(matches!(of(&good.replace("GW-200", "GW\\n200")), R::Manifest(_)));
    assert!(matches!(of(&good.replace("rootfs.img", "../rootfs.img")), R::Manifest(_)));
    assert!(matches!(of(&good.replace("sha256=", "sha1=")), R::NoHash { name } if name == "rootfs.img"));
    assert!(matches!(of(&good.replace("\nsize=", "\nbytes=")), R::NoHash { .. }));
    assert_eq!(of(&good.replace("format=verity", "format=plain")), R::Format);
    assert_eq!(of(&good.replace("format=verity", "format=other")), R::Format);
    assert!(matches!(of(&good.replace("verity-salt=07", "verity-salt=7")), R::Manifest(_)));
    assert_eq!(of(&good.replace("verity-size=4096", "verity-size=8192")), R::WrongRoot);
    assert!(matches!(of(&good.replace("verity-size=4096", "verity-size=4095")), R::Manifest(_)));
    assert_eq!(of(&good.replace("verity-salt=07", "verity-salt=08")), R::WrongRoot);
    assert!(matches!(of(&good.replace("[bundle]", "[bundle")), R::Syntax { line: 6, .. }));
    assert!(matches!(of(&format!("key=value\n{good}")), R::Syntax { line: 1, .. }));
    assert!(matches!(of(&good.replace("version=1.4.2", "version")), R::Syntax { line: 3, .. }));
    let unnamed = SIGNING.inspect_bundle(&with(&good.replace("version=1.4.2\n", "# none\n"))).unwrap();
    assert_eq!(unnamed.version, None);
    let hooked = format!(
        "{good}\n[image.appfs]\nhooks=install\n[image.rootfs.two]\nfilename=rootfs.img\nsize={}\nsha256={}\n",
        ROOTFS.len(),
        sha256(ROOTFS)
    );
    assert_eq!(SIGNING.inspect_bundle(&with(&hooked)).unwrap().images.len(), 1);
    // Of a plain one it lies in the image.
    assert_eq!(odd(&SIGNING.plain_of(&good)), R::Format);
    let unsaid = SIGNING.plain_of(&manifest("")).to_vec();
    assert!(SIGNING.inspect_bundle(&unsaid).is_ok());
    let nameless = squashfs("rootfs.img", ROOTFS);
    let signature = SIGNING.sign(&nameless);
    assert_eq!(odd(&ended(nameless, &signature)), R::NoManifest);
    let large = SIGNING.plain_of(&format!("{}# {}", manifest(""), "x".repeat(64 * 1024)));
    assert!(matches!(odd(&large), R::Squashfs(_)));
    let long = format!("{}{}", manifest("format=plain"), "# a line\n".repeat(1000));
    assert_eq!(SIGNING.inspect_bundle(&SIGNING.plain_of(&long)).unwrap().version.as_deref(), Some("1.4.2"));
}

#[test]
fn an_encrypted_one_is_refused_as_that() {
    // EnvelopedData (RFC 5652, 6) without anything in it.
    let enveloped =
        [0x30, 0x0f, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03, 0xa0, 0x02, 0x30, 0x00];
    assert_eq!(odd(&ended(squashfs("rootfs.img", ROOTFS), &enveloped)), R::Encrypted);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn one_changed_byte_is_refused_or_changes_nothing(is_plain: bool, place: Index, byte: u8) {
        let before = if is_plain { SIGNING.plain() } else { SIGNING.verity(3) };
        let mut after = before.clone();
        after[place.index(before.len())] = byte;
        if let Ok(found) = SIGNING.inspect_bundle(&after) {
            let first = SIGNING.inspect_bundle(&before).unwrap();
            prop_assert_eq!((found.version, found.hardware, found.images), (first.version, first.hardware, first.images));
        }
    }

    /// Whatever is signed: the image of a plain bundle is read only then.
    #[test]
    fn nothing_makes_it_panic(bytes in vec(any::<u8>(), 1..300), place: Index, is_plain: bool) {
        let mut image = squashfs("manifest.raucm", manifest("format=plain").as_bytes());
        let at = place.index(image.len());
        let count = bytes.len().min(image.len() - at);
        image[at..at + count].copy_from_slice(&bytes[..count]);
        let signature = if is_plain { SIGNING.sign(&image) } else { SIGNING.sealed(&String::from_utf8_lossy(&bytes)) };
        let _ = SIGNING.inspect_bundle(&ended(image, &signature));
        let _ = SIGNING.inspect_bundle(&[&b"hsqs"[..], &bytes].concat());
    }
}
