//! The overview's panels: trust, connection, lifecycle, models, firmware, custodians, findings.

use crate::{
    charts::{
        bars::{Bar, bars},
        ranks::{Rank, ranks},
    },
    components::{
        icons::{self, sized},
        panel::Panel,
        status::{Status, Tone, score},
        table::none_yet,
        text::{ago, count, plural},
    },
    context::devices_href,
    pages::findings,
};
use domain::{
    authority::FindingState,
    batch::Model,
    device::{Connection, Trust},
    query::quoted,
    time::Timestamp,
};
use fleet::{finding::FindingRow, overview::Overview};
use leptos::prelude::*;

/// More bars than this are a list, not a glance.
const BARS: usize = 10;
/// Firmware versions shown by themselves; older ones share a bar.
const VERSIONS: usize = 5;

/// May they be trusted? The fleet in ranks.
pub(super) fn trust(overview: &Overview) -> impl IntoView + use<> {
    let marks: Vec<Rank> = overview
        .trust
        .iter()
        .map(|(trust, value)| Rank { word: trust.as_str(), value: *value, tone: Status::from(*trust).tone })
        .collect();
    let (unit, picture) = ranks(&marks);
    let each = if unit == 1 { "one mark, one device".to_owned() } else { format!("one mark, {} devices", count(unit)) };
    let legend: Vec<_> = overview.trust.iter().map(|(trust, n)| legend_entry(*trust, *n)).collect();
    Panel::new("May they be trusted?").aside(view! { <span class="hide-phone">{each}</span> }).flush(view! {
        <div class="body stack">
            {picture}
            <ul class="legend">{legend}</ul>
        </div>
    })
}

fn legend_entry(trust: Trust, n: i64) -> impl IntoView + use<> {
    let status = Status::from(trust);
    let href = devices_href(&format!("trust:{trust}"));
    view! { <li>{sized(status.icon, status.tone.icon_class())}{status.word}" "<a href=href>{count(n)}</a></li> }
}

/// A bar whose word is a status.
fn status_bar(status: Status, value: i64, query: &str) -> Bar {
    Bar { label: status.cell().into_any(), value, href: devices_href(query), tone: status.tone }
}

/// Who is heard from.
pub(super) fn connection(overview: &Overview, now: Timestamp) -> impl IntoView + use<> {
    let counted = overview.connection;
    let rows =
        [(Connection::Online, counted.online), (Connection::Late, counted.late), (Connection::Silent, counted.silent)]
            .map(|(connection, n)| status_bar(connection.into(), n, &format!("conn:{connection}")));
    Panel::new("Are they heard from?")
        .aside(view! { <span>"counted " {ago(counted.at.min(now), now)}</span> })
        .body(bars(Vec::from(rows)))
}

/// Where they stand in their lives. Grey: nothing here is good or bad.
pub(super) fn lifecycle(overview: &Overview) -> impl IntoView + use<> {
    let rows = overview
        .lifecycle
        .iter()
        .map(|(state, n)| status_bar((*state).into(), *n, &format!("state:{}", state.as_str().replace('_', "-"))))
        .collect();
    Panel::new("Lifecycle").body(bars(rows))
}

/// Which models there are.
pub(super) fn models(overview: &Overview) -> impl IntoView + use<> {
    let rows = overview
        .models
        .iter()
        .take(BARS)
        .map(|(model, n)| plain_bar(&model.name, *n, &format!("model:{}", quoted(&model.name)), Tone::Mute))
        .collect();
    Panel::new("Models").body(bars(rows))
}

fn plain_bar(label: &str, value: i64, query: &str, tone: Tone) -> Bar {
    Bar { label: label.to_owned().into_any(), value, href: devices_href(query), tone }
}

/// What runs on the devices of a model: the newest versions, all older ones, and none reported.
pub(super) fn firmware(overview: &Overview, model: &Model, versions: &[(String, i64)]) -> impl IntoView + use<> {
    let all = overview.models.iter().find(|(found, _)| found.id == model.id).map_or(0, |(_, n)| *n);
    versions_panel(model, all, versions)
}

fn versions_panel(model: &Model, all: i64, versions: &[(String, i64)]) -> impl IntoView + use<> {
    let of_model = format!("model:{}", quoted(&model.name));
    let (reported, silent): (Vec<_>, Vec<_>) = versions.iter().partition(|(version, _)| !version.is_empty());
    let mut rows: Vec<Bar> = reported
        .iter()
        .take(VERSIONS)
        .enumerate()
        .map(|(i, (version, n))| {
            let tone = if i == 0 { Tone::Go } else { Tone::Mute };
            plain_bar(version, *n, &format!("{of_model} fw:{}", quoted(version)), tone)
        })
        .collect();
    let older: i64 = reported.iter().skip(VERSIONS).map(|(_, n)| n).sum();
    if let Some((last, _)) = reported.get(VERSIONS - 1).filter(|_| older > 0) {
        rows.push(plain_bar("older", older, &format!("{of_model} fw<{}", quoted(last)), Tone::Mute));
    }
    let unreported: i64 = silent.iter().map(|(_, n)| n).sum();
    if unreported > 0 {
        let label = view! { <span class="quiet">"not reported"</span> }.into_any();
        let href = devices_href(&format!("{of_model} fw:none"));
        rows.push(Bar { label, value: unreported, href, tone: Tone::Mute });
    }
    let every = view! { <a href=devices_href(&of_model)>{plural(all, "device", "devices")}</a> };
    Panel::new(format!("Firmware, {}", model.name)).aside(every).body(bars(rows))
}

/// Who holds most of them.
pub(super) fn custodians(overview: &Overview) -> impl IntoView + use<> {
    let holders = overview.custodians.iter().filter(|(_, n)| *n > 0);
    let rows = holders
        .filter_map(|(id, n)| Some((overview.catalogue.custodian(*id)?, *n)))
        .take(BARS)
        .map(|(custodian, n)| {
            plain_bar(&custodian.name, n, &format!("custodian:{}", quoted(&custodian.name)), Tone::Mute)
        })
        .collect();
    Panel::new("Held by").aside(view! { <a href="/custodians">"All custodians"</a> }).body(bars(rows))
}

/// What does not fit: the findings that changed last, each cause once and with its state.
pub(super) fn findings(overview: &Overview, now: Timestamp) -> impl IntoView + use<> {
    let rows: Vec<_> = overview.findings.iter().map(|row| finding(row, now)).collect();
    let body = if rows.is_empty() {
        none_yet(
            "Nothing that doesn't fit",
            view! { <p>"Hardware that differs from its manifest, or an identifier seen twice, is listed here."</p> },
        )
        .into_any()
    } else {
        view! { <ul class="list">{rows}</ul> }.into_any()
    };
    Panel::new("Recent findings")
        .id("findings")
        .aside(view! { <span>"Newest change first"</span> <a href="/findings">"All findings"</a> })
        .flush(body)
}

fn finding(row: &FindingRow, now: Timestamp) -> impl IntoView + use<> {
    let points = row.detail.get("score").and_then(serde_json::Value::as_i64);
    let tone = match (row.state, points) {
        (FindingState::Resolved, _) => Tone::Mute,
        (_, Some(60..)) => Tone::Bad,
        (_, Some(..30)) => Tone::Mute,
        _ => Tone::Warn,
    };
    let place = row.device_serial.clone().or_else(|| row.batch.as_ref().map(|code| format!("batch {code}")));
    let place = place.map(|place| format!("{place}, "));
    view! {
        <li>
            {sized(icons::FINDING, tone.icon_class())}
            <div>
                <h3>
                    <a href=findings::finding_href(row.id)>{row.words.clone()}</a>
                </h3>
                <p>{findings::state(row.state).cell()} " " {row.kind.label()} ", " {place} {ago(row.last_at, now)}</p>
            </div>
            <div class="end">{points.map(score)}</div>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::id::ModelId;

    #[test]
    fn old_firmware_shares_a_bar_and_every_number_is_a_link() {
        let model = Model {
            id: ModelId(Default::default()),
            name: "GW 200".into(),
            description: String::new(),
            poll_interval_s: 300,
            sgtin: String::new(),
        };
        let mut versions: Vec<(String, i64)> = (0..8).rev().map(|i| (format!("1.{i}.0"), 10 + i)).collect();
        versions.push((String::new(), 3));
        let html = versions_panel(&model, 119, &versions).to_html();
        assert!(html.contains("older") && html.contains("not reported"), "{html}");
        assert!(html.contains("/devices?q=model%3A%22GW+200%22+fw%3C1.3.0"), "{html}");
        assert_eq!(html.matches("<a href=").count(), VERSIONS + 3);
    }
}
