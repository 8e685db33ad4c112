//! What the chart of a revocation shows: curves and milestones out of what gateways, publishers and fetchers reported.

use super::words::met;
use crate::{
    charts::{
        parts::numbers as behind,
        spread::{self, Curve, Milestone, Spread, after_words, reached},
    },
    components::{
        panel::Panel,
        text::{minute, plural, stamp},
    },
};
use domain::{
    revocation::{RevocationAct, SpreadChannel},
    time::Timestamp,
};
use fleet::revocation::{ChannelRow, RevocationDetail};
use leptos::prelude::*;

/// A minute, in microseconds.
const MINUTE: i64 = 60_000_000;

/// The panel with the curve; nothing before an act counts.
pub(super) fn panel(detail: &RevocationDetail, now: Timestamp) -> Option<AnyView> {
    let since = detail.row.effective_at?;
    let drawn = drawn(detail, since, now);
    if detail.row.act == RevocationAct::Release {
        return Some(released(drawn, since).into_any());
    }
    let refused = share(reached(&drawn.refused, drawn.now));
    let told = plural(number(heard(detail)), "report", "reports");
    let met = met(detail.row.act);
    let finding = finding(&drawn, (&refused, met), &told);
    let numbers = numbers(&drawn, met);
    let chart = spread::spread(&finding, &drawn);
    let forecast = drawn.complete.is_some_and(|complete| complete > drawn.now);
    let aside = view! { <span>"Since "{stamp(since, since.exact_words())}", logarithmic"</span> };
    Some(
        Panel::new("How it spreads through the field")
            .aside(aside)
            .flush(view! {
                <div class="body stack">
                    {chart}
                    {spread::legend((&refused, met), &told, forecast)}
                    {numbers}
                </div>
                {spread::milestones(drawn.milestones)}
            })
            .into_any(),
    )
}

/// Nobody is refused after a release, so there is no curve: only what happened when.
fn released(drawn: Spread, since: Timestamp) -> impl IntoView {
    let aside = view! { <span>"Since "{stamp(since, since.exact_words())}</span> };
    Panel::new("How it spreads through the field").aside(aside).flush(spread::milestones(drawn.milestones))
}

/// A share in words, never better than it is.
pub(super) fn share(part: f64) -> String {
    match part {
        p if p >= 1.0 => "100 %".to_owned(),
        p if p <= 0.0 => "0 %".to_owned(),
        p => format!("{:.1} %", (p * 1_000.0).floor() / 10.0),
    }
}

/// Seconds between two times.
pub(super) fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.0.saturating_sub(from.0) as f64 / 1e6
}

/// How long until something is over, never less than it is: `2 d 10 h`.
pub(super) fn until_words(seconds: f64) -> String {
    if seconds < 172_800.0 {
        return after_words((seconds / 60.0).ceil() * 60.0);
    }
    let hours = (seconds / 3_600.0).ceil() as i64;
    match (hours / 24, hours % 24) {
        (days, 0) => format!("{days} d"),
        (days, hours) => format!("{days} d {hours} h"),
    }
}

fn drawn(detail: &RevocationDetail, since: Timestamp, now: Timestamp) -> Spread {
    let refused = detail.curve.iter().map(|point| (seconds(since, point.at), point.refused_share)).collect();
    Spread {
        refused,
        told: told(detail, since),
        complete: detail.complete_at.map(|at| seconds(since, at)),
        now: seconds(since, now),
        milestones: milestones(detail, since, now),
    }
}

/// Which share of those that have reported by now had it when: gateways, publishers, fetchers.
fn told(detail: &RevocationDetail, since: Timestamp) -> Curve {
    let heard = detail.channels.iter().filter(|row| row.channel != SpreadChannel::DeviceRefused);
    let mut firsts: Vec<f64> = heard.map(|row| seconds(since, row.first_at)).collect();
    firsts.sort_by(f64::total_cmp);
    let all = firsts.len().max(1) as f64;
    firsts.into_iter().enumerate().map(|(i, at)| (at, (i + 1) as f64 / all)).collect()
}

/// How many gateways, publishers and fetchers have reported.
fn heard(detail: &RevocationDetail) -> usize {
    detail.channels.iter().filter(|row| row.channel != SpreadChannel::DeviceRefused).count()
}

fn finding(drawn: &Spread, (refused, met): (&str, &str), told: &str) -> String {
    let end = match drawn.complete {
        Some(complete) if complete > drawn.now => format!(
            " Nobody can accept them after {}, when the last old CRL or OCSP answer ends.",
            until_words(complete)
        ),
        _ => String::new(),
    };
    format!(
        "{refused} of the devices have come back and were {met} after {}; {told} of gateways, publishers and fetchers.{end}",
        after_words(drawn.now)
    )
}

/// Rows of a channel together: who, how many, from when, to when.
struct Reported {
    nodes: usize,
    n: i64,
    first: Timestamp,
    last: Timestamp,
    last_node_first: Timestamp,
}

fn reported(channels: &[ChannelRow], channel: SpreadChannel) -> Option<Reported> {
    let rows: Vec<&ChannelRow> = channels.iter().filter(|row| row.channel == channel).collect();
    Some(Reported {
        nodes: rows.len(),
        n: rows.iter().map(|row| row.n).sum(),
        first: rows.iter().map(|row| row.first_at).min()?,
        last: rows.iter().map(|row| row.last_at).max()?,
        last_node_first: rows.iter().map(|row| row.first_at).max()?,
    })
}

fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn milestones(detail: &RevocationDetail, since: Timestamp, now: Timestamp) -> Vec<Milestone> {
    let of = |channel| reported(&detail.channels, channel);
    let mut all = Vec::new();
    let mut push = |at: Timestamp, what: String, note: AnyView, first: bool| {
        all.push(Milestone { after: seconds(since, at), what, note, first, past: at <= now });
    };
    if let Some(gateways) = of(SpreadChannel::GatewayRefuses) {
        let verb = match detail.row.act {
            RevocationAct::Release => "Accepted",
            RevocationAct::Hold => "Limited",
            RevocationAct::Revoke => "Refused",
        };
        let what = format!("{verb} at {}", plural(number(gateways.nodes), "gateway", "gateways"));
        push(gateways.last_node_first, what, "All that have reported".into_any(), false);
    }
    if let Some(published) = of(SpreadChannel::CrlPublished) {
        let what = if published.nodes == 1 {
            "CRL published".to_owned()
        } else {
            format!("{} CRLs published", published.nodes)
        };
        push(published.last_node_first, what, names(detail, SpreadChannel::CrlPublished), false);
    }
    if let Some(answered) = of(SpreadChannel::OcspRevoked).filter(|_| detail.row.act != RevocationAct::Release) {
        let note = plural(answered.n, "answer so far", "answers so far");
        push(answered.first, "OCSP answers “revoked”".to_owned(), note.into_any(), false);
    }
    if let Some(fetched) = of(SpreadChannel::CrlFetched) {
        let note = format!(
            "{} by {}",
            plural(fetched.n, "fetch", "fetches"),
            plural(number(fetched.nodes), "fetcher", "fetchers")
        );
        push(fetched.first, "First fetched the new CRL".to_owned(), note.into_any(), false);
    }
    if let Some(came) = of(SpreadChannel::DeviceRefused) {
        let what = format!("First device {}", met(detail.row.act));
        push(came.first, what, view! { "Last one " {minute(came.last)} }.into_any(), true);
    }
    if let Some(at) = detail.complete_at {
        let whole = Timestamp(at.0 + MINUTE - 1 - (at.0 - since.0 + MINUTE - 1).rem_euclid(MINUTE));
        push(whole, "Every old answer has ended".to_owned(), minute(at).into_any(), true);
    }
    all.sort_by(|a, b| a.after.total_cmp(&b.after));
    all
}

/// The name of who reported: an authority is called by its own.
pub(super) fn name_of<'a>(detail: &'a RevocationDetail, node: &'a str) -> &'a str {
    detail.authorities.iter().find(|(slug, _)| slug == node).map_or(node, |(_, name)| name.as_str())
}

/// Who reported on a channel, the first few.
fn names(detail: &RevocationDetail, channel: SpreadChannel) -> AnyView {
    let rows = detail.channels.iter().filter(|row| row.channel == channel);
    let mut names: Vec<&str> = rows.map(|row| name_of(detail, &row.node)).collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(2);
    let shown = names.into_iter().take(2).collect::<Vec<_>>().join(", ");
    if more == 0 { shown.into_any() } else { format!("{shown} and {more} more").into_any() }
}

/// The numbers behind the curve, at the moments at which something changed.
fn numbers(drawn: &Spread, met: &'static str) -> impl IntoView + use<> {
    let mut moments: Vec<f64> = drawn.milestones.iter().filter(|m| m.past).map(|m| m.after).collect();
    moments.push(drawn.now);
    let rows: Vec<_> = moments
        .into_iter()
        .map(|at| {
            view! {
                <tr>
                    <th scope="row">{after_words(at)}</th>
                    <td class="num">{share(reached(&drawn.refused, at))}</td>
                    <td class="num">{share(reached(&drawn.told, at))}</td>
                </tr>
            }
        })
        .collect();
    let heads = view! {
        <th scope="col">"After"</th>
        <th scope="col" class="num">{format!("Were {met}")}</th>
        <th scope="col" class="num">"Have it"</th>
    };
    behind("Shares by the time since the act", heads, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_never_told_too_early() {
        let words = [30.0, 3_599.0, 172_800.0, 259_199.9, 208_800.0].map(until_words);
        assert_eq!(words, ["1 min", "1 h", "2 d", "3 d", "2 d 10 h"]);
    }

    #[test]
    fn a_share_is_never_said_to_be_whole_before_it_is() {
        assert_eq!([0.0, 0.9999, 1.0, 0.8605].map(share), ["0 %", "99.9 %", "100 %", "86.0 %"]);
    }
}
