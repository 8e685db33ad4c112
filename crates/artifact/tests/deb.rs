//! Which sets of Debian packages are taken, and which ones are refused for which reason.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod debs;
mod image;
mod set;
#[path = "../../pki/tests/world/mod.rs"]
mod world;
#[path = "../../pki/tests/world/cms.rs"]
mod writing;

use artifact::{ArtifactKind, Inspected, Refused, deb::DebRefused as D, envelope::EnvelopeRefused, inspect};
use debs::{File, IN_RELEASE, LIST, Packager, file, list, packed, sha256};
use domain::time::{DAY, HOUR, SECOND, Timestamp};
use image::Signing;
use pgp::crypto::hash::HashAlgorithm;
use pki::{CmsRefused, CmsTrust};
use proptest::{collection::vec, prelude::*, sample::Index};
use std::{io::Cursor, sync::LazyLock};

const NOW: Timestamp = Timestamp(1_795_000_000 * SECOND);
const PACKAGES: [(&str, &[u8]); 2] = [("gateway", b"!<arch>\nthe gateway"), ("modem", b"!<arch>\nthe modem")];

static SIGNING: LazyLock<Signing> = LazyLock::new(|| Signing::at(NOW));
static PACKAGER: LazyLock<Packager> = LazyLock::new(|| Packager::new(1, NOW.plus(-DAY)));

fn envelope(files: &[File]) -> Vec<u8> {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, content)| (path.as_str(), content.as_slice())).collect();
    SIGNING.set(&files)
}

fn taken_at(bytes: &[u8], at: Timestamp) -> Result<Inspected, Refused> {
    let issuers = [SIGNING.operations.certificate().clone()];
    inspect(&mut Cursor::new(bytes), "gateway-2.0.tar", &CmsTrust { issuers: &issuers, at })
}

fn refused(files: &[File]) -> D {
    refused_at(files, NOW)
}

fn refused_at(files: &[File], at: Timestamp) -> D {
    match taken_at(&envelope(files), at).expect_err("it was taken") {
        Refused::Deb(why) => why,
        other => unreachable!("{other}"),
    }
}

fn good() -> Vec<File> {
    PACKAGER.set("2.0", &PACKAGES)
}

/// The good set with another content at a path; none takes it away.
fn but(path: &str, content: Option<Vec<u8>>) -> Vec<File> {
    let mut files = good();
    files.retain(|(other, _)| other != path);
    files.extend(content.map(|content| (path.to_owned(), content)));
    files
}

/// The good set with another text in InRelease, rightly signed.
fn saying(text: &str) -> Vec<File> {
    but(IN_RELEASE, Some(PACKAGER.signed(text)))
}

/// What the good InRelease says.
fn text() -> String {
    let list = list("2.0", &PACKAGES);
    PACKAGER.release("2.0", &[("Packages", list.as_bytes()), ("Packages.gz", &packed(list.as_bytes()))])
}

#[test]
fn a_good_set_is_taken_with_what_is_in_it() {
    let mut files = good();
    files.push(("pool/main/loose_1_amd64.deb".to_owned(), b"no list names it".to_vec()));
    let bytes = envelope(&files);
    let found = taken_at(&bytes, NOW).unwrap();
    assert_eq!(
        (found.kind, found.version.as_deref(), &found.sha256),
        (ArtifactKind::Deb, Some("2.0"), &sha256(&bytes))
    );
    let names: Vec<&str> = found.images.iter().map(|image| image.name.as_str()).collect();
    assert_eq!(names, ["gateway_2.0_amd64.deb", "modem_2.0_amd64.deb"]);
    assert_eq!(found.ignored, ["pool/main/loose_1_amd64.deb"]);
    assert_eq!(found.members.len(), files.len());
    for (path, content) in &files {
        let member = found.members.iter().find(|member| member.path == *path).unwrap();
        let (from, to) =
            (usize::try_from(member.offset).unwrap(), usize::try_from(member.offset + member.size).unwrap());
        assert_eq!((&bytes[from..to], &member.sha256), (content.as_slice(), &sha256(content)), "{path}");
    }
    assert_eq!(found.signers[0].certificate, SIGNING.pen.certificate);
}

#[test]
fn a_list_may_be_there_compressed_alone() {
    assert!(taken_at(&envelope(&but(LIST, None)), NOW).is_ok());
    assert!(taken_at(&envelope(&but(&format!("{LIST}.gz"), None)), NOW).is_ok());
    let mut without = but(LIST, None);
    without.retain(|(path, _)| *path != format!("{LIST}.gz"));
    let index = IN_RELEASE.to_owned();
    assert_eq!(refused(&without), D::Missing { index, file: LIST.to_owned() });
    // What it unpacks to must be what is signed.
    let other = packed(list("2.1", &PACKAGES).as_bytes());
    let list = list("2.0", &PACKAGES);
    let mut wrong = but(&format!("{LIST}.gz"), Some(other.clone()));
    wrong.retain(|(path, _)| path != LIST);
    let text = PACKAGER.release("2.0", &[("Packages", list.as_bytes()), ("Packages.gz", &other)]);
    wrong.retain(|(path, _)| path != IN_RELEASE);
    wrong.push((IN_RELEASE.to_owned(), PACKAGER.signed(&text)));
    assert_eq!(refused(&wrong), D::Other { index: IN_RELEASE.to_owned(), file: LIST.to_owned() });
    // A small file that unpacks without end is given up at what is signed.
    let bomb = packed(&vec![b'\n'; 8 << 20]);
    let text = PACKAGER.release("2.0", &[("Packages", list.as_bytes()), ("Packages.gz", &bomb)]);
    let mut files = but(&format!("{LIST}.gz"), Some(bomb));
    files.retain(|(path, _)| path != LIST && path != IN_RELEASE);
    files.push((IN_RELEASE.to_owned(), PACKAGER.signed(&text)));
    assert_eq!(refused(&files), D::Unpacked { path: LIST.to_owned(), most: list.len() as u64 });
}

#[test]
fn what_devices_would_not_trust_is_not_taken() {
    let signature = |why| D::Signature { path: IN_RELEASE.to_owned(), why };
    let stranger = Packager::new(2, NOW.plus(-DAY));
    let nobody = "nobody of the keyring made its signature, or it was altered since";
    assert_eq!(refused(&but(IN_RELEASE, Some(stranger.signed(&text())))), signature(nobody));
    assert_eq!(refused(&but("keyring.pgp", Some(stranger.keyring()))), signature(nobody));
    let altered = String::from_utf8(PACKAGER.signed(&text())).unwrap().replace("Suite: stable", "Suite: stablE");
    assert_eq!(refused(&but(IN_RELEASE, Some(altered.into_bytes()))), signature(nobody));
    let with = |hash, at, lasts| but(IN_RELEASE, Some(PACKAGER.signed_with(&text(), hash, at, lasts)));
    let weak = "its signature uses a hash that apt does not take; use SHA-256, SHA-384 or SHA-512";
    assert_eq!(refused(&with(HashAlgorithm::Sha3_256, NOW, 0)), signature(weak));
    assert_eq!(
        refused(&with(HashAlgorithm::Sha256, NOW.plus(HOUR), 0)),
        signature("its signature was made in the future")
    );
    assert_eq!(refused(&with(HashAlgorithm::Sha256, NOW.plus(-HOUR), 60)), signature("its signature has ended"));
    assert!(taken_at(&envelope(&with(HashAlgorithm::Sha256, NOW.plus(-HOUR), 7_200)), NOW).is_ok());
    assert_eq!(refused(&but("keyring.pgp", None)), D::NoKeyring);
    assert_eq!(refused(&but("keyring.pgp", Some(PACKAGER.armoured()))), D::Armoured);
    assert_eq!(refused(&but("keyring.pgp", Some(b"no key".to_vec()))), D::Keyring);
    assert_eq!(refused(&but(IN_RELEASE, None)), D::NoInRelease);
}

#[test]
fn a_text_is_one_signed_message_and_nothing_else() {
    let signed = String::from_utf8(PACKAGER.signed(&text())).unwrap();
    let is_not_signed = |document: String| {
        let why = refused(&but(IN_RELEASE, Some(document.clone().into_bytes())));
        assert!(matches!(why, D::NotSigned { .. }), "{why}: {document}");
    };
    is_not_signed(text());
    is_not_signed(format!("Suite: other\n{signed}"));
    is_not_signed(format!("{signed}\nSuite: other\n"));
    is_not_signed(format!("{signed}{signed}"));
    is_not_signed(signed.replace("-----END PGP SIGNATURE-----", ""));
    is_not_signed(String::new());
}

#[test]
fn what_is_signed_must_be_there_as_it_says() {
    let index = || LIST.to_owned();
    let package = file("gateway", "2.0");
    assert_eq!(refused(&but(&package, None)), D::Missing { index: index(), file: package.clone() });
    assert_eq!(refused(&but(&package, Some(b"another".to_vec()))), D::Other { index: index(), file: package });
    let other = D::Other { index: IN_RELEASE.to_owned(), file: LIST.to_owned() };
    assert_eq!(refused(&but(LIST, Some(list("2.1", &PACKAGES).into_bytes()))), other);
    let saying_that = |list: &str| {
        let text = PACKAGER.release("2.0", &[("Packages", list.as_bytes())]);
        let mut files = saying(&text);
        files.retain(|(path, _)| !path.starts_with(LIST));
        files.push((LIST.to_owned(), list.as_bytes().to_vec()));
        refused(&files)
    };
    assert_eq!(saying_that(""), D::NoPackage);
    let good = list("2.0", &PACKAGES);
    let missing = D::NoField { path: index(), what: "“gateway”".to_owned(), field: "SHA256" };
    assert_eq!(saying_that(&good.replace("SHA256: ", "SHA1: ")), missing);
    let twice = D::Syntax { path: index(), line: 2, why: "the field is there twice" };
    assert_eq!(saying_that(&good.replace("Version: 2.0\n", "Package: modem\n")), twice);
    let outside = good.replacen(&file("gateway", "2.0"), "../../etc/passwd", 1);
    assert_eq!(saying_that(&outside), D::Missing { index: index(), file: "../../etc/passwd".to_owned() });
    let lone = PACKAGER.release("2.0", &[("Packages.gz", &packed(good.as_bytes()))]);
    assert_eq!(refused(&saying(&lone)), D::Missing { index: IN_RELEASE.to_owned(), file: LIST.to_owned() });
}

#[test]
fn what_is_out_of_its_time_is_not_taken() {
    let time = |why: String| D::Time { path: IN_RELEASE.to_owned(), why };
    let until = debs::date(NOW.plus(DAY));
    let dated = text().replace("Architectures:", &format!("Valid-Until: {until}\nArchitectures:"));
    assert!(taken_at(&envelope(&saying(&dated)), NOW).is_ok());
    assert_eq!(refused_at(&saying(&dated), NOW.plus(2 * DAY)), time(format!("was good until {until}")));
    let made = debs::date(NOW.plus(-DAY));
    let later = debs::date(NOW.plus(DAY));
    let future = text().replace(&made, &later);
    assert_eq!(refused(&saying(&future)), time(format!("is of {later}, which is yet to come")));
    assert_eq!(
        refused(&saying(&text().replace(&made, "soon"))),
        time("has a time that can't be read (soon)".to_owned())
    );
}

#[test]
fn the_envelope_must_hold_first() {
    let files = good();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, content)| (path.as_str(), content.as_slice())).collect();
    let sums = set::sums(&files);
    let unsigned = set::pack(&[&[("SHA256SUMS", sums.as_bytes())], files.as_slice()].concat());
    assert!(matches!(taken_at(&unsigned, NOW), Err(Refused::Envelope(EnvelopeRefused::NotSigned))));
    let other = Signing::at(NOW);
    let foreign = taken_at(&other.set(&files), NOW);
    assert!(matches!(foreign, Err(Refused::Signature(CmsRefused::ForeignSigner { .. }))), "{foreign:?}");
    let good = SIGNING.set(&files);
    assert!(matches!(taken_at(&good, NOW.plus(60 * DAY)), Err(Refused::Signature(CmsRefused::Expired { .. }))));
    let half = taken_at(&good[..good.len() / 2], NOW);
    assert!(matches!(half, Err(Refused::Truncated | Refused::Envelope(_))), "{half:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What is altered is refused, or is what was signed all the same; and nothing makes it panic.
    #[test]
    fn altered_bytes_are_refused(changes in vec((any::<Index>(), any::<u8>()), 1..4)) {
        let mut bytes = envelope(&good());
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(found) = taken_at(&bytes, NOW) {
            prop_assert_eq!(found.images.len(), PACKAGES.len());
        }
    }

    /// The same with what our own signs: a pipeline that was taken over sends what it likes.
    #[test]
    fn no_keyring_and_no_document_makes_it_panic(
        keyring in vec(any::<u8>(), 0..200), changes in vec((any::<Index>(), any::<u8>()), 0..6), list in ".{0,200}",
    ) {
        let mut document = PACKAGER.signed(&text());
        let mut known = PACKAGER.keyring();
        for (at, byte) in changes {
            let (in_document, in_known) = (at.index(document.len()), at.index(known.len()));
            document[in_document] = byte;
            known[in_known] = byte;
        }
        let files = [
            but("keyring.pgp", Some(keyring)), but("keyring.pgp", Some(known)), but(IN_RELEASE, Some(document)),
            but(LIST, Some(list.clone().into_bytes())), saying(&list),
        ];
        for files in files {
            let _ = taken_at(&envelope(&files), NOW);
        }
    }
}
