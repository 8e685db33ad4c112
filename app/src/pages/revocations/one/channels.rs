//! Who has it: gateways, publishers and whoever fetches.

use super::super::curve::{name_of, seconds};
use crate::{
    charts::spread::after_words,
    components::{
        icons::{self, Icon, icon},
        panel::Panel,
        table::{frame, none_yet},
        text::{ago, count},
    },
    context::segment,
};
use domain::{
    revocation::{RevocationAct, SpreadChannel},
    time::Timestamp,
};
use fleet::revocation::{ChannelRow, RevocationDetail};
use leptos::prelude::*;

/// Who has it, by whom it is known.
pub(super) fn channels(detail: &RevocationDetail, now: Timestamp) -> impl IntoView + use<> {
    let panel = Panel::new("Who has it").count(i64::try_from(detail.channels.len()).unwrap_or(0));
    if detail.channels.is_empty() {
        return panel
            .flush(none_yet(
                "Nobody has reported yet",
                view! { <p>"Gateways, publishers and whoever fetches appear here."</p> },
            ))
            .into_any();
    }
    let since = detail.row.effective_at.unwrap_or(detail.row.requested_at);
    let rows: Vec<_> = detail
        .channels
        .iter()
        .map(|row| {
            view! {
                <tr>
                    <th scope="row">
                        <span class="st">{icon(channel_icon(row.channel))}{channel_words(detail.row.act, row.channel)}</span>
                    </th>
                    <td data-l="Who">{who(detail, row)}</td>
                    <td data-l="After" class="num">{after_words(seconds(since, row.first_at))}</td>
                    <td data-l="Times" class="num">{count(row.n)}</td>
                    <td data-l="Last" class="nowrap">{ago(row.last_at, now)}</td>
                </tr>
            }
        })
        .collect();
    let table = view! {
        <table class="table cards">
            <caption class="sr">"Who has it, in the order of time"</caption>
            <thead>
                <tr>
                    <th scope="col">"How"</th>
                    <th scope="col">"Who"</th>
                    <th scope="col" class="num">"After"</th>
                    <th scope="col" class="num">"Times"</th>
                    <th scope="col">"Last"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    panel.flush(frame("Who has it", table)).into_any()
}

/// Who reported; what devices met is told by the list of them.
fn who(detail: &RevocationDetail, row: &ChannelRow) -> AnyView {
    match (row.node.as_str(), name_of(detail, &row.node)) {
        ("", _) => view! { <a href="#came-back">"the devices"</a> }.into_any(),
        (node, name) if node == name => name.to_owned().into_any(),
        (slug, name) => view! { <a href=format!("/authorities/{}", segment(slug))>{name.to_owned()}</a> }.into_any(),
    }
}

/// What was reported; of a release the opposite of what a channel is called by.
const fn channel_words(act: RevocationAct, channel: SpreadChannel) -> &'static str {
    match (act, channel) {
        (RevocationAct::Release, SpreadChannel::GatewayRefuses) => "Gateway accepts",
        (RevocationAct::Release, SpreadChannel::OcspRevoked) => "OCSP answered",
        (RevocationAct::Hold, SpreadChannel::GatewayRefuses) => "Gateway limits",
        (RevocationAct::Hold, SpreadChannel::DeviceRefused) => "Device limited",
        _ => channel.label(),
    }
}

const fn channel_icon(channel: SpreadChannel) -> Icon {
    match channel {
        SpreadChannel::GatewayRefuses => icons::SHIELD,
        SpreadChannel::CrlPublished => icons::DOC,
        SpreadChannel::CrlFetched => icons::DOWNLOAD,
        SpreadChannel::OcspRevoked => icons::CERT,
        SpreadChannel::DeviceRefused => icons::BAN,
    }
}
