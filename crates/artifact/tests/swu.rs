//! Which images for SWUpdate are taken, what is read from them, and which ones are refused for which reason.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod image;
#[path = "../../pki/tests/world/mod.rs"]
mod world;
#[path = "../../pki/tests/world/cms.rs"]
mod writing;

use artifact::{ArtifactKind, Image, Refused, inspect};
use domain::time::{SECOND, Timestamp};
use image::{CRC, NEWC, Signing, archive, description, entry, sha256};
use pki::{CmsRefused, CmsTrust};
use proptest::{collection::vec, prelude::*, sample::Index};
use std::{
    io::{self, Read},
    sync::LazyLock,
};

const NOW: Timestamp = Timestamp(1_795_000_000 * SECOND);
const ROOTFS: &[u8] = b"a root file system, of an odd length";
const SCRIPT: &[u8] = b"#!/bin/sh\nexit 0\n";
const FILES: [(&str, &[u8]); 2] = [("rootfs.bin", ROOTFS), ("after.sh", SCRIPT)];

static SIGNING: LazyLock<Signing> = LazyLock::new(|| Signing::at(NOW));

fn good(magic: &str) -> Vec<u8> {
    SIGNING.image(magic, &description(ROOTFS, SCRIPT), &FILES)
}

fn refused(image: &[u8]) -> Refused {
    SIGNING.inspect(image).expect_err("it was taken")
}

/// An image with another description, which is signed, too.
fn described(text: &str) -> Result<artifact::Inspected, Refused> {
    SIGNING.inspect(&SIGNING.image(NEWC, text, &FILES))
}

macro_rules! assert_refused {
    ($refused:expr, $pattern:pat $(if $guard:expr)?) => {{
        let refused: Refused = $refused;
        assert!(matches!(&refused, $pattern $(if $guard)?), "{refused:?}");
    }};
}

#[test]
fn a_good_image_tells_what_is_in_it() {
    for magic in [NEWC, CRC] {
        let bytes = good(magic);
        let inspected = SIGNING.inspect(&bytes).unwrap();
        assert_eq!(inspected.kind, ArtifactKind::Swu);
        assert_eq!(inspected.size, bytes.len() as u64);
        assert_eq!(inspected.sha256, sha256(&bytes));
        assert_eq!((inspected.md5.len(), inspected.sha1.len()), (32, 40));
        assert_eq!(inspected.version.as_deref(), Some("1.4.2"));
        assert_eq!(inspected.hardware, ["1.0", "1.2"]);
        assert_eq!(inspected.signers[0].certificate, SIGNING.pen.certificate);
        let image = |(name, content): (&str, &[u8])| Image {
            name: name.into(),
            size: content.len() as u64,
            sha256: sha256(content),
        };
        assert_eq!(inspected.images, FILES.map(image));
        assert!(inspected.ignored.is_empty());
    }
}

#[test]
fn the_kind_is_told_by_the_name() {
    let issuers = [SIGNING.operations.certificate().clone()];
    let trust = CmsTrust { issuers: &issuers, at: NOW };
    let unknown = inspect(&mut io::empty(), "firmware.bin", &trust).unwrap_err();
    assert_refused!(unknown, Refused::UnknownKind { file_name } if file_name == "firmware.bin");
    assert!(inspect(&mut io::Cursor::new(good(NEWC)), "GW-200-1.4.2.SWU", &trust).is_ok());
}

#[test]
fn what_is_not_named_is_passed_over_and_told() {
    let files = [&FILES[..], &[("notes.txt", b"for people")]].concat();
    let inspected = SIGNING.inspect(&SIGNING.image(CRC, &description(ROOTFS, SCRIPT), &files)).unwrap();
    assert_eq!(inspected.ignored, ["notes.txt"]);
    assert_eq!(inspected.images.len(), 2);
}

#[test]
fn parts_for_boards_and_selections_and_json_are_read() {
    let (image, script) = (sha256(ROOTFS), sha256(SCRIPT));
    let nested = format!(
        r##"software = {{
            version = "2.0";
            gw = {{
                hardware-compatibility = ["A.1", "A.2",];
                stable : {{
                    copy1 : {{ images: ( {{ ref = "#./../common" }} ); }};
                    common = ( {{ filename = "rootfs.bin"; device = "/dev/x"; sha256 = "{}" "{}"; size = 0x20L; }} );
                }};
            }};
            /* another */ hub = {{
                hardware-compatibility = ["A.1", "B.1"];
                # scripts alone
                stable = {{ copy1 = {{ scripts = ( {{ filename = "after.sh", sha256 = "{script}" }} ); }}; }};
            }};
        }}"##,
        &image[..10],
        image[10..].to_ascii_uppercase()
    );
    let inspected = described(&nested).unwrap();
    assert_eq!(inspected.version.as_deref(), Some("2.0"));
    assert_eq!(inspected.hardware, ["A.1", "A.2", "B.1"]);
    assert_eq!(inspected.images.len(), 2);
    let json = format!(
        r#"{{"software": {{"version": "2.0", "hardware-compatibility": ["1.0"],
            "images": [{{"filename": "rootfs.bin", "sha256": "{image}", "version": "9", "properties": {{"filename": "x"}}}}],
            "scripts": [{{"filename": "after.sh", "sha256": "{script}"}}]}}}}"#
    );
    let inspected = described(&json).unwrap();
    assert_eq!((inspected.version.as_deref(), inspected.images.len()), (Some("2.0"), 2));
    let within = nested.replacen("version = \"2.0\";", "", 1).replace("gw = {", "gw = { version = \"3\";");
    assert_eq!(described(&within).unwrap().version.as_deref(), Some("3"));
}

#[test]
fn a_description_must_say_what_is_needed() {
    let good = description(ROOTFS, SCRIPT);
    let without = |part: &str| {
        assert!(good.contains(part), "{part}");
        described(&good.replacen(part, "", 1)).unwrap_err()
    };
    assert_refused!(without("version = \"1.4.2\";"), Refused::NoVersion);
    assert_refused!(without("hardware-compatibility: [ \"1.0\", \"1.2\" ];"), Refused::NoHardware);
    assert_refused!(without("software ="), Refused::Json { line: 3 });
    let hash = format!("sha256 = \"{}\";", sha256(ROOTFS));
    assert_refused!(without(&hash), Refused::NoHash { name } if name == "rootfs.bin");
    assert_refused!(without(&sha256(SCRIPT)), Refused::BadHash { name } if name == "after.sh");
    let instead = |part: &str, other: &str| described(&good.replacen(part, other, 1)).unwrap_err();
    let twice = "version = \"1.4.2\"; gw = { version = \"1.5\"; };";
    assert_refused!(instead("version = \"1.4.2\";", twice), Refused::Versions);
    assert_refused!(instead("1.4.2", "1.4\\n2"), Refused::Description(_));
    assert_refused!(instead("after.sh", "rootfs.bin"), Refused::TwoHashes { .. });
    assert_refused!(instead("after.sh", "before.sh"), Refused::Missing { name } if name == "before.sh");
    assert_refused!(instead("after.sh", "sw-description"), Refused::Missing { .. });
    assert_refused!(instead("\"1.0\"", "1.0"), Refused::Syntax { .. });
    assert_refused!(instead("software =", "firmware ="), Refused::Description(_));
    let nothing = "software = { version = \"1\"; hardware-compatibility = [\"1\"]; images = (); };";
    assert_refused!(described(nothing).unwrap_err(), Refused::NothingToInstall);
    let settings = nothing.replace("images = ()", "bootenv = ( { name = \"mode\"; value = \"2\"; } )");
    assert_eq!(described(&settings).unwrap().ignored.len(), 2);
    assert_refused!(described("{\n\"software\": {]}").unwrap_err(), Refused::Json { line: 2 });
    assert_refused!(described("software = {\n@include \"x\"\n};").unwrap_err(), Refused::Syntax { line: 2, .. });
}

#[test]
fn an_image_must_be_signed_by_ours() {
    let text = description(ROOTFS, SCRIPT);
    let first = ("sw-description", text.as_bytes());
    assert_refused!(refused(&archive(NEWC, &[&[first], &FILES[..]].concat())), Refused::NotSigned);
    assert_refused!(refused(&archive(NEWC, &[first])), Refused::NotSigned);
    let late = archive(NEWC, &[&FILES[..1], &[first]].concat());
    assert_refused!(refused(&late), Refused::NoDescription { found } if found == "rootfs.bin");
    assert_refused!(refused(&archive(NEWC, &[])), Refused::NoDescription { .. });
    let foreign = Signing::at(NOW).image(NEWC, &text, &FILES);
    assert_refused!(refused(&foreign), Refused::Signature(CmsRefused::ForeignSigner { .. }));
    let signature = SIGNING.sign(b"another");
    let other = [&[first, ("sw-description.sig", &signature[..])], &FILES[..]].concat();
    assert_refused!(refused(&archive(NEWC, &other)), Refused::Signature(CmsRefused::WrongDigest { .. }));
    let large = vec![b' '; (1 << 20) + 1];
    let large = archive(NEWC, &[("sw-description", &large)]);
    assert_refused!(refused(&large), Refused::TooLarge { .. });
}

#[test]
fn damaged_cut_and_lengthened_ones_are_refused() {
    let text = description(ROOTFS, SCRIPT);
    let other = [("rootfs.bin", &b"another root file system"[..]), FILES[1]];
    assert_refused!(refused(&SIGNING.image(NEWC, &text, &other)), Refused::WrongHash { name } if name == "rootfs.bin");
    let twice = [FILES[0], FILES[1], FILES[0]];
    assert_refused!(refused(&SIGNING.image(NEWC, &text, &twice)), Refused::Twice { .. });
    let signature = SIGNING.sign(text.as_bytes());
    let again = [("sw-description.sig", &signature[..]), FILES[0], FILES[1]];
    assert_refused!(refused(&SIGNING.image(NEWC, &text, &again)), Refused::Twice { .. });
    let image = good(CRC);
    assert_refused!(refused(&[&image[..], &[0; 512]].concat()), Refused::Trailing);
    assert_refused!(refused(&[&image[..], b"x"].concat()), Refused::Trailing);
    let end = image.windows(10).position(|part| part == b"TRAILER!!!").unwrap() + 11;
    for length in (110..end).step_by(7).chain([end - 1]) {
        assert_refused!(refused(&image[..length]), Refused::Truncated);
    }
    // The filling of the last block is nobody's.
    assert!(SIGNING.inspect(&image[..end]).is_ok());
    let mut notes = SIGNING.image(CRC, &text, &[FILES[0], FILES[1], ("notes.txt", b"nobody asks")]);
    let place = notes.windows(11).position(|part| part == b"nobody asks").unwrap();
    notes[place] ^= 1;
    assert_refused!(refused(&notes), Refused::Checksum { name } if name == "notes.txt");
    assert_refused!(refused(b"\x1f\x8b is no archive"), Refused::NotAnArchive);
    assert_refused!(refused(b""), Refused::NotAnArchive);
    assert_refused!(refused(&[7; 4096]), Refused::NotAnArchive);
    assert_refused!(refused(&good("070707")), Refused::NotAnArchive);
}

#[test]
fn names_must_be_plain() {
    let text = description(ROOTFS, SCRIPT);
    let start = SIGNING.image(NEWC, &text, &[]);
    let start = &start[..start.windows(10).position(|part| part == b"TRAILER!!!").unwrap() - 110];
    let with = |name: &[u8]| refused(&[start, &entry(NEWC, name, b"x")].concat());
    for name in [&b"../../etc/passwd"[..], b"/etc/passwd", b"a/b", b"..", b".", b"a\0b", b"a\nb", b"\xff"] {
        assert_refused!(with(name), Refused::Name { .. });
    }
    assert_refused!(with(b""), Refused::Damaged { .. });
    assert_refused!(with(&[b'a'; 255]), Refused::Damaged { .. });
    assert_refused!(with(&[b'a'; 254]), Refused::Truncated);
    let files: Vec<String> = (0..1100).map(|number| format!("file-{number}")).collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|name| (name.as_str(), &b"x"[..])).collect();
    assert_refused!(refused(&SIGNING.image(NEWC, &text, &files)), Refused::TooManyFiles { most: 1024 });
}

/// Endless zeros behind a start, and a count of the largest piece that was asked for.
struct Endless<'a> {
    start: &'a [u8],
    left: u64,
    largest: usize,
}

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.largest = self.largest.max(buffer.len());
        if !self.start.is_empty() {
            return self.start.read(buffer);
        }
        let count = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        buffer[..count].fill(0);
        self.left -= count as u64;
        Ok(count)
    }
}

#[test]
fn a_size_that_is_only_claimed_takes_no_memory() {
    let text = description(ROOTFS, SCRIPT);
    let image = SIGNING.image(NEWC, &text, &[]);
    let start = image.windows(10).position(|part| part == b"TRAILER!!!").unwrap() - 110;
    let mut huge = entry(NEWC, b"rootfs.bin", b"");
    huge[6 + 6 * 8..6 + 7 * 8].copy_from_slice(b"FFFFFFFF");
    let mut reader = Endless { start: &[&image[..start], &huge].concat(), left: 64 << 20, largest: 0 };
    let issuers = [SIGNING.operations.certificate().clone()];
    let outcome = artifact::swu::inspect(&mut reader, &CmsTrust { issuers: &issuers, at: NOW });
    assert_refused!(outcome.unwrap_err(), Refused::Truncated);
    assert!(reader.largest <= 64 * 1024 && reader.left == 0, "{}", reader.largest);
    // The same for what is kept as a whole.
    let mut huge = entry(NEWC, b"sw-description", b"");
    huge[6 + 6 * 8..6 + 7 * 8].copy_from_slice(b"FFFFFFFF");
    assert_refused!(refused(&huge), Refused::TooLarge { .. });
}

#[test]
fn every_refusal_is_one_sentence() {
    let name = || "rootfs.bin".to_owned();
    for refused in [
        Refused::NotAnArchive,
        Refused::Truncated,
        Refused::NotSigned,
        Refused::NoHash { name: name() },
        Refused::Name { name: "a\nb".into() },
        Refused::Syntax { line: 3, why: "a string is not closed" },
    ] {
        let words = refused.to_string();
        assert!(!words.contains("  ") && !words.contains('\n') && !words.ends_with('.'), "{words}");
    }
}

/// Whether a change of one byte must be refused. It need not where nothing reads the byte: in a cpio header all but the
/// sizes and the sum (SWUpdate looks at no others), which of the two formats a file has, and a digit's case; and in the
/// signature's message, whose own frame has parts that nobody reads (its version, say).
fn matters(image: &[u8], place: usize, byte: u8) -> bool {
    let mut at = 0;
    while at + 110 <= image.len() && image[at..].starts_with(b"0707") {
        let number = |field: usize| {
            let digits = &image[at + 6 + 8 * field..at + 14 + 8 * field];
            usize::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap()
        };
        let content = (at + 110 + number(11)).next_multiple_of(4);
        if (at..at + 110).contains(&place) {
            let same = byte.eq_ignore_ascii_case(&image[place]);
            return match (place - at, (place - at).saturating_sub(6) / 8) {
                (5, _) => !b"12".contains(&byte),
                (0..6, _) | (_, 6 | 11) => !same,
                (_, 12) if image[at..].starts_with(CRC.as_bytes()) => !same,
                _ => !byte.is_ascii_hexdigit(),
            };
        }
        if (content..content + number(6)).contains(&place) {
            return !image[at + 110..].starts_with(b"sw-description.sig");
        }
        at = (content + number(6)).next_multiple_of(4);
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn one_changed_byte_is_refused_or_changes_nothing(magic in prop_oneof![Just(NEWC), Just(CRC)], place: Index, byte: u8) {
        let before = good(magic);
        let place = place.index(before.len());
        let mut after = before.clone();
        after[place] = byte;
        match SIGNING.inspect(&after) {
            Err(_) => prop_assert!(after != before),
            Ok(found) => {
                let first = SIGNING.inspect(&before).unwrap();
                prop_assert_eq!((found.version, found.hardware, found.images), (first.version, first.hardware, first.images));
                prop_assert!(found.signers == first.signers && found.ignored == first.ignored);
                prop_assert!(after == before || !matters(&before, place, byte), "byte {place} to {byte}");
            }
        }
    }

    #[test]
    fn hostile_headers_never_panic(
        start in 0_usize..3, fields in vec(prop_oneof![0_u32..64, any::<u32>()], 13), name in vec(any::<u8>(), 0..40),
        rest in vec(any::<u8>(), 0..400)
    ) {
        let text = description(ROOTFS, SCRIPT);
        let image = SIGNING.image(CRC, &text, &FILES);
        let ends: Vec<usize> =
            (0..image.len()).filter(|at| image[*at..].starts_with(CRC.as_bytes())).collect();
        let mut bytes = image[..ends[start]].to_vec();
        bytes.extend_from_slice(CRC.as_bytes());
        bytes.extend(fields.iter().flat_map(|field| format!("{field:08x}").into_bytes()));
        bytes.extend(name.iter().chain(&rest));
        prop_assert!(SIGNING.inspect(&bytes).is_err());
    }

    #[test]
    fn any_bytes_and_descriptions_never_panic(bytes in vec(any::<u8>(), 0..300), text in "\\PC{0,200}") {
        prop_assert!(SIGNING.inspect(&bytes).is_err());
        prop_assert!(described(&text).is_err());
    }
}
