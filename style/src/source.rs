//! The Rust sources that name classes.

use std::fs;
use std::path::Path;

use crate::error::Error;

/// A source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name, as messages show it.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Source {
    /// Reads every Rust file below `root/folder`, named relative to `root`, in a fixed order.
    pub fn read_folder(root: &Path, folder: &str) -> Result<Vec<Self>, Error> {
        let mut sources = Vec::new();
        collect(root, &root.join(folder), &mut sources)?;
        sources.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(sources)
    }
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(Error::read(folder))? {
        let path = entry.map_err(Error::read(folder))?.path();
        if path.is_dir() {
            collect(root, &path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).map_err(Error::read(&path))?;
            sources.push(Source { name, text });
        }
    }
    Ok(())
}
