//! Which OSTree repositories are taken, what is read from them, and which ones are refused for which reason.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod image;
mod repository;
mod set;
#[path = "../../pki/tests/world/mod.rs"]
mod world;
#[path = "../../pki/tests/world/cms.rs"]
mod writing;

use artifact::{ArtifactKind, Image, Inspected, Refused, inspect, ostree::OstreeRefused as O};
use domain::time::{SECOND, Timestamp};
use image::{Signing, sha256};
use pki::CmsTrust;
use proptest::{collection::vec, prelude::*, sample::Index};
use repository::{Files, Made, REF, made};
use std::{io::Cursor, sync::LazyLock};

const NOW: Timestamp = Timestamp(1_795_000_000 * SECOND);
static SIGNING: LazyLock<Signing> = LazyLock::new(|| Signing::at(NOW));

fn packed(files: &Files) -> Vec<u8> {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, content)| (path.as_str(), &content[..])).collect();
    SIGNING.set(&files)
}

fn read(files: &Files) -> Result<Inspected, Refused> {
    let issuers = [SIGNING.operations.certificate().clone()];
    let trust = CmsTrust { issuers: &issuers, at: NOW };
    inspect(&mut Cursor::new(packed(files)), "gateway-os-1.4.2.tar", &trust)
}

fn odd(files: &Files) -> O {
    match read(files).expect_err("it was taken") {
        Refused::Ostree(odd) => odd,
        other => unreachable!("{other:?}"),
    }
}

fn object(hash: &str, kind: &str) -> String {
    format!("repo/objects/{}/{}.{kind}", &hash[..2], &hash[2..])
}

/// The repository with something changed.
fn with(change: impl FnOnce(&mut Made)) -> Files {
    let mut made = made("1.4.2");
    change(&mut made);
    made.files
}

#[test]
fn a_good_one_tells_what_is_in_it() {
    let made = made("1.4.2");
    let inspected = read(&made.files).unwrap();
    assert_eq!(inspected.kind, ArtifactKind::Ostree);
    assert_eq!(inspected.version.as_deref(), Some("1.4.2"));
    assert_eq!(inspected.images, [Image { name: REF.into(), size: 0, sha256: made.commit.clone() }]);
    assert_eq!(inspected.members.len(), made.files.len());
    let bytes = packed(&made.files);
    for member in &inspected.members {
        let at = usize::try_from(member.offset).unwrap();
        let content = &bytes[at..at + usize::try_from(member.size).unwrap()];
        assert_eq!(made.files[&member.path], content, "{}", member.path);
        assert_eq!(member.sha256, sha256(content));
    }
    assert!(read(&with(|made| drop(made.files.insert("repo/.lock".into(), Vec::new())))).is_ok());
    let twice = with(|made| {
        let content = made.files[&format!("repo/refs/heads/{REF}")].clone();
        made.files.insert("repo/refs/heads/gw/beta".into(), content);
    });
    assert_eq!(read(&twice).unwrap().images.len(), 2);
}

#[test]
fn what_a_ref_leads_to_must_be_there() {
    let (good, mut needed) = (made("1.4.2"), 0);
    for path in good.files.keys().filter(|path| path.starts_with("repo/objects/")) {
        let lacking = with(|made| drop(made.files.remove(path)));
        assert!(matches!(odd(&lacking), O::Missing { .. }), "{path}");
        needed += 1;
    }
    assert_eq!(needed, 7);
    let lacking = with(|made| drop(made.files.remove(&object(&made.greeting, "filez"))));
    let told = O::Missing { from: format!("the folder {}", good.folder), missing: format!("{}.filez", good.greeting) };
    assert_eq!(odd(&lacking), told);
    assert_eq!(odd(&with(|made| drop(made.files.remove(&format!("repo/refs/heads/{REF}"))))), O::NoRef);
    let named = |content: &str| with(|made| drop(made.files.insert(format!("repo/refs/heads/{REF}"), content.into())));
    for content in ["", "main", &good.commit[1..], &good.commit.to_uppercase()] {
        assert_eq!(odd(&named(content)), O::Ref(REF.into()), "{content}");
    }
    assert!(matches!(odd(&named(&"0".repeat(64))), O::Missing { .. }));
    // A file's hash is no commit's.
    assert!(matches!(odd(&named(&good.greeting)), O::Missing { .. }));
}

#[test]
fn objects_must_be_what_their_names_say() {
    let good = made("1.4.2");
    for path in good.files.keys().filter(|path| path.starts_with("repo/objects/")) {
        // The last bit of packed content may be nobody's; of a header or a value each one counts.
        for (place, what) in [(0, "first"), (27.min(good.files[path].len() - 1), "later")] {
            let changed = with(|made| made.files.get_mut(path).unwrap()[place] ^= 1);
            let odd = odd(&changed);
            assert!(matches!(odd, O::WrongHash(_) | O::Unreadable(_)), "{path}, {what}: {odd:?}");
        }
    }
    let swapped = with(|made| {
        let other = made.files[&object(&made.commit, "commit")].clone();
        made.files.insert(object(&made.folder, "dirtree"), other);
    });
    assert_eq!(odd(&swapped), O::WrongHash(object(&good.folder, "dirtree")["repo/objects/".len()..].into()));
    let short = with(|made| made.files.get_mut(&object(&made.greeting, "filez")).unwrap().truncate(30));
    assert!(matches!(odd(&short), O::Unreadable(_)));
    let larger = with(|made| made.files.get_mut(&object(&made.greeting, "filez")).unwrap()[15] += 1);
    assert!(matches!(odd(&larger), O::Unreadable(_)));
    for name in ["repo/objects/ab/cd.filez", "repo/objects/x", "repo/objects/pack"] {
        let named = with(|made| drop(made.files.insert(name.into(), Vec::new())));
        assert_eq!(odd(&named), O::Name(name.into()));
    }
    let bare = with(|made| drop(made.files.insert(object(&made.greeting, "file"), b"1.4.2".to_vec())));
    assert!(matches!(odd(&bare), O::Name(_)));
    let noted = with(|made| drop(made.files.insert(object(&made.commit, "commitmeta"), b"signatures".to_vec())));
    assert!(read(&noted).is_ok());
}

#[test]
fn a_repository_must_be_one_to_pull_from() {
    let config = |text: &str| with(|made| drop(made.files.insert("repo/config".into(), text.into())));
    assert!(read(&config("[core]\nmode=bare\nmode = archive\n")).is_ok());
    assert_eq!(odd(&config("[core]\nmode=bare-user\n")), O::Mode("bare-user".into()));
    assert_eq!(odd(&config("[other]\nmode=archive\n")), O::Mode(String::new()));
    let none = with(|made| drop(made.files.remove("repo/config")));
    assert_eq!(odd(&none), O::NoRepository);
}

#[test]
fn versions_must_be_one() {
    let mut files = Files::new();
    let rights = repository::rights(&mut files);
    let root = repository::folder(&mut files, &[], &[]);
    files.insert("repo/config".into(), b"[core]\nmode=archive\n".to_vec());
    for (name, version) in [("a", "1.0"), ("b", "1.0"), ("c", "")] {
        let commit = repository::commit(&mut files, version, &root, &rights);
        files.insert(format!("repo/refs/heads/{name}"), commit.into_bytes());
    }
    assert_eq!(read(&files).unwrap().version.as_deref(), Some("1.0"));
    let commit = repository::commit(&mut files, "1.1", &root, &rights);
    files.insert("repo/refs/heads/b".into(), commit.into_bytes());
    assert_eq!(odd(&files), O::Versions);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever is signed, and even where objects have the hash of their content.
    #[test]
    fn nothing_makes_it_panic(bytes in vec(any::<u8>(), 0..120), which: Index, place: Index) {
        let mut made = made("1.4.2");
        let paths: Vec<String> = made.files.keys().cloned().collect();
        let path = &paths[which.index(paths.len())];
        let content = made.files.get_mut(path).unwrap();
        let at = place.index(content.len().max(1));
        content.truncate(at);
        content.extend(&bytes);
        let _ = read(&made.files);
        let content = made.files[path].clone();
        for kind in ["commit", "dirtree"] {
            let hash = sha256(&content);
            made.files.insert(object(&hash, kind), content.clone());
            if kind == "commit" {
                made.files.insert(format!("repo/refs/heads/{REF}"), hash.into_bytes());
            }
        }
        let _ = read(&made.files);
    }
}
