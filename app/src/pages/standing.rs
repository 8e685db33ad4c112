//! How the devices of a batch, a factory or a custodian stand: by trust and by lifecycle, each number a link.

use crate::{
    charts::bars::{Bar, bars},
    components::{
        icons,
        status::{Status, Tone},
        text::count,
    },
    context::{Ctx, devices_href},
};
use domain::{
    device::{Lifecycle, Trust},
    query::{FleetQuery, Predicate, Term},
};
use fleet::tally::Count;
use leptos::prelude::*;

/// The devices of one thing, by trust and by lifecycle.
pub(super) struct Standing {
    query: FleetQuery,
    total: i64,
    trust: Vec<(Trust, Count)>,
    lifecycle: Vec<(Lifecycle, Count)>,
}

/// A number in words: `412`, `10,000+`.
pub(super) fn count_words(number: Count) -> String {
    match number {
        Count::Exactly(n) => count(n),
        Count::AtLeast(n) => format!("{}+", count(n)),
    }
}

/// The devices of which one thing is true.
pub(super) fn devices_of(predicate: Predicate) -> FleetQuery {
    FleetQuery::default().with_term(Term::new(predicate))
}

/// Counts that are cut short are told apart as far as the total tells: if only one was cut, it is what is left.
fn settle<T>(total: i64, counts: &mut [(T, Count)]) {
    let exact: i64 = counts.iter().filter_map(|(_, n)| matches!(n, Count::Exactly(_)).then_some(n.number())).sum();
    let mut cut = counts.iter_mut().filter(|(_, n)| matches!(n, Count::AtLeast(_)));
    if let (Some((_, n)), None) = (cut.next(), cut.next()) {
        *n = Count::Exactly((total - exact).max(n.number()));
    }
}

impl Standing {
    /// Counts the devices of a query; `total` is how many there are.
    pub(super) async fn of(ctx: &Ctx, query: FleetQuery, total: i64) -> Result<Self, fleet::Error> {
        let with = |predicate| query.with_term(Term::new(predicate));
        let trust = Trust::ALL.iter().map(|word| with(Predicate::Trust(vec![*word])));
        let lifecycle = Lifecycle::ALL.iter().map(|word| with(Predicate::State(vec![*word])));
        let counts = ctx.fleet.tally(&ctx.actor, &trust.chain(lifecycle).collect::<Vec<_>>()).await?;
        let (by_trust, by_lifecycle) = counts.split_at(counts.len().min(Trust::ALL.len()));
        let mut trust: Vec<_> = Trust::ALL.iter().copied().zip(by_trust.iter().copied()).collect();
        let mut lifecycle: Vec<_> = Lifecycle::ALL.iter().copied().zip(by_lifecycle.iter().copied()).collect();
        settle(total, &mut trust);
        settle(total, &mut lifecycle);
        Ok(Self { query, total, trust, lifecycle })
    }

    fn href(&self, predicate: Predicate) -> String {
        devices_href(&self.query.with_term(Term::new(predicate)).to_string())
    }

    /// The list behind the total.
    pub(super) fn all_href(&self) -> String {
        devices_href(&self.query.to_string())
    }

    /// A bar of the shares, and the numbers below it.
    pub(super) fn by_trust(&self) -> impl IntoView + use<> {
        let legend: Vec<_> = self
            .trust
            .iter()
            .filter(|(trust, n)| n.number() > 0 || *trust == Trust::Trusted)
            .map(|(trust, n)| {
                let href = self.href(Predicate::Trust(vec![*trust]));
                view! { <li>{Status::from(*trust).cell()}" "<a href=href>{count_words(*n)}</a></li> }
            })
            .collect();
        view! {
            {trust_bar(&self.trust)}
            <ul class="legend mt1">{legend}</ul>
        }
    }

    /// A bar for each lifecycle.
    pub(super) fn by_lifecycle(&self) -> impl IntoView + use<> {
        let rows: Vec<_> = self
            .lifecycle
            .iter()
            .map(|(lifecycle, n)| Bar {
                label: Status::from(*lifecycle).cell().into_any(),
                value: n.number(),
                href: self.href(Predicate::State(vec![*lifecycle])),
                tone: Tone::Mute,
            })
            .collect();
        bars(rows)
    }

    /// Whether there is any device at all.
    pub(super) const fn is_empty(&self) -> bool {
        self.total == 0
    }
}

const fn fill(trust: Trust) -> &'static str {
    match trust {
        Trust::Trusted => "f-ok",
        Trust::Suspect => "f-warn",
        Trust::Quarantined => "f-hold",
        Trust::Revoked => "f-bad",
    }
}

/// The shares of trust as one bar. A share that is not nothing is at least a sliver, or it would not be seen.
fn trust_bar(counts: &[(Trust, Count)]) -> impl IntoView + use<> {
    let total: i64 = counts.iter().map(|(_, n)| n.number()).sum();
    let says: Vec<String> = counts
        .iter()
        .filter(|(_, n)| n.number() > 0)
        .map(|(trust, n)| format!("{} {}", count_words(*n), trust.label().to_lowercase()))
        .collect();
    let says = if says.is_empty() { "no devices".to_owned() } else { says.join(", ") };
    let widths = shares(&counts.iter().map(|(_, n)| n.number()).collect::<Vec<_>>(), total);
    let mut from = 0.0;
    let rects: Vec<_> = counts
        .iter()
        .zip(widths)
        .filter(|(_, width)| *width > 0.0)
        .map(|((trust, _), width)| {
            let x = from;
            from += width;
            let (x, width) = (format!("{x:.2}%"), format!("{width:.2}%"));
            view! { <rect x=x width=width height="8" class=fill(*trust)></rect> }
        })
        .collect();
    view! {
        <svg class="bar chart" height="8" role="img" aria-label=says>
            <rect x="0" width="100%" height="8" class="t-mute"></rect>
            {rects}
        </svg>
    }
}

/// Percentages of a whole; none but zero is under one.
fn shares(parts: &[i64], total: i64) -> Vec<f64> {
    if total <= 0 {
        return vec![0.0; parts.len()];
    }
    let wanted: Vec<f64> =
        parts.iter().map(|part| if *part > 0 { (*part as f64 * 100.0 / total as f64).max(1.0) } else { 0.0 }).collect();
    let sum: f64 = wanted.iter().sum();
    wanted.into_iter().map(|share| share * 100.0 / sum).collect()
}

/// The trust of some devices in a table's cell: the bar, and what is not as it should be.
pub(super) fn trust_cell(standing: &Standing) -> impl IntoView + use<> {
    if standing.is_empty() {
        return view! { <span class="quiet">"no devices yet"</span> }.into_any();
    }
    let odd: Vec<_> = standing
        .trust
        .iter()
        .filter(|(trust, n)| *trust != Trust::Trusted && n.number() > 0)
        .map(|(trust, n)| {
            let status = Status::from(*trust);
            let href = standing.href(Predicate::Trust(vec![*trust]));
            view! {
                <li>
                    {icons::sized(status.icon, status.tone.icon_class())}
                    <a href=href>{count_words(*n)}" "{status.word.to_lowercase()}</a>
                </li>
            }
        })
        .collect();
    let rest = odd.is_empty().then(|| view! { <li class="quiet">"all trusted"</li> });
    view! {
        <div class="share">
            {trust_bar(&standing.trust)}
            <ul class="legend">{odd}{rest}</ul>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_short_is_what_is_left() {
        let mut counts = [("a", Count::AtLeast(10_000)), ("b", Count::Exactly(400))];
        settle(48_400, &mut counts);
        assert_eq!(counts[0].1, Count::Exactly(48_000));
        let mut counts = [("a", Count::AtLeast(10_000)), ("b", Count::AtLeast(10_000))];
        settle(48_400, &mut counts);
        assert_eq!(counts[0].1, Count::AtLeast(10_000));
    }

    #[test]
    fn small_shares_are_seen() {
        assert_eq!(shares(&[], 0), Vec::<f64>::new());
        assert_eq!(shares(&[0, 0], 0), [0.0, 0.0]);
        let some = shares(&[999_999, 1, 0], 1_000_000);
        assert!(some[1] > 0.9 && some[2] == 0.0 && (some.iter().sum::<f64>() - 100.0).abs() < 1e-9);
    }
}
