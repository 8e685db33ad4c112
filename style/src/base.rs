//! What a class says without its variants.

use tailwind_rs_core::CssGenerator;

use crate::correction;
use crate::family;
use crate::sheet::Sheets;
use crate::utility::Declaration;

/// Declarations, and whom they are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base {
    pub(crate) declarations: Vec<Declaration>,
    pub(crate) on_children: bool,
}

/// Classes that take a colour, with the properties that they set.
const COLORED: [(&str, &str); 15] = [
    ("text", "color"),
    ("bg", "background-color"),
    ("border", "border-color"),
    ("border-x", "border-inline-color"),
    ("border-y", "border-block-color"),
    ("border-t", "border-top-color"),
    ("border-r", "border-right-color"),
    ("border-b", "border-bottom-color"),
    ("border-l", "border-left-color"),
    ("outline", "outline-color"),
    ("decoration", "text-decoration-color"),
    ("accent", "accent-color"),
    ("caret", "caret-color"),
    ("fill", "fill"),
    ("stroke", "stroke"),
];

/// Classes that take any value in square brackets, with the properties that they set.
const ARBITRARY: [(&str, &[&str]); 24] = [
    ("w", &["width"]),
    ("h", &["height"]),
    ("size", &["width", "height"]),
    ("min-w", &["min-width"]),
    ("max-w", &["max-width"]),
    ("min-h", &["min-height"]),
    ("max-h", &["max-height"]),
    ("basis", &["flex-basis"]),
    ("gap", &["gap"]),
    ("gap-x", &["column-gap"]),
    ("gap-y", &["row-gap"]),
    ("grid-cols", &["grid-template-columns"]),
    ("grid-rows", &["grid-template-rows"]),
    ("p", &["padding"]),
    ("px", &["padding-inline"]),
    ("py", &["padding-block"]),
    ("m", &["margin"]),
    ("mt", &["margin-top"]),
    ("mb", &["margin-bottom"]),
    ("top", &["top"]),
    ("right", &["right"]),
    ("bottom", &["bottom"]),
    ("left", &["left"]),
    ("z", &["z-index"]),
];

/// The declarations of a class, or nothing when it is refused.
pub(crate) fn declarations(generator: &CssGenerator, sheets: &Sheets, base: &str) -> Option<Base> {
    let own = |declarations| Some(Base { declarations, on_children: false });
    if let Some(declarations) = color(sheets, base) {
        return own(declarations);
    }
    if let Some(declarations) = arbitrary(base) {
        return own(declarations);
    }
    if !family::is_trusted(base) && !correction::is_border(base) {
        return None;
    }
    if let Some(corrected) = correction::replaced(base) {
        return Some(corrected);
    }
    let generated = generator.class_to_properties(base).ok()?;
    own(correction::adjusted(generated.into_iter().map(|p| Declaration::new(p.name, p.value)).collect()))
}

/// Colours are our own tokens, never a palette's.
fn color(sheets: &Sheets, base: &str) -> Option<Vec<Declaration>> {
    COLORED.iter().find_map(|(prefix, property)| {
        let name = base.strip_prefix(prefix)?.strip_prefix('-')?;
        sheets.has_color(name).then(|| vec![Declaration::new(*property, format!("var(--{name})"))])
    })
}

/// A value in square brackets: underscores are spaces, and nothing may end the declaration.
fn arbitrary(base: &str) -> Option<Vec<Declaration>> {
    let (prefix, value) = base.strip_suffix(']')?.split_once("-[")?;
    let safe = |letter: char| letter.is_ascii_alphanumeric() || "._%(),-".contains(letter);
    if value.is_empty() || !value.chars().all(safe) {
        return None;
    }
    let (_, properties) = ARBITRARY.iter().find(|(known, _)| *known == prefix)?;
    Some(properties.iter().map(|property| Declaration::new(*property, value.replace('_', " "))).collect())
}
