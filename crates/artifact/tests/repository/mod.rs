//! OSTree repositories in mode archive, as `ostree commit` writes them: values in GVariant's form, whose containers are all
//! shorter than 256 bytes here.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use flate2::{Compression, write::DeflateEncoder};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, io::Write as _};

/// Files by path.
pub type Files = BTreeMap<String, Vec<u8>>;

pub const REF: &str = "gw/stable";

/// A repository with one commit of `etc/empty`, `greeting` and a link to it.
pub struct Made {
    pub files: Files,
    pub commit: String,
    pub folder: String,
    pub greeting: String,
}

fn sha256(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}

fn object(files: &mut Files, kind: &str, hash: &str, content: Vec<u8>) {
    files.insert(format!("repo/objects/{}/{}.{kind}", &hash[..2], &hash[2..]), content);
}

fn metadata(files: &mut Files, kind: &str, content: Vec<u8>) -> Vec<u8> {
    let hash = sha256(&content);
    object(files, kind, &hash, content);
    hex::decode(hash).unwrap()
}

/// A file or, with a target, a link.
pub fn file(files: &mut Files, content: &[u8], target: &str) -> Vec<u8> {
    let mode: u32 = if target.is_empty() { 0o100_644 } else { 0o120_777 };
    let rest = |before: usize| {
        let mut header = [&[0; 8][..], &mode.to_be_bytes(), &[0; 4], target.as_bytes(), &[0]].concat();
        header.push((before + header.len()) as u8);
        header
    };
    let framed = |header: &[u8]| [&(header.len() as u32).to_be_bytes()[..], &[0; 4], header].concat();
    let packed = [&(content.len() as u64).to_be_bytes()[..], &rest(8)].concat();
    let mut packed = framed(&packed);
    if target.is_empty() {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        packed.extend(encoder.finish().unwrap());
    }
    let hash = sha256(&[&framed(&rest(0))[..], content].concat());
    object(files, "filez", &hash, packed);
    hex::decode(hash).unwrap()
}

fn array(elements: &[Vec<u8>]) -> Vec<u8> {
    let (mut out, mut ends) = (Vec::new(), Vec::new());
    for element in elements {
        out.extend(element);
        ends.push(out.len() as u8);
    }
    [out, ends].concat()
}

pub fn folder(files: &mut Files, listed: &[(&str, &[u8])], folders: &[(&str, &[u8], &[u8])]) -> Vec<u8> {
    let end = |name: &str| name.len() as u8 + 1;
    let listed = listed.iter().map(|(name, hash)| [name.as_bytes(), &[0], hash, &[end(name)]].concat());
    let folders = folders.iter();
    let folders = folders
        .map(|(name, tree, rights)| [name.as_bytes(), &[0], tree, rights, &[end(name) + 32, end(name)]].concat());
    let (first, second) = (array(&listed.collect::<Vec<_>>()), array(&folders.collect::<Vec<_>>()));
    let middle = first.len() as u8;
    metadata(files, "dirtree", [first, second, vec![middle]].concat())
}

pub fn rights(files: &mut Files) -> Vec<u8> {
    metadata(files, "dirmeta", [&[0; 8][..], &0o40_755_u32.to_be_bytes()].concat())
}

pub fn commit(files: &mut Files, version: &str, root: &[u8], rights: &[u8]) -> String {
    let value = [version.as_bytes(), b"\0\0s"].concat();
    let entry = [&b"version\0"[..], &value, &[8]].concat();
    let dictionary = array(&[entry]);
    let mut body = dictionary.clone();
    let (end, subject) = (dictionary.len() as u8, b"1.4.2\0\0");
    body.extend(subject);
    let (subject_end, body_end) = (body.len() as u8 - 1, body.len() as u8);
    body.resize(body.len().next_multiple_of(8) + 8, 0);
    body.extend(root);
    let root_end = body.len() as u8;
    body.extend(rights);
    body.extend([root_end, body_end, subject_end, end, end, end]);
    hex::encode(metadata(files, "commit", body))
}

/// A repository whose commit names this version, which is also what the greeting says.
pub fn made(version: &str) -> Made {
    let mut files = Files::new();
    let (empty, greeting) = (file(&mut files, b"", ""), file(&mut files, version.as_bytes(), ""));
    let link = file(&mut files, b"", "greeting");
    let rights = rights(&mut files);
    let etc = folder(&mut files, &[("empty", &empty)], &[]);
    let root = folder(&mut files, &[("greeting", &greeting), ("link", &link)], &[("etc", &etc, &rights)]);
    let commit = commit(&mut files, version, &root, &rights);
    files.insert("repo/config".to_owned(), b"[core]\nrepo_version=1\nmode=archive-z2\n".to_vec());
    files.insert(format!("repo/refs/heads/{REF}"), format!("{commit}\n").into_bytes());
    Made { files, commit, folder: hex::encode(root), greeting: hex::encode(greeting) }
}
