//! The style sheet, from the `style` crate.

use crate::error::Error;
use crate::workspace::Workspace;

/// The folders whose Rust sources name classes.
pub const CLASS_SOURCES: [&str; 1] = ["app/src"];

/// Makes the style sheet. Classes that nobody defines are named, and left out.
pub fn build(workspace: &Workspace) -> Result<String, Error> {
    let sheets = style::Sheets::read(&workspace.source("style"))?;
    let sources = sources(workspace)?;
    let unknown = style::check(&sheets, &sources);
    for class in &unknown {
        eprintln!("warning: {class}");
    }
    let classes = style::scan(&sources).into_iter().map(|found| found.class);
    Ok(style::bundle(&sheets, classes).into_text())
}

/// The Rust sources that name classes.
pub fn sources(workspace: &Workspace) -> Result<Vec<style::Source>, Error> {
    let mut sources = Vec::new();
    for folder in CLASS_SOURCES {
        sources.extend(style::Source::read_folder(workspace.root(), folder)?);
    }
    Ok(sources)
}
