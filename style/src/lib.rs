//! Muster's style sheet: design tokens, component CSS, and the utilities that the pages use.
//!
//! Tokens and components are written by hand (`tokens.css`, `components.css`). Utilities are
//! Tailwind's: their base declarations come from `tailwind-rs-core`, and what that crate gets
//! wrong is done here. A class that is neither a component nor a utility known to be right is
//! refused ([`check`]), and a check of the build holds the rest against the official compiler.

mod base;
mod correction;
mod error;
mod family;
mod order;
mod scan;
mod sheet;
mod source;
mod utility;
mod variant;

use std::collections::BTreeSet;
use std::fmt;

pub use error::Error;
pub use scan::{Found, scan};
pub use sheet::Sheets;
pub use source::Source;
pub use utility::{Context, Declaration, Utility};
pub use variant::DARK_FOR_REFERENCE;

/// A finished style sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Css(String);

impl Css {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    pub fn into_text(self) -> String {
        self.0
    }
}

/// A class that nobody defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownClass {
    /// Where it is used.
    pub found: Found,
}

impl fmt::Display for UnknownClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Found { class, file, line } = &self.found;
        write!(
            f,
            "{file}:{line}: the class `{class}` is neither in components.css nor a utility known to be right. \
             Correct it, or define it in style/components.css."
        )
    }
}

/// Makes the style sheet for the classes that are used. Their order does not matter.
pub fn bundle(sheets: &Sheets, classes: impl IntoIterator<Item = String>) -> Css {
    let classes: BTreeSet<String> = classes.into_iter().filter(|class| !sheets.defines(class)).collect();
    let compiler = utility::Compiler::new(sheets);
    let mut utilities: Vec<Utility> = classes.iter().filter_map(|class| compiler.compile(class)).collect();
    order::sort(&mut utilities);
    let mut css = String::from("@layer components, utilities;\n");
    css.push_str(&sheet::without_comments(sheets.tokens()));
    css.push_str("@layer components {\n");
    css.push_str(&sheet::without_comments(sheets.components()));
    css.push_str("}\n@layer utilities {\n");
    for utility in &utilities {
        css.push_str(&utility.css());
    }
    css.push_str("}\n");
    Css(css)
}

/// The classes that the sources use and nobody defines.
pub fn check(sheets: &Sheets, sources: &[Source]) -> Vec<UnknownClass> {
    let compiler = utility::Compiler::new(sheets);
    scan(sources)
        .into_iter()
        .filter(|found| !sheets.defines(&found.class) && compiler.compile(&found.class).is_none())
        .map(|found| UnknownClass { found })
        .collect()
}

/// The utility behind a class, or nothing when it is a component or refused.
pub fn utility(sheets: &Sheets, class: &str) -> Option<Utility> {
    if sheets.defines(class) { None } else { utility::Compiler::new(sheets).compile(class) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use std::path::Path;

    fn here() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    #[test]
    fn every_class_of_the_console_is_defined() {
        let sheets = Sheets::read(here()).unwrap();
        let root = here().parent().unwrap();
        let unknown = check(&sheets, &Source::read_folder(root, "app/src").unwrap());
        let lines: Vec<String> = unknown.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "{}", lines.join("\n"));
    }

    #[test]
    fn the_sheet_depends_on_the_set_of_classes_only() {
        let sheets = Sheets::from_text(":root { --ink: light-dark(#000, #fff); }", ".btn { color: red }");
        let one = bundle(&sheets, ["p-4", "md:hidden", "flex", "text-ink"].map(String::from));
        let other =
            bundle(&sheets, ["text-ink", "flex", "flex", "md:hidden", "p-4", "btn", "nonsense"].map(String::from));
        assert_eq!(one, other);
        insta::assert_snapshot!(one.as_str(), @"
        @layer components, utilities;
        :root { --ink: light-dark(#000, #fff); }
        @layer components {
        .btn { color: red }
        }
        @layer utilities {
        .flex { display: flex; }
        .p-4 { padding: 1rem; }
        .text-ink { color: var(--ink); }
        @media (width >= 48rem) { .md\\:hidden { display: none; } }
        }
        ");
    }

    #[test]
    fn an_unknown_class_is_named_with_its_place() {
        let sheets = Sheets::from_text("", ".btn { color: red }");
        let source = Source {
            name: "app/src/x.rs".into(),
            text: "fn x() { view! {\n<a class=\"btn bg-gray-100 p-4\"/> } }".into(),
        };
        let unknown = check(&sheets, &[source]);
        assert_eq!(unknown.len(), 1);
        assert!(unknown[0].to_string().starts_with("app/src/x.rs:2: the class `bg-gray-100`"), "{}", unknown[0]);
    }
}
