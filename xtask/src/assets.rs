//! The site folder: assets under names that hold their hash, compressed, and a manifest.
//!
//! `target/site/manifest.json` maps `muster.css`, `muster.js` and `muster.wasm` to the names
//! `muster-<hash>.…` beside it. Each of them has a `.br` and a `.gz` next to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::clock;
use crate::error::Error;
use crate::files;

/// The file that names all others.
pub const MANIFEST: &str = "manifest.json";

/// How many characters of the hash a name carries.
const HASH_LENGTH: usize = 16;

/// Something that the browser loads.
#[derive(Debug)]
pub struct Asset {
    /// Its name without a hash, as in `muster.css`.
    pub name: &'static str,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Brotli's quality: 11 for what is shipped, less for what is looked at once.
    pub quality: u32,
}

/// How large an asset became.
#[derive(Debug)]
pub struct Weight {
    /// Its name without a hash.
    pub name: &'static str,
    /// Bytes before compression.
    pub raw: usize,
    /// Bytes as brotli.
    pub brotli: usize,
}

impl Asset {
    fn hashed_name(&self) -> String {
        let hash: String = files::digest(&self.bytes).chars().take(HASH_LENGTH).collect();
        match self.name.split_once('.') {
            Some((stem, extension)) => format!("{stem}-{hash}.{extension}"),
            None => format!("{}-{hash}", self.name),
        }
    }
}

/// Writes the site folder and removes what is not part of it any more.
pub fn write_site(folder: &Path, assets: &[Asset]) -> Result<Vec<Weight>, Error> {
    files::make_folder(folder)?;
    let mut manifest = BTreeMap::new();
    let mut keep = BTreeSet::from([MANIFEST.to_owned()]);
    let mut weights = Vec::new();
    for asset in assets {
        let name = asset.hashed_name();
        let brotli = write_asset(folder, &name, asset)?;
        weights.push(Weight { name: asset.name, raw: asset.bytes.len(), brotli });
        keep.extend([format!("{name}.br"), format!("{name}.gz"), name.clone()]);
        manifest.insert(asset.name, name);
    }
    let text =
        serde_json::to_string_pretty(&manifest).map_err(|source| Error::Json { what: MANIFEST.into(), source })?;
    files::write(&folder.join(MANIFEST), format!("{text}\n").as_bytes())?;
    sweep(folder, &keep)?;
    Ok(weights)
}

/// Writes one asset and its compressed twins, unless they are there. Returns brotli's size.
///
/// The name holds the content's hash, so a file that is there is right.
fn write_asset(folder: &Path, name: &str, asset: &Asset) -> Result<usize, Error> {
    let brotli = folder.join(format!("{name}.br"));
    let gzip = folder.join(format!("{name}.gz"));
    if !brotli.is_file() {
        files::write(&brotli, &brotli_of(&asset.bytes, asset.quality, &brotli)?)?;
    }
    if !gzip.is_file() {
        files::write(&gzip, &gzip_of(&asset.bytes, &gzip)?)?;
    }
    files::write(&folder.join(name), &asset.bytes)?;
    let size = fs::metadata(&brotli).map_err(Error::file("read", &brotli))?.len();
    Ok(usize::try_from(size).unwrap_or(usize::MAX))
}

fn brotli_of(bytes: &[u8], quality: u32, path: &Path) -> Result<Vec<u8>, Error> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, quality, 22);
    writer.write_all(bytes).map_err(Error::file("compress", path))?;
    Ok(writer.into_inner())
}

fn gzip_of(bytes: &[u8], path: &Path) -> Result<Vec<u8>, Error> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::best());
    writer.write_all(bytes).map_err(Error::file("compress", path))?;
    writer.finish().map_err(Error::file("compress", path))
}

fn sweep(folder: &Path, keep: &BTreeSet<String>) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(Error::file("list", folder))? {
        let entry = entry.map_err(Error::file("list", folder))?;
        if !keep.contains(entry.file_name().to_string_lossy().as_ref()) {
            let path = entry.path();
            fs::remove_file(&path).map_err(Error::file("remove", &path))?;
        }
    }
    Ok(())
}

/// Prints what the browser has to load.
pub fn report(weights: &[Weight]) {
    for weight in weights {
        println!("  {:<12} {:>10}   brotli {:>9}", weight.name, clock::size(weight.raw), clock::size(weight.brotli));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use std::io::Read;

    fn css(text: &str) -> Asset {
        Asset { name: "muster.css", bytes: text.as_bytes().to_vec(), quality: 11 }
    }

    #[test]
    fn names_hold_the_hash_and_the_manifest_names_them() {
        let folder = tempfile::tempdir().unwrap();
        let weights = write_site(folder.path(), &[css("a{color:red}")]).unwrap();
        assert_eq!(weights[0].raw, 12);
        let manifest: BTreeMap<String, String> =
            serde_json::from_slice(&fs::read(folder.path().join(MANIFEST)).unwrap()).unwrap();
        let name = &manifest["muster.css"];
        assert!(name.starts_with("muster-") && name.ends_with(".css") && name.len() == 7 + HASH_LENGTH + 4, "{name}");
        assert_eq!(fs::read(folder.path().join(name)).unwrap(), b"a{color:red}");
    }

    #[test]
    fn the_compressed_twins_hold_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let text = "a{color:red}".repeat(500);
        write_site(folder.path(), &[css(&text)]).unwrap();
        let name = css(&text).hashed_name();
        let mut plain = Vec::new();
        brotli::Decompressor::new(fs::File::open(folder.path().join(format!("{name}.br"))).unwrap(), 4096)
            .read_to_end(&mut plain)
            .unwrap();
        assert_eq!(plain, text.as_bytes());
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(fs::File::open(folder.path().join(format!("{name}.gz"))).unwrap())
            .read_to_end(&mut plain)
            .unwrap();
        assert_eq!(plain, text.as_bytes());
    }

    #[test]
    fn what_is_old_goes() {
        let folder = tempfile::tempdir().unwrap();
        write_site(folder.path(), &[css("old")]).unwrap();
        write_site(folder.path(), &[css("new")]).unwrap();
        let names: BTreeSet<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(names.len(), 4, "{names:?}");
        assert!(!names.contains(&css("old").hashed_name()));
    }
}
