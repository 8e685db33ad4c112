//! Backups that somebody has made up: nothing of them reaches a folder or a database.

use crate::{COMMAND, Place, fill, fleet_of, told};
use fleet::backup::backup;
use std::{fs, path::Path};
use store::testing;
use tar::{Builder, EntryType, Header};

/// Nothing is wrong with this one.
const LAST: &str = "files before the database";
/// Nor with this one: in the format before, the header was in no hash.
const FORMAT_TWO: &str = "the format before";

/// An entry of an archive: its name, its type, what it links to or holds.
type Entry = (String, EntryType, Vec<u8>);

fn entries(file: &Path) -> Vec<Entry> {
    let mut archive = tar::Archive::new(fs::File::open(file).unwrap());
    let entry = |entry: std::io::Result<tar::Entry<'_, fs::File>>| {
        let mut entry = entry.unwrap();
        let mut data = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut data).unwrap();
        (String::from_utf8(entry.path_bytes().into_owned()).unwrap(), entry.header().entry_type(), data)
    };
    archive.entries().unwrap().map(entry).collect()
}

/// Writes an archive with names as they are: a builder would refuse some.
fn write(file: &Path, entries: &[Entry]) {
    let mut tar = Builder::new(fs::File::create(file).unwrap());
    for (name, kind, data) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o777);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        let content: &[u8] = if kind.is_file() { data } else { &[] };
        if !kind.is_file() {
            header.as_old_mut().linkname[..data.len()].copy_from_slice(data);
        }
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append(&header, content).unwrap();
    }
    tar.finish().unwrap();
}

/// Everything beneath a folder, with what it holds.
fn tree(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tree(&path));
        } else if !path.to_string_lossy().contains("muster.db") {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_up_changes_nothing() {
    for fixture in testing::both().await.unwrap() {
        let fleet = fleet_of(&fixture);
        fill(&fleet).await;
        let keys = fixture.folder.path().join("keys");
        fs::create_dir(&keys).unwrap();
        fs::write(keys.join("brno-0a1b.pem"), "a sealed key").unwrap();
        let file = fixture.folder.path().join("backup.muster");
        assert_eq!(backup(&fleet, &COMMAND, &file).await.unwrap().files, 1);
        let good = entries(&file);
        let at = good.iter().position(|(name, ..)| name == "files/keys/brno-0a1b.pem").unwrap();
        let with = |change: &dyn Fn(&mut Vec<Entry>)| {
            let mut changed = good.clone();
            change(&mut changed);
            changed
        };
        let more = |name: &str, kind: EntryType, data: &str| {
            let entry = (name.to_owned(), kind, data.as_bytes().to_vec());
            with(&|all: &mut Vec<Entry>| all.insert(at, entry.clone()))
        };
        let json = |all: &mut Vec<Entry>, at: usize, change: &dyn Fn(&mut serde_json::Value)| {
            let mut value = serde_json::from_slice(&all[at].2).unwrap();
            change(&mut value);
            all[at].2 = value.to_string().into_bytes();
        };
        let header = |change: &dyn Fn(&mut serde_json::Value)| with(&|all| json(all, 0, change));
        let last = good.len() - 1;
        let format_two = with(&|all| {
            json(all, 0, &|header| header["version"] = 2.into());
            json(all, last, &|contents| drop(contents.as_object_mut().unwrap().remove("header").unwrap()));
        });
        let named = |name: &str| more(name, EntryType::Regular, "evil");
        let cases = [
            ("a changed header", header(&|header| header["created_at"] = 1.into())),
            ("a header of before it was in a hash", header(&|header| header["version"] = 2.into())),
            (
                "contents without the header's hash",
                with(&|all| json(all, last, &|contents| contents["header"] = serde_json::Value::Null)),
            ),
            ("a changed key", with(&|all| all[at].2[0] ^= 1)),
            ("a key left out", with(&|all| drop(all.remove(at)))),
            ("a key twice", with(&|all| all.insert(at, all[at].clone()))),
            ("a further key", named("files/keys/evil.pem")),
            ("out of the folder", named("files/keys/../../evil.pem")),
            ("an absolute name", named("files//etc/evil.pem")),
            ("another folder", named("files/tls/evil.pem")),
            ("a folder beneath", named("files/keys/deep/evil.pem")),
            ("a hidden name", named("files/keys/.evil.pem")),
            ("what is no key", named("files/keys/evil.sh")),
            ("a symbolic link", more("files/keys/evil.pem", EntryType::Symlink, "/etc/passwd")),
            ("a hard link", more("files/keys/evil.pem", EntryType::Link, "/etc/passwd")),
            ("a folder as a link", more("files/keys", EntryType::Symlink, "/tmp")),
            ("a device", more("files/keys/evil.pem", EntryType::Char, "")),
            ("something else", named("evil")),
            ("a table that is none", named("data/evil/00000000")),
            ("without its end", with(&|all| drop(all.pop()))),
            ("without its beginning", with(&|all| drop(all.remove(0)))),
            (
                LAST,
                with(&|all| {
                    let file = all.remove(at);
                    all.insert(1, file);
                }),
            ),
            (FORMAT_TWO, format_two),
        ];
        let place = Place::like(&fixture).await;
        place.fixture.db.close().await;
        let bad = fixture.folder.path().join("bad.muster");
        for (what, entries) in cases {
            write(&bad, &entries);
            let before = tree(place.fixture.folder.path());
            let restored = place.restore(&bad, true).await;
            if [LAST, FORMAT_TWO].contains(&what) {
                assert_eq!(restored.unwrap().files, 1);
                fs::remove_dir_all(place.fixture.folder.path().join("keys")).unwrap();
                continue;
            }
            let why = told(restored);
            assert!(!why.is_empty(), "{}: {what}", fixture.name);
            assert_eq!(tree(place.fixture.folder.path()), before, "{}: {what}: {why}", fixture.name);
            let untouched = place.open().await;
            assert!(untouched.set_up_needed().await.unwrap(), "{}: {what}: {why}", fixture.name);
            untouched.db().close().await;
        }
        place.restore(&file, true).await.unwrap();
        let key = fs::read(place.fixture.folder.path().join("keys/brno-0a1b.pem")).unwrap();
        assert_eq!(key, b"a sealed key", "{}", fixture.name);
    }
}
