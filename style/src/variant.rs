//! Variants: what stands before a colon, as in `md:` or `hover:`.

use crate::utility::Context;

/// Dark means: the page was told so, or the system is and the page was not told otherwise.
const DARK_BY_SYSTEM: (&str, &str) =
    ("@media (prefers-color-scheme: dark)", ":where(:root:not([data-theme=\"light\"]) *)");
const DARK_BY_PAGE: &str = ":where([data-theme=\"dark\"] *)";

/// The same definition of `dark:`, as the official compiler wants it.
pub const DARK_FOR_REFERENCE: &str = "@media (prefers-color-scheme: dark) { &:where(:root:not([data-theme=\"light\"]) *) { @slot; } } \
     &:where([data-theme=\"dark\"] *) { @slot; }";

/// Breakpoints, in `rem`.
const BREAKPOINTS: [(&str, u32); 5] = [("sm", 40), ("md", 48), ("lg", 64), ("xl", 80), ("2xl", 96)];

/// States of an element, with what a selector says, from the weakest to the strongest.
const STATES: [(&str, &str); 16] = [
    ("first", ":first-child"),
    ("last", ":last-child"),
    ("odd", ":nth-child(odd)"),
    ("even", ":nth-child(even)"),
    ("empty", ":empty"),
    ("checked", ":checked"),
    ("open", ":is([open], :popover-open, :open)"),
    ("required", ":required"),
    ("invalid", ":invalid"),
    ("focus-within", ":focus-within"),
    ("hover", ":hover"),
    ("focus", ":focus"),
    ("focus-visible", ":focus-visible"),
    ("active", ":active"),
    ("enabled", ":enabled"),
    ("disabled", ":disabled"),
];

/// Media that have one name.
const MEDIA: [(&str, &str); 5] = [
    ("motion-safe", "@media (prefers-reduced-motion: no-preference)"),
    ("motion-reduce", "@media (prefers-reduced-motion: reduce)"),
    ("contrast-more", "@media (prefers-contrast: more)"),
    ("forced-colors", "@media (forced-colors: active)"),
    ("print", "@media print"),
];

/// A variant: where its rules apply, and how late in the sheet they come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) contexts: Vec<Context>,
    pub(crate) rank: u32,
}

/// The variant of a name.
pub(crate) fn parse(name: &str) -> Option<Variant> {
    state(name).or_else(|| width(name)).or_else(|| media(name)).or_else(|| dark(name))
}

fn state(name: &str) -> Option<Variant> {
    let at = STATES.iter().position(|(state, _)| *state == name)?;
    let media = if name == "hover" { vec!["@media (hover: hover)".to_owned()] } else { Vec::new() };
    Some(Variant { contexts: vec![Context { media, suffix: STATES[at].1.into() }], rank: rank(1, at) })
}

fn width(name: &str) -> Option<Variant> {
    let (key, max) = name.strip_prefix("max-").map_or((name, false), |key| (key, true));
    let at = BREAKPOINTS.iter().position(|(breakpoint, _)| *breakpoint == key)?;
    let rem = BREAKPOINTS[at].1;
    let (condition, rank) = if max {
        (format!("@media (width < {rem}rem)"), rank(2, BREAKPOINTS.len() - at))
    } else {
        (format!("@media (width >= {rem}rem)"), rank(3, at))
    };
    Some(Variant { contexts: vec![Context { media: vec![condition], suffix: String::new() }], rank })
}

fn media(name: &str) -> Option<Variant> {
    let at = MEDIA.iter().position(|(media, _)| *media == name)?;
    Some(Variant {
        contexts: vec![Context { media: vec![MEDIA[at].1.into()], suffix: String::new() }],
        rank: rank(5, at),
    })
}

fn dark(name: &str) -> Option<Variant> {
    let by_system = Context { media: vec![DARK_BY_SYSTEM.0.into()], suffix: DARK_BY_SYSTEM.1.into() };
    let by_page = Context { media: Vec::new(), suffix: DARK_BY_PAGE.into() };
    (name == "dark").then(|| Variant { contexts: vec![by_system, by_page], rank: rank(4, 0) })
}

/// Later groups win over earlier ones, and so do later members of a group.
fn rank(group: u32, member: usize) -> u32 {
    group * 100 + u32::try_from(member).unwrap_or(99).min(99)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank_of(name: &str) -> u32 {
        parse(name).map_or(0, |variant| variant.rank)
    }

    #[test]
    fn wider_comes_later_and_states_come_first() {
        assert!(rank_of("hover") < rank_of("focus") && rank_of("focus") < rank_of("max-xl"));
        assert!(rank_of("max-xl") < rank_of("max-sm") && rank_of("max-sm") < rank_of("sm"));
        assert!(
            rank_of("sm") < rank_of("2xl") && rank_of("2xl") < rank_of("dark") && rank_of("dark") < rank_of("print")
        );
        assert_eq!(parse("nonsense"), None);
    }
}
