//! The devices that an act hit: who came back and was refused or limited, who was not seen since.

use super::{super::words::met, device_link, query_of};
use crate::{
    components::{
        icons::{self, icon},
        panel::Panel,
        status::{Status, Tone},
        table::{frame, none_yet},
        text::{ago, count, minute, plural},
    },
    context::devices_href,
};
use domain::{revocation::RevocationAct, time::Timestamp};
use fleet::revocation::RevocationDetail;
use leptos::prelude::*;

/// The devices: who came back, who was not seen since.
pub(super) fn affected(detail: &RevocationDetail, now: Timestamp) -> impl IntoView + use<> {
    let (back, silent) = (detail.came_back_total, detail.not_seen_total);
    let devices = detail.devices.max(back + silent);
    let others = devices - back - silent;
    let list = query_of(detail).map(|query| view! { <a href=devices_href(&query)>"Open as a list"</a> });
    let panel = Panel::new("Affected devices").count(devices).aside(list);
    let share_of = |n: i64| n as f64 / devices.max(1) as f64;
    let (first, second) = (share_of(back), share_of(silent));
    let rect = |x: f64, width: f64, class: &'static str| {
        view! { <rect x=crate::charts::percent(x) width=crate::charts::percent(width) height="8" class=class></rect> }
    };
    let says = format!(
        "{} came back and were {}, {} were not seen since, {} others",
        count(back),
        met(detail.row.act),
        count(silent),
        count(others)
    );
    let following = (detail.row.applied < detail.row.total).then(|| {
        view! { <p class="small soft mt1">{format!("The devices' own records follow: {} of {} are written. What counts is in effect for all of them.", count(detail.row.applied), count(detail.row.total))}</p> }
    });
    panel.flush(view! {
        <div class="body">
            <svg class="bar chart" height="8" role="img" aria-label=says>
                <rect x="0" width="100%" height="8" class="f-line"></rect>
                {rect(0.0, first, "f-ok")}
                {rect(first, second, "f-mute")}
            </svg>
            <ul class="legend mt">
                <li>{icons::sized(icons::BAN, "i ok")}{format!("Came back, {} ", met(detail.row.act))}<a href="#came-back">{count(back)}</a></li>
                <li>{icon(icons::SILENT)}"Not seen since "<a href="#not-seen">{count(silent)}</a></li>
            </ul>
            {following}
        </div>
        <div id="came-back">{came_back(detail, now)}</div>
        <div id="not-seen">{not_seen(detail, now)}</div>
    })
}

fn came_back(detail: &RevocationDetail, now: Timestamp) -> AnyView {
    let met = met(detail.row.act);
    if detail.came_back.is_empty() {
        return none_yet(
            "None has come back yet",
            view! { <p>{format!("A device that connects is {met}, and is listed here from then on.")}</p> },
        )
        .into_any();
    }
    let rows: Vec<_> = detail
        .came_back
        .iter()
        .map(|device| {
            view! {
                <tr>
                    <th scope="row">{device_link(&device.serial)}</th>
                    <td data-l="State">{status(detail.row.act).cell()}</td>
                    <td data-l="First" class="nowrap">{minute(Timestamp(device.first_at))}</td>
                    <td data-l="Last" class="two"><b>{ago(Timestamp(device.last_at), now)}</b><small>{plural(device.n, "time", "times")}</small></td>
                </tr>
            }
        })
        .collect();
    let table = view! {
        <table class="table cards">
            <caption class="sr">{format!("Devices that came back and were {met}, newest first")}</caption>
            <thead>
                <tr>
                    <th scope="col">"Serial"</th>
                    <th scope="col">"State"</th>
                    <th scope="col">"First"</th>
                    <th scope="col">"Last"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    view! { {frame("Devices that came back", table)} {more(detail.came_back.len(), detail.came_back_total)} }.into_any()
}

const fn status(act: RevocationAct) -> Status {
    match act {
        RevocationAct::Hold => Status { word: "Limited", icon: icons::PAUSE, tone: Tone::Ok },
        RevocationAct::Revoke | RevocationAct::Release => Status { word: "Refused", icon: icons::BAN, tone: Tone::Ok },
    }
}

fn more(shown: usize, total: i64) -> Option<impl IntoView> {
    let rest = total - i64::try_from(shown).unwrap_or(0);
    (rest > 0).then(|| view! { <p class="body small quiet">{format!("and {} more", count(rest))}</p> })
}

fn not_seen(detail: &RevocationDetail, now: Timestamp) -> AnyView {
    if detail.not_seen.is_empty() {
        return ().into_any();
    }
    let rows: Vec<_> = detail
        .not_seen
        .iter()
        .map(|(serial, last_seen_at)| {
            let seen = match *last_seen_at {
                Some(at) => view! { "last seen " {ago(at, now)} }.into_any(),
                None => "never heard from".into_any(),
            };
            view! {
                <li>
                    {icon(icons::SILENT)}
                    {device_link(serial)}
                    <span class="push quiet">{seen}</span>
                </li>
            }
        })
        .collect();
    view! { <h3 class="inset small">"Not seen since"</h3> <ul class="lines">{rows}</ul> {more(detail.not_seen.len(), detail.not_seen_total)} }.into_any()
}
