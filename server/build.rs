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
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let site = site_folder()?;
    // A path that isn't there would make cargo run this, and compile the crate, every time.
    fs::create_dir_all(&site)?;
    println!("cargo:rerun-if-env-changed=MUSTER_SITE");
    println!("cargo:rerun-if-changed={}", site.display());
    let table = table(&site, &out.join("site"))?;
    fs::write(out.join("assets.rs"), table)?;
    Ok(())
}

fn site_folder() -> Result<PathBuf, Box<dyn Error>> {
    if let Some(site) = env::var_os("MUSTER_SITE").filter(|site| !site.is_empty()) {
        return Ok(fs::canonicalize(PathBuf::from(site))?);
    }
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    Ok(here.parent().ok_or("the crate has no workspace above it")?.join("target/site"))
}

/// The table of the site's files. They are copied first: a build for the browser that runs at the same time must not
/// take them away from the compiler.
fn table(site: &Path, copies: &Path) -> Result<String, Box<dyn Error>> {
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
    fs::create_dir_all(copies)?;
    for name in names {
        let copied = |name: &str| -> Result<String, Box<dyn Error>> {
            let copy = copies.join(name);
            fs::copy(site.join(name), &copy)?;
            Ok(format!("include_bytes!({copy:?})"))
        };
        let sibling = |suffix: &str| {
            let name = format!("{name}{suffix}");
            if site.join(&name).exists() { Ok(format!("Some({})", copied(&name)?)) } else { Ok("None".to_owned()) }
        };
        let (plain, br, gzip): (_, Result<_, Box<dyn Error>>, _) = (copied(&name)?, sibling(".br"), sibling(".gz"));
        writeln!(text, "    Asset {{ name: {name:?}, plain: {plain}, br: {}, gzip: {} }},", br?, gzip?)?;
    }
    text.push_str("];\n");
    Ok(text)
}
