//! Texts with at most one `*`, which stands for one or more characters.

use super::{
    attributes::ATTRIBUTE_CHARS_MAX,
    line::{LineProblem, excerpt},
};
use std::fmt;

/// A text with at most one `*`. Letters of ASCII compare without case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    before: String,
    /// What stands after the star; none without a star.
    after: Option<String>,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, LineProblem> {
        if text.chars().count() > ATTRIBUTE_CHARS_MAX {
            return Err(LineProblem::TooLong(excerpt(text)));
        }
        match text.split_once('*') {
            None => Ok(Self { before: text.to_owned(), after: None }),
            Some((_, after)) if after.contains('*') => Err(LineProblem::TwoStars(excerpt(text))),
            Some((before, after)) => Ok(Self { before: before.to_owned(), after: Some(after.to_owned()) }),
        }
    }

    /// Whether there is a star.
    #[must_use]
    pub const fn has_star(&self) -> bool {
        self.after.is_some()
    }

    /// What the star stands for in this text: nothing where the pattern has no star, none where the text does not fit.
    pub(super) fn star<'t>(&self, text: &'t str) -> Option<&'t str> {
        let head = text.get(..self.before.len())?;
        if !head.eq_ignore_ascii_case(&self.before) {
            return None;
        }
        let rest = text.get(self.before.len()..)?;
        let Some(after) = &self.after else { return rest.is_empty().then_some("") };
        let end = rest.len().checked_sub(after.len()).filter(|end| *end > 0)?;
        rest.get(end..)?.eq_ignore_ascii_case(after).then(|| rest.get(..end))?
    }

    /// The text with this in place of the star.
    pub(super) fn filled(&self, star: &str) -> String {
        match &self.after {
            Some(after) => format!("{}{star}{after}", self.before),
            None => self.before.clone(),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.filled("*"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars() {
        let star = |pattern: &str, text: &'static str| Pattern::parse(pattern).unwrap().star(text);
        assert_eq!(star("hw.eth*.mac", "HW.eth10.Mac"), Some("10"));
        assert_eq!(star("hw.eth*.mac", "hw.eth.mac"), None);
        assert_eq!(star("metric.*", "metric.net.rx"), Some("net.rx"));
        assert_eq!(star("firmware", "firmware"), Some(""));
        assert_eq!(star("firmware", "firmwares"), None);
        assert_eq!(star("a*", "é"), None);
        assert!(matches!(Pattern::parse("a*b*"), Err(LineProblem::TwoStars(_))));
        assert!(matches!(Pattern::parse(&"a".repeat(129)), Err(LineProblem::TooLong(_))));
    }

    proptest! {
        #[test]
        fn what_is_filled_in_comes_out(before in "\\PC{0,8}", after in "\\PC{0,8}", star in "\\PC{1,8}") {
            prop_assume!(!before.contains('*') && !after.contains('*'));
            let pattern = Pattern::parse(&format!("{before}*{after}")).unwrap();
            let filled = pattern.filled(&star);
            prop_assert_eq!(pattern.star(&filled), Some(star.as_str()));
        }

        #[test]
        fn any_texts_are_taken(pattern in "\\PC{0,12}", text in "\\PC{0,12}") {
            if let Ok(pattern) = Pattern::parse(&pattern) && let Some(star) = pattern.star(&text) {
                prop_assert!(pattern.filled(star).eq_ignore_ascii_case(&text));
            }
        }
    }
}
