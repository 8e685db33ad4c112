//! `manifest.raucm`: what a bundle says of itself, in the language of GLib's key files (RAUC's reference manual, “Manifest”).

use super::RaucRefused;
use crate::Image;
use std::collections::BTreeMap;

const HASH: usize = 32;
const BLOCK: u64 = super::BLOCK as u64;

/// How the bundle's image is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// The signature is over it.
    Plain,
    /// The signature is over this manifest, which names a hash tree's root.
    Verity {
        root: [u8; HASH],
        salt: [u8; HASH],
        /// Of the tree, in bytes.
        size: u64,
    },
}

/// What a manifest says that matters here.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) compatible: String,
    pub(super) version: Option<String>,
    pub(super) format: Format,
    /// Each file once.
    pub(super) images: Vec<Image>,
}

type Groups<'a> = BTreeMap<&'a str, BTreeMap<&'a str, &'a str>>;

impl Manifest {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, RaucRefused> {
        let text = std::str::from_utf8(bytes).map_err(|_| RaucRefused::Manifest("it is not UTF-8"))?;
        let groups = groups(text)?;
        let compatible = value(&groups, "update", "compatible")?;
        let compatible = compatible.ok_or(RaucRefused::Manifest("it names no “compatible” in the group [update]"))?;
        let version = value(&groups, "update", "version")?;
        let format = format(&groups)?;
        let mut images: Vec<Image> = Vec::new();
        for (group, keys) in groups.iter().filter(|(group, _)| group.starts_with("image.")) {
            // Without a file a hook does something, or a slot is emptied.
            let Some(name) = value(&groups, group, "filename")? else { continue };
            let image = image(name, keys)?;
            if !images.contains(&image) {
                images.push(image);
            }
        }
        Ok(Self { compatible, version, format, images })
    }
}

fn format(groups: &Groups<'_>) -> Result<Format, RaucRefused> {
    let of = |key| groups.get("bundle").and_then(|keys| keys.get(key)).copied();
    match of("format").unwrap_or("plain") {
        "plain" => Ok(Format::Plain),
        "verity" => {
            let hash = |key| of(key).and_then(|digits| <[u8; HASH]>::try_from(hex::decode(digits).ok()?).ok());
            let size = of("verity-size").and_then(|digits| digits.parse::<u64>().ok());
            let size = size.filter(|size| *size > 0 && size % BLOCK == 0);
            match (hash("verity-hash"), hash("verity-salt"), size) {
                (Some(root), Some(salt), Some(size)) => Ok(Format::Verity { root, salt, size }),
                _ => Err(RaucRefused::Manifest("verity-hash, verity-salt or verity-size is not as it should be")),
            }
        }
        _ => Err(RaucRefused::Format),
    }
}

fn image(name: String, keys: &BTreeMap<&str, &str>) -> Result<Image, RaucRefused> {
    if name.is_empty() || name.contains('/') {
        return Err(RaucRefused::Manifest("an image's filename is empty or has a folder"));
    }
    let sha256 = keys
        .get("sha256")
        .map(|digits| digits.to_ascii_lowercase())
        .filter(|digits| digits.len() == 2 * HASH && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    match (sha256, keys.get("size").and_then(|digits| digits.parse().ok())) {
        (Some(sha256), Some(size)) => Ok(Image { name, size, sha256 }),
        _ => Err(RaucRefused::NoHash { name }),
    }
}

/// A value that may be shown and compared; an empty one is none.
fn value(groups: &Groups<'_>, group: &str, key: &str) -> Result<Option<String>, RaucRefused> {
    let Some(raw) = groups.get(group).and_then(|keys| keys.get(key)) else { return Ok(None) };
    let odd = RaucRefused::Manifest("a value holds a control character or an escape that is none");
    let mut text = String::new();
    let mut letters = raw.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('s') => text.push(' '),
                Some('\\') => text.push('\\'),
                _ => return Err(odd),
            },
            letter if letter.is_control() => return Err(odd),
            letter => text.push(letter),
        }
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// Of a key that is there several times the last counts, as with GLib.
fn groups(text: &str) -> Result<Groups<'_>, RaucRefused> {
    let mut groups = Groups::new();
    let mut group = None;
    for (at, line) in text.lines().enumerate() {
        let wrong = |why| RaucRefused::Syntax { line: at + 1, why };
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            let name = name.trim_end().strip_suffix(']').filter(|name| !name.contains(['[', ']']));
            let name = name.ok_or_else(|| wrong("a group's name is not closed by “]”"))?;
            groups.entry(name).or_default();
            group = Some(name);
            continue;
        }
        let (key, value) = line.split_once('=').ok_or_else(|| wrong("neither a group nor a key with a value"))?;
        let group = group.ok_or_else(|| wrong("a key stands before the first group"))?;
        groups.entry(group).or_default().insert(key.trim_end(), value.trim_start());
    }
    Ok(groups)
}
