//! What the generator gets wrong, put right.
//!
//! [`replaced`] answers for the generator; [`adjusted`] finishes its answer. The official
//! compiler's values are meant, with its theme's variables resolved.

use crate::base::Base;
use crate::utility::Declaration;

/// A step of the spacing scale, in `rem`.
const STEP: f64 = 0.25;

/// Sizes of type: name, size in `rem`, line height.
const TYPE: [(&str, &str, &str); 7] = [
    ("text-xs", "0.75rem", "calc(1 / 0.75)"),
    ("text-sm", "0.875rem", "calc(1.25 / 0.875)"),
    ("text-base", "1rem", "calc(1.5 / 1)"),
    ("text-lg", "1.125rem", "calc(1.75 / 1.125)"),
    ("text-xl", "1.25rem", "calc(1.75 / 1.25)"),
    ("text-2xl", "1.5rem", "calc(2 / 1.5)"),
    ("text-3xl", "1.875rem", "calc(2.25 / 1.875)"),
];

/// Classes that are answered whole.
const WHOLE: [(&str, &[(&str, &str)]); 28] = [
    ("flex-1", &[("flex", "1")]),
    ("flex-auto", &[("flex", "auto")]),
    ("flex-initial", &[("flex", "0 auto")]),
    ("justify-self-start", &[("justify-self", "flex-start")]),
    ("justify-self-end", &[("justify-self", "flex-end")]),
    ("w-screen", &[("width", "100vw")]),
    ("break-words", &[("overflow-wrap", "break-word")]),
    ("break-normal", &[("overflow-wrap", "normal"), ("word-break", "normal")]),
    ("col-span-full", &[("grid-column", "1 / -1")]),
    ("col-auto", &[("grid-column", "auto")]),
    ("row-span-full", &[("grid-row", "1 / -1")]),
    ("rounded-sm", &[("border-radius", "0.25rem")]),
    ("rounded-full", &[("border-radius", "calc(infinity * 1px)")]),
    ("font-sans", &[("font-family", "var(--sans)")]),
    ("font-mono", &[("font-family", "var(--mono)")]),
    ("tracking-tight", &[("letter-spacing", "-0.025em")]),
    ("tracking-normal", &[("letter-spacing", "0em")]),
    ("tracking-wide", &[("letter-spacing", "0.025em")]),
    ("select-none", &[("-webkit-user-select", "none"), ("user-select", "none")]),
    ("select-text", &[("-webkit-user-select", "text"), ("user-select", "text")]),
    ("select-all", &[("-webkit-user-select", "all"), ("user-select", "all")]),
    ("appearance-none", &[("appearance", "none")]),
    ("fill-current", &[("fill", "currentcolor")]),
    ("stroke-current", &[("stroke", "currentcolor")]),
    ("inset-0", &[("inset", "0")]),
    ("inset-px", &[("inset", "1px")]),
    (
        "sr-only",
        &[
            ("position", "absolute"),
            ("width", "1px"),
            ("height", "1px"),
            ("padding", "0"),
            ("margin", "-1px"),
            ("overflow", "hidden"),
            ("clip-path", "inset(50%)"),
            ("white-space", "nowrap"),
            ("border-width", "0"),
        ],
    ),
    (
        "not-sr-only",
        &[
            ("position", "static"),
            ("width", "auto"),
            ("height", "auto"),
            ("padding", "0"),
            ("margin", "0"),
            ("overflow", "visible"),
            ("clip-path", "none"),
            ("white-space", "normal"),
        ],
    ),
];

/// Borders by side: the class, and the stem of the properties.
const BORDERS: [(&str, &str); 7] = [
    ("border", "border"),
    ("border-x", "border-inline"),
    ("border-y", "border-block"),
    ("border-t", "border-top"),
    ("border-r", "border-right"),
    ("border-b", "border-bottom"),
    ("border-l", "border-left"),
];

/// The whole answer for classes about which the generator is not asked.
pub(crate) fn replaced(base: &str) -> Option<Base> {
    let own = |declarations| Some(Base { declarations, on_children: false });
    if let Some((_, pairs)) = WHOLE.iter().find(|(class, _)| *class == base) {
        return own(pairs.iter().map(|(name, value)| Declaration::new(*name, *value)).collect());
    }
    if let Some((_, size, height)) = TYPE.iter().find(|(class, ..)| *class == base) {
        return own(vec![Declaration::new("font-size", *size), Declaration::new("line-height", *height)]);
    }
    if let Some(declarations) = border(base).or_else(|| leading(base)) {
        return own(declarations);
    }
    space_between(base)
}

/// Whether a class sets the width of a border.
pub(crate) fn is_border(base: &str) -> bool {
    border(base).is_some()
}

/// A border's width comes with its style, because nothing resets the style beforehand.
fn border(base: &str) -> Option<Vec<Declaration>> {
    let (side, width) = match base.rsplit_once('-') {
        Some((side, width)) if matches!(width, "0" | "2" | "4") => (side, width),
        _ => (base, "1"),
    };
    let (_, stem) = BORDERS.iter().find(|(class, _)| *class == side)?;
    Some(vec![
        Declaration::new(format!("{stem}-style"), "solid"),
        Declaration::new(format!("{stem}-width"), format!("{width}px")),
    ])
}

fn leading(base: &str) -> Option<Vec<Declaration>> {
    let value = step(base.strip_prefix("leading-")?)?;
    Some(vec![Declaration::new("line-height", value)])
}

/// `space-y-4` is about the children: a margin after each but the last.
fn space_between(base: &str) -> Option<Base> {
    let (axis, value) = base.strip_prefix("space-")?.split_once('-')?;
    let stem = match axis {
        "x" => "margin-inline",
        "y" => "margin-block",
        _ => return None,
    };
    let declarations =
        vec![Declaration::new(format!("{stem}-start"), "0"), Declaration::new(format!("{stem}-end"), step(value)?)];
    Some(Base { declarations, on_children: true })
}

/// A step of the spacing scale as a length.
fn step(value: &str) -> Option<String> {
    match value {
        "px" => Some("1px".into()),
        "0" => Some("0".into()),
        _ => value.parse::<f64>().ok().map(|steps| format!("{}rem", steps * STEP)),
    }
}

/// Puts two equal opposite sides into the one logical property that the official compiler uses.
pub(crate) fn adjusted(mut declarations: Vec<Declaration>) -> Vec<Declaration> {
    for (stem, dash) in [("padding", "-"), ("margin", "-"), ("inset", "")] {
        for (axis, first, second) in [("inline", "left", "right"), ("block", "top", "bottom")] {
            let side = |side: &str| if dash.is_empty() { side.to_owned() } else { format!("{stem}-{side}") };
            merge(&mut declarations, [&side(first), &side(second)], &format!("{stem}-{axis}"));
        }
        merge(&mut declarations, [&format!("{stem}-inline"), &format!("{stem}-block")], stem);
    }
    declarations
}

fn merge(declarations: &mut Vec<Declaration>, pair: [&str; 2], into: &str) {
    let [first, second] = pair.map(|name| declarations.iter().position(|declaration| declaration.name == name));
    let (Some(first), Some(second)) = (first, second) else { return };
    if declarations[first].value == declarations[second].value {
        let value = declarations[first].value.clone();
        declarations.retain(|declaration| !pair.contains(&declaration.name.as_str()));
        declarations.push(Declaration::new(into, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opposite_sides_become_one() {
        let sides = ["left", "right"].map(|side| Declaration::new(format!("padding-{side}"), "1rem")).to_vec();
        assert_eq!(adjusted(sides), [Declaration::new("padding-inline", "1rem")]);
        let sides = ["left", "right", "top", "bottom"].map(|side| Declaration::new(side, "1rem")).to_vec();
        assert_eq!(adjusted(sides), [Declaration::new("inset", "1rem")]);
        let unequal = vec![Declaration::new("left", "1rem"), Declaration::new("right", "2rem")];
        assert_eq!(adjusted(unequal.clone()), unequal);
    }

    #[test]
    fn steps_are_quarters_of_a_rem() {
        assert_eq!(step("6").as_deref(), Some("1.5rem"));
        assert_eq!(step("2.5").as_deref(), Some("0.625rem"));
        assert_eq!(step("px").as_deref(), Some("1px"));
        assert_eq!(step("x"), None);
    }
}
