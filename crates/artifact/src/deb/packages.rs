//! A list of packages: which file each is, by its SHA-256.

use super::{DebRefused, control::stanzas, release::is_sha256};

/// A package as a list names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Package {
    /// The path of its file.
    pub(super) file: String,
    /// Bytes.
    pub(super) size: u64,
    /// 64 lower-case hexadecimal digits.
    pub(super) sha256: String,
}

/// Reads a list.
pub(super) fn read(path: &str, text: &str) -> Result<Vec<Package>, DebRefused> {
    let mut packages = Vec::new();
    stanzas(path, text, |stanza| {
        let name = stanza.value("Package").unwrap_or("a package without a name");
        let field = |field: &'static str| {
            let missing = || DebRefused::NoField { path: path.to_owned(), what: format!("“{name}”"), field };
            stanza.value(field).filter(|value| !value.is_empty()).ok_or_else(missing)
        };
        for needed in ["Package", "Version", "Architecture"] {
            field(needed)?;
        }
        let (file, size, sha256) = (field("Filename")?, field("Size")?, field("SHA256")?);
        let wrong = |why| DebRefused::Syntax { path: path.to_owned(), line: stanza.line, why };
        if !is_sha256(sha256) {
            return Err(wrong("the SHA256 of this package is none"));
        }
        packages.push(Package {
            file: file.strip_prefix("./").unwrap_or(file).to_owned(),
            size: size.parse().map_err(|_| wrong("the Size of this package is no number"))?,
            sha256: sha256.to_ascii_lowercase(),
        });
        Ok(())
    })?;
    Ok(packages)
}
