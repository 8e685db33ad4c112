//! How many devices of a batch were made, against how many may be made.

use crate::components::{icons, status::Tone, text::count};
use leptos::prelude::*;

/// What a batch may be and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quota {
    /// How many devices were made.
    pub made: i64,
    /// How many may be made; none when nothing was agreed.
    pub quota: Option<i64>,
}

impl Quota {
    /// How many were made beyond the quota.
    pub(super) const fn beyond(self) -> i64 {
        match self.quota {
            Some(quota) if self.made > quota => self.made - quota,
            _ => 0,
        }
    }

    /// In words: `4,180 of 4,200`.
    pub(super) fn words(self) -> String {
        match self.quota {
            Some(quota) => format!("{} of {}", count(self.made), count(quota)),
            None => format!("{}, no quota agreed", count(self.made)),
        }
    }

    /// The bar: what was made, and in red what is beyond.
    pub(super) fn bar(self) -> impl IntoView + use<> {
        let whole = self.quota.unwrap_or(self.made).max(self.made).max(1);
        let percent = |part: i64| part.max(0) as f64 * 100.0 / whole as f64;
        let within = percent(self.made.min(self.quota.unwrap_or(self.made)));
        let over = percent(self.beyond());
        let fill = if self.quota.is_some() { "f-go" } else { "f-mute" };
        let says = match self.beyond() {
            0 => format!("Made: {}", self.words()),
            n => format!("Made: {}, {} beyond the quota", self.words(), count(n)),
        };
        view! {
            <svg class="bar chart" height="8" role="img" aria-label=says>
                <rect x="0" width="100%" height="8" class="t-mute"></rect>
                <rect x="0" width=format!("{within:.2}%") height="8" class=fill></rect>
                <rect x=format!("{within:.2}%") width=format!("{over:.2}%") height="8" class="f-bad"></rect>
            </svg>
        }
    }

    /// What is beyond, if anything is.
    pub(super) fn warning(self) -> impl IntoView + use<> {
        let beyond = self.beyond();
        (beyond > 0).then(|| {
            view! {
                <span class="st st-bad">
                    {icons::sized(icons::WARN, Tone::Bad.icon_class())}
                    {format!("{} beyond quota", count(beyond))}
                </span>
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond() {
        assert_eq!(Quota { made: 12, quota: Some(10) }.beyond(), 2);
        assert_eq!(Quota { made: 10, quota: Some(10) }.beyond(), 0);
        assert_eq!(Quota { made: 10, quota: None }.words(), "10, no quota agreed");
    }
}
