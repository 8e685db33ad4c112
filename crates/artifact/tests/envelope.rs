//! Which envelopes are taken, where their files are found, and which ones are refused for which reason.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod image;
mod set;
#[path = "../../pki/tests/world/mod.rs"]
mod world;
#[path = "../../pki/tests/world/cms.rs"]
mod writing;

use artifact::{
    Refused,
    envelope::{Envelope, EnvelopeRefused as E},
};
use domain::time::{SECOND, Timestamp};
use image::{Signing, sha256};
use pki::{CmsRefused, CmsTrust};
use proptest::{collection::vec, prelude::*, sample::Index};
use set::{pack, sums};
use std::{fs, io::Cursor, io::Read as _, process::Command, sync::LazyLock};

const NOW: Timestamp = Timestamp(1_795_000_000 * SECOND);
const FILES: [(&str, &[u8]); 3] =
    [("keyring.pgp", b"a key"), ("dists/stable/InRelease", &[b'r'; 600]), ("pool/a/a_1.0_all.deb", b"")];

static SIGNING: LazyLock<Signing> = LazyLock::new(|| Signing::at(NOW));

fn open(bytes: &[u8]) -> Result<Envelope, Refused> {
    let issuers = [SIGNING.operations.certificate().clone()];
    Envelope::open(&mut Cursor::new(bytes), &CmsTrust { issuers: &issuers, at: NOW })
}

fn refused(bytes: &[u8]) -> Refused {
    open(bytes).expect_err("it was taken")
}

/// An envelope that is refused for what it is, not for its signature.
fn odd(bytes: &[u8]) -> E {
    match refused(bytes) {
        Refused::Envelope(odd) => odd,
        other => unreachable!("{other:?}"),
    }
}

/// Who sends one can't fill the memory by names before anybody looks at a signature.
#[test]
fn paths_have_a_bound_together() {
    let paths: Vec<String> = (0..18_000).map(|n| format!("{n:05}/{}/{}", "x".repeat(500), "y".repeat(500))).collect();
    let files: Vec<(&str, &[u8])> = paths.iter().map(|path| (path.as_str(), b"".as_slice())).collect();
    assert_eq!(odd(&pack(&files)), E::LongPaths);
    // As far as they go it is asked for the list, as of any other.
    assert_eq!(odd(&pack(&files[..16_000])), E::NoList);
}

fn path(text: &str) -> String {
    text.to_owned()
}

#[test]
fn a_good_one_tells_where_its_files_are() {
    let bytes = SIGNING.set(&FILES);
    let envelope = open(&bytes).unwrap();
    assert_eq!((envelope.sums.size, &envelope.sums.sha256), (bytes.len() as u64, &sha256(&bytes)));
    assert_eq!(envelope.signers[0].certificate, SIGNING.pen.certificate);
    assert_eq!(envelope.members.len(), FILES.len());
    for (path, content) in FILES {
        let member = &envelope.members[path];
        assert_eq!((member.path.as_str(), &member.sha256), (path, &sha256(content)));
        let mut found = Vec::new();
        member.open(&mut Cursor::new(&bytes)).unwrap().read_to_end(&mut found).unwrap();
        assert_eq!(found, content);
        assert_eq!(envelope.small(&mut Cursor::new(&bytes), path, 600).unwrap().unwrap(), content);
    }
    assert!(envelope.small(&mut Cursor::new(&bytes), "nowhere", 600).unwrap().is_none());
    let large = envelope.small(&mut Cursor::new(&bytes), FILES[1].0, 599).unwrap_err();
    assert!(matches!(large, Refused::Envelope(E::TooLarge { most: 599, .. })), "{large:?}");
    let mut other = bytes.clone();
    other[usize::try_from(envelope.members[FILES[0].0].offset).unwrap()] ^= 1;
    let changed = envelope.small(&mut Cursor::new(&other), FILES[0].0, 600).unwrap_err();
    assert!(matches!(changed, Refused::Envelope(E::Changed { .. })), "{changed:?}");
}

/// What people's builds do: sha256sum lists, tar packs, with all the ways in which it writes names.
#[test]
fn what_coreutils_and_tar_make_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("set");
    let long = format!("pool/{}/{}.deb", "l".repeat(90), "ö".repeat(60));
    let files = [("keyring.pgp", b"a key".to_vec()), (long.as_str(), vec![7; 70_000])];
    for (path, content) in &files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let shell = |script: &str| {
        let output = Command::new("sh").args(["-ec", script]).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    for (list, what) in [("find . -type f", "."), ("find * -type f", "SHA256SUMS SHA256SUMS.p7s keyring.pgp pool")] {
        for format in ["pax", "gnu", "posix --owner=0 --sort=name"] {
            shell(&format!("cd set; {list} | xargs sha256sum > ../SHA256SUMS; mv ../SHA256SUMS ."));
            let signature = SIGNING.sign(&fs::read(root.join("SHA256SUMS")).unwrap());
            fs::write(root.join("SHA256SUMS.p7s"), signature).unwrap();
            shell(&format!("tar -C set --format={format} -cf set.tar {what}; rm set/SHA256SUMS*"));
            let bytes = fs::read(folder.path().join("set.tar")).unwrap();
            let envelope = open(&bytes).unwrap_or_else(|error| unreachable!("{list}, {format}: {error}"));
            for (path, content) in &files {
                let found = envelope.small(&mut Cursor::new(&bytes), path, 1 << 20).unwrap();
                assert_eq!(found.as_ref(), Some(content), "{list}, {format}: {path}");
            }
        }
    }
    shell("cd set; ln -s keyring.pgp link; sha256sum keyring.pgp > SHA256SUMS; tar -cf ../set.tar link SHA256SUMS");
    let link = odd(&fs::read(folder.path().join("set.tar")).unwrap());
    assert_eq!(link, E::NoFile { name: path("link") });
    shell("gzip -c set.tar > set.tar.gz");
    assert_eq!(odd(&fs::read(folder.path().join("set.tar.gz")).unwrap()), E::NotAnArchive);
}

#[test]
fn what_is_there_must_be_what_is_listed() {
    let list = sums(&FILES);
    let of = |list: &str| odd(&SIGNING.listed(list, &FILES));
    assert_eq!(of(&sums(&FILES[..2])), E::Unlisted { path: path(FILES[2].0) });
    assert_eq!(odd(&SIGNING.listed(&list, &FILES[1..])), E::Missing { path: path(FILES[0].0) });
    let other = [("keyring.pgp", &b"another key"[..]), FILES[1], FILES[2]];
    assert_eq!(odd(&SIGNING.listed(&list, &other)), E::WrongSum { path: path("keyring.pgp") });
    assert_eq!(of(&[&list[..], &sums(&FILES[..1])].concat()), E::ListedTwice { path: path("keyring.pgp") });
    assert_eq!(of(&list.replacen("  ", " ", 1)), E::Line { line: 1 });
    assert_eq!(of(&format!("{list}\n")), E::Line { line: 4 });
    assert_eq!(of(&format!("{list}{}  \n", sha256(b""))), E::Line { line: 4 });
    let own = format!("{list}{}  ./SHA256SUMS\n", sha256(b""));
    assert_eq!(of(&own), E::Itself { path: path("SHA256SUMS") });
    assert_eq!(of(&list.replace("keyring", "../keyring")), E::Path { path: path("../keyring.pgp") });
    assert!(open(&SIGNING.listed(&list.to_uppercase().replace("KEYRING.PGP", "keyring.pgp"), &FILES[..1])).is_err());
    assert!(open(&SIGNING.listed(&list.replace("  ", " *"), &FILES)).is_ok());
    assert!(open(&SIGNING.listed(list.trim_end(), &FILES)).is_ok());
    let twice = [FILES[0], FILES[1], FILES[2], FILES[0]];
    assert_eq!(odd(&SIGNING.listed(&list, &twice)), E::Twice { path: path("keyring.pgp") });
    let dotted = [FILES[0], FILES[1], FILES[2], ("./keyring.pgp", FILES[0].1)];
    assert_eq!(odd(&SIGNING.listed(&list, &dotted)), E::Twice { path: path("keyring.pgp") });
    let again = [FILES[0], FILES[1], FILES[2], ("SHA256SUMS", list.as_bytes())];
    assert_eq!(odd(&SIGNING.listed(&list, &again)), E::Twice { path: path("SHA256SUMS") });
    assert!(open(&SIGNING.listed("", &[])).unwrap().members.is_empty());
}

#[test]
fn the_list_must_be_signed_by_ours() {
    let list = sums(&FILES);
    let with = |more: &[(&str, &[u8])]| pack(&[more, &FILES].concat());
    assert_eq!(odd(&with(&[])), E::NoList);
    assert_eq!(odd(&with(&[("SHA256SUMS", list.as_bytes())])), E::NotSigned);
    let foreign = refused(&Signing::at(NOW).set(&FILES));
    assert!(matches!(foreign, Refused::Signature(CmsRefused::ForeignSigner { .. })), "{foreign:?}");
    let signature = SIGNING.sign(b"another list");
    let other = refused(&with(&[("SHA256SUMS", list.as_bytes()), ("SHA256SUMS.p7s", &signature)]));
    assert!(matches!(other, Refused::Signature(CmsRefused::WrongDigest { .. })), "{other:?}");
    let large = vec![0; 64 * 1024 + 1];
    assert!(matches!(odd(&with(&[("SHA256SUMS.p7s", &large)])), E::TooLarge { .. }));
    // What is signed comes where it wants.
    let signature = SIGNING.sign(list.as_bytes());
    let last = [FILES[0], FILES[1], FILES[2], ("SHA256SUMS.p7s", &signature), ("SHA256SUMS", list.as_bytes())];
    assert_eq!(open(&pack(&last)).unwrap().members.len(), FILES.len());
}

/// A tar header with its sum put right after a change.
fn changed(change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut bytes = pack(&[("a", b"content")]);
    change(&mut bytes);
    let sum: u32 =
        bytes[..512].iter().enumerate().map(|(i, b)| if (148..156).contains(&i) { 32 } else { u32::from(*b) }).sum();
    bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    bytes
}

#[test]
fn paths_stay_inside_and_only_files_are_taken() {
    let named = |name: &[u8]| odd(&changed(|bytes| bytes[..name.len()].copy_from_slice(name)));
    for name in [&b"../a"[..], b"/etc/passwd", b"a/../b", b"a//b", b"a/.", b"a\nb", b"\xff", b"a/"] {
        assert!(matches!(named(name), E::Path { .. }), "{name:?}");
    }
    for kind in *b"123467SgKDV" {
        let odd = odd(&changed(|bytes| bytes[156] = kind));
        assert!(matches!(odd, E::NoFile { .. }), "{}: {odd:?}", char::from(kind));
    }
    // A folder has no content.
    assert!(matches!(odd(&changed(|bytes| bytes[156] = b'5')), E::Damaged { at: 0 }));
    let huge = changed(|bytes| bytes[124..136].copy_from_slice(b"77777777777\0"));
    assert!(matches!(refused(&huge), Refused::Truncated));
    let larger = changed(|bytes| bytes[124..136].copy_from_slice(b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"));
    assert!(matches!(refused(&larger), Refused::Truncated));
    let long = changed(|bytes| {
        bytes[156] = b'L';
        bytes[124..136].copy_from_slice(b"77777777777\0");
    });
    assert!(matches!(odd(&long), E::Damaged { at: 0 }));
    for records in ["", "5", "9 path=a\n", "99 path=a\n", "10 path=a\nx", "8 size=x\n", "4 a\n"] {
        let pax = changed(|bytes| {
            bytes[156] = b'x';
            bytes[124..136].copy_from_slice(format!("{:011o}\0", records.len()).as_bytes());
            bytes[512..1024].fill(0);
            bytes[512..512 + records.len()].copy_from_slice(records.as_bytes());
        });
        assert!(open(&pax).is_err(), "{records}");
    }
}

#[test]
fn damaged_cut_and_lengthened_ones_are_refused() {
    let bytes = SIGNING.set(&FILES);
    let end = bytes.len() - 1024;
    for length in (512..end).step_by(97).chain([end]) {
        assert!(matches!(refused(&bytes[..length]), Refused::Truncated), "{length}");
    }
    assert!(matches!(odd(&bytes[..end + 512]), E::Damaged { .. }));
    assert!(open(&[&bytes[..], &[0; 8192]].concat()).is_ok());
    assert!(matches!(refused(&[&bytes[..], b"x"].concat()), Refused::Trailing));
    assert_eq!(odd(b""), E::NotAnArchive);
    assert_eq!(odd(&[7; 4096]), E::NotAnArchive);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn one_changed_byte_is_refused_or_changes_no_file(place: Index, byte: u8) {
        let before = SIGNING.set(&FILES);
        let mut after = before.clone();
        after[place.index(before.len())] = byte;
        if let Ok(found) = open(&after) {
            prop_assert_eq!(found.members, open(&before).unwrap().members);
        }
    }

    #[test]
    fn nothing_makes_it_panic(bytes in vec(any::<u8>(), 0..2048), place: Index) {
        let _ = open(&bytes);
        let mut inside = SIGNING.set(&FILES);
        let place = place.index(inside.len());
        let count = bytes.len().min(inside.len() - place);
        inside[place..place + count].copy_from_slice(&bytes[..count]);
        let _ = open(&inside);
    }
}
