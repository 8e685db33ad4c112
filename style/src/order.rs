//! The order of utilities in the sheet: what is more exact comes later, and wins.

use crate::utility::Utility;

/// Properties of which a later one refines an earlier one.
const REFINEMENTS: [&str; 34] = [
    "inset",
    "inset-inline",
    "inset-block",
    "margin",
    "margin-inline",
    "margin-block",
    "display",
    "width",
    "height",
    "flex",
    "border-radius",
    "border-style",
    "border-width",
    "border-inline-style",
    "border-inline-width",
    "border-block-style",
    "border-block-width",
    "border-color",
    "border-inline-color",
    "border-block-color",
    "overflow",
    "overflow-x",
    "overflow-y",
    "gap",
    "column-gap",
    "row-gap",
    "grid-column",
    "grid-row",
    "padding",
    "padding-inline",
    "padding-block",
    "font-size",
    "line-height",
    "place-items",
];

/// Sorts by variant, then from the general to the exact, then by name.
pub(crate) fn sort(utilities: &mut [Utility]) {
    utilities.sort_by(|a, b| key(a).cmp(&key(b)));
}

fn key(utility: &Utility) -> (u32, usize, usize, &str) {
    let property = utility.declarations.first().map(|declaration| declaration.name.as_str()).unwrap_or_default();
    let place = REFINEMENTS.iter().position(|name| *name == property).unwrap_or(REFINEMENTS.len());
    // Of two that speak of the same property, the one that says more is the more general.
    let general = usize::MAX - utility.declarations.len();
    (utility.rank, place, general, &utility.class)
}

#[cfg(test)]
mod tests {
    use crate::{Sheets, bundle};

    fn place(css: &str, class: &str) -> usize {
        css.find(&format!(".{class} ")).unwrap_or(usize::MAX)
    }

    #[test]
    fn the_more_exact_comes_later() {
        let sheets = Sheets::from_text("", "");
        let classes = [
            "pt-1",
            "px-2",
            "p-4",
            "mx-auto",
            "m-2",
            "gap-x-2",
            "gap-4",
            "border-t-0",
            "border",
            "leading-6",
            "text-sm",
            "w-8",
            "size-4",
        ];
        let css = bundle(&sheets, classes.map(String::from)).into_text();
        let pairs = [
            ("p-4", "px-2"),
            ("px-2", "pt-1"),
            ("m-2", "mx-auto"),
            ("gap-4", "gap-x-2"),
            ("border", "border-t-0"),
            ("text-sm", "leading-6"),
            ("size-4", "w-8"),
        ];
        for (general, exact) in pairs {
            assert!(place(&css, general) < place(&css, exact), "{general} must come before {exact} in\n{css}");
        }
    }
}
