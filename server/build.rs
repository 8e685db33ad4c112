//! Puts the browser's files into the program: every file of the site folder with its compressed siblings.
//!
//! The folder is `target/site`, or what `MUSTER_SITE` says; `cargo xtask build` fills it before it builds the server.
//! Without it the table is empty and the program says so when it starts, so that the crate can be checked and tested
//! without a build for the browser.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// What the site's manifest promises, in the order of `Manifest`'s fields in `src/assets.rs`.
const LOGICAL: [(&str, &str); 3] = [("css", "muster.css"), ("js", "muster.js"), ("wasm", "muster.wasm")];

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?).join("assets.rs");
    let site = site_folder()?;
    // A path that isn't there would make cargo run this, and compile the crate, every time.
    fs::create_dir_all(&site)?;
    println!("cargo:rerun-if-env-changed=MUSTER_SITE");
    println!("cargo:rerun-if-changed={}", site.display());
    fs::write(out, table(&site)?)?;
    Ok(())
}

fn site_folder() -> Result<PathBuf, Box<dyn Error>> {
    if let Some(site) = env::var_os("MUSTER_SITE").filter(|site| !site.is_empty()) {
        return Ok(fs::canonicalize(PathBuf::from(site))?);
    }
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    Ok(here.parent().ok_or("the crate has no workspace above it")?.join("target/site"))
}

fn table(site: &Path) -> Result<String, Box<dyn Error>> {
    let manifest_file = site.join("manifest.json");
    if !manifest_file.exists() {
        return Ok("pub static MANIFEST: Option<Manifest> = None;\npub static FILES: &[Asset] = &[];\n".to_owned());
    }
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(&manifest_file)?)?;
    let mut text = "pub static MANIFEST: Option<Manifest> = Some(Manifest {\n".to_owned();
    for (field, logical) in LOGICAL {
        let name = manifest[logical].as_str().ok_or_else(|| format!("{} lacks {logical}", manifest_file.display()))?;
        writeln!(text, "    {field}: {name:?},")?;
    }
    text.push_str("});\npub static FILES: &[Asset] = &[\n");
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(site)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let skipped =
            name == "manifest.json" || name.starts_with('.') || name.ends_with(".br") || name.ends_with(".gz");
        if entry.file_type()?.is_file() && !skipped {
            names.push(name);
        }
    }
    names.sort();
    for name in names {
        let file = site.join(&name);
        let sibling = |suffix: &str| {
            let file = site.join(format!("{name}{suffix}"));
            if file.exists() { format!("Some(include_bytes!({file:?}))") } else { "None".to_owned() }
        };
        let (br, gzip) = (sibling(".br"), sibling(".gz"));
        writeln!(text, "    Asset {{ name: {name:?}, plain: include_bytes!({file:?}), br: {br}, gzip: {gzip} }},")?;
    }
    text.push_str("];\n");
    Ok(text)
}
