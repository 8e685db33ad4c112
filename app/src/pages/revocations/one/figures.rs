//! The state of an act in four figures.

use super::{
    super::{
        curve::{seconds, share, until_words},
        words::met,
    },
    certificates_link,
};
use crate::{
    charts::spread::after_words,
    components::text::{count, minute, plural},
};
use domain::{
    revocation::{RevocationAct, SpreadChannel},
    time::Timestamp,
};
use fleet::revocation::{ChannelRow, RevocationDetail};
use leptos::prelude::*;

/// The state of the act in four figures.
pub(super) fn answers(detail: &RevocationDetail) -> impl IntoView + use<> {
    let row = &detail.row;
    let since = row.effective_at.unwrap_or(row.requested_at);
    let (title, class) = match row.act {
        RevocationAct::Hold => ("Put on hold", "hold"),
        RevocationAct::Revoke => ("Cut off", "bad"),
        RevocationAct::Release => ("Released", ""),
    };
    let by = means(detail);
    let (figure, line) = at_gateways(detail, since);
    let last = match row.act {
        RevocationAct::Release => "Everybody accepts after",
        RevocationAct::Hold => "Nobody else accepts after",
        RevocationAct::Revoke => "Nobody accepts after",
    };
    let (end, end_line) = match detail.complete_at {
        Some(at) => (
            until_words(seconds(since, at)),
            view! { {minute(at)} ", the last old CRL or OCSP answer ends" }.into_any(),
        ),
        None => ("at once".to_owned(), "nothing was about that says otherwise".into_any()),
    };
    view! {
        <section class="answers" aria-label="State of the revocation">
            {answer(title, class, certificates_link(detail), by.into_any())}
            {answer("At the gateways", "", figure.into_any(), line.into_any())}
            {in_the_field(detail)}
            {answer(last, "", end.into_any(), end_line)}
        </section>
    }
}

fn answer(question: &'static str, class: &'static str, figure: AnyView, line: AnyView) -> impl IntoView {
    view! {
        <div class=class>
            <h2>{question}</h2>
            <p class="a fig">{figure}</p>
            <ul><li>{line}</li></ul>
        </div>
    }
}

/// How long the last gateway took that has reported.
fn at_gateways(detail: &RevocationDetail, since: Timestamp) -> (String, String) {
    let gateways: Vec<Timestamp> = of(detail, SpreadChannel::GatewayRefuses).map(|row| row.first_at).collect();
    let Some(last) = gateways.iter().max() else {
        return ("–".to_owned(), "no gateway has reported yet".to_owned());
    };
    let number = plural(i64::try_from(gateways.len()).unwrap_or(0), "gateway", "gateways");
    let verb = match (detail.row.act, gateways.len()) {
        (RevocationAct::Release, 1) => "accepts",
        (RevocationAct::Release, _) => "accept",
        (RevocationAct::Hold, _) => "limited them",
        (RevocationAct::Revoke, _) => "refused",
    };
    (after_words(seconds(since, *last)), format!("until {number} {verb}"))
}

/// What is known of the field: who was refused, or the CRLs that name a released one no more.
fn in_the_field(detail: &RevocationDetail) -> AnyView {
    if detail.row.act == RevocationAct::Release {
        let crls = i64::try_from(of(detail, SpreadChannel::CrlPublished).count()).unwrap_or(i64::MAX);
        let line = if crls == 1 { "CRL without it is out" } else { "CRLs without them are out" };
        return answer("Published", "", count(crls).into_any(), line.into_any()).into_any();
    }
    let refused = detail.curve.last().map_or(0.0, |point| point.refused_share);
    let line = format!("of the devices came back and were {}: {}", met(detail.row.act), count(detail.came_back_total));
    answer("In the field now", "", share(refused).into_any(), line.into_any()).into_any()
}

/// What was done: to certificates, or to the authorities that signed them.
fn means(detail: &RevocationDetail) -> String {
    match (detail.row.scope.cuts_authorities(), detail.authorities.len()) {
        (false, _) if detail.row.total == 1 => "certificate".to_owned(),
        (false, _) => "certificates, one by one".to_owned(),
        (true, 1) => "certificates, by their one issuing CA".to_owned(),
        (true, n) => format!("certificates, by {n} issuing CAs"),
    }
}

fn of(detail: &RevocationDetail, channel: SpreadChannel) -> impl Iterator<Item = &ChannelRow> {
    detail.channels.iter().filter(move |row| row.channel == channel)
}
