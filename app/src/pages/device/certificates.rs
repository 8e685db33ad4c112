//! The device's certificates: the present one, and all that it ever had.

use super::{
    events::pairs,
    life::{CertificateLife, Life},
    place::{Place, View},
};
use crate::components::{
    icons::{self, icon, icon_small},
    panel::{Panel, facts},
    status::{Status, Tone, certificate},
    table::frame,
    text::{copy, count, day},
};
use crate::pages;
use domain::{
    certificate::soon,
    time::{DAY, Timestamp},
};
use fleet::certificate::CertificateRow;
use leptos::prelude::*;

/// How a certificate of the past or the present stands.
fn standing(certificate: &CertificateLife<'_>, now: Timestamp) -> Status {
    let held = certificate.held.last().is_some_and(|(_, until)| until.is_none());
    let (word, icon, tone) = if certificate.revoked.is_some() {
        ("Revoked", icons::BAN, Tone::Bad)
    } else if certificate.ended.is_some() {
        ("Superseded", icons::SWAP, Tone::Mute)
    } else if certificate.not_after <= now {
        ("Expired", icons::CLOCK, Tone::Bad)
    } else if held {
        ("On hold", icons::PAUSE, Tone::Hold)
    } else if certificate.not_after <= now.plus(soon(certificate.from, certificate.not_after)) {
        ("Expiring", icons::CLOCK, Tone::Warn)
    } else {
        ("Valid", icons::CHECK, Tone::Ok)
    };
    Status { word, icon, tone }
}

/// The panel beside: the present certificate.
#[must_use]
pub fn present(life: &Life<'_>, place: &Place) -> impl IntoView + use<> {
    let device = &life.record.device;
    let all = life.certificates();
    let panel = Panel::new("Certificate").id("certificate");
    let (Some(serial), Some(end)) = (&device.certificate_serial, device.certificate_not_after) else {
        let words = if all.is_empty() { "No certificate is on record." } else { "It has none now." };
        return panel.body(view! { <p class="soft">{words} " " {earlier(all.len(), place)}</p> }).into_any();
    };
    let status = match all.last().filter(|last| last.serial == serial) {
        Some(last) => standing(last, life.now).cell().into_any(),
        None => certificate(device, life.now).map(Status::cell).into_any(),
    };
    let issuer = all.last().filter(|last| last.serial == serial).map(|last| (last.issuer.to_owned(), last.from));
    let left = match (end.0 - life.now.0) / DAY {
        _ if end <= life.now => "ended".to_owned(),
        1 => "1 day left".to_owned(),
        n => format!("{} days left", count(n)),
    };
    let mut known = vec![(
        "Serial",
        view! { <span class="mono">{pairs(serial)}</span> {copy("serial number", serial)} }.into_any(),
    )];
    if let Some((issuer, from)) = issuer {
        known.push(("Issued by", issuer.into_any()));
        known.push(("From", day(from).into_any()));
    }
    known.push(("To", view! { {day(end)} ", " {left} }.into_any()));
    let body = view! { <div class="small">{facts(known)}</div> };
    let panel = panel.aside(status);
    if all.len() > 1 {
        return panel.footer(earlier(all.len() - 1, place)).body(body).into_any();
    }
    panel.body(body).into_any()
}

fn earlier(number: usize, place: &Place) -> Option<impl IntoView + use<>> {
    let words = match number {
        0 => return None,
        1 => "One earlier certificate".to_owned(),
        n => format!("{n} earlier certificates"),
    };
    Some(view! { <a href=place.view(View::Certificates)>{words}</a> })
}

/// The certificates that were issued here, each with its page.
#[must_use]
pub fn issued(rows: &[CertificateRow]) -> Option<impl IntoView + use<>> {
    let number = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    (!rows.is_empty()).then(|| Panel::new("Issued here").count(number).flush(pages::certificates::table(rows)))
}

/// All certificates that the history speaks of, newest first.
#[must_use]
pub fn all(life: &Life<'_>) -> impl IntoView + use<> {
    let certificates = life.certificates();
    let panel = Panel::new("Certificates in its history").count(i64::try_from(certificates.len()).unwrap_or(0));
    if certificates.is_empty() {
        let empty = view! {
            <div class="empty">
                {icon(icons::CERT)}
                <p class="strong">"No certificate on record"</p>
                <p>"A device without a certificate can't prove who it is."</p>
            </div>
        };
        return panel.flush(empty).into_any();
    }
    let rows: Vec<_> = certificates.iter().rev().map(|certificate| row(certificate, life.now)).collect();
    let table = view! {
        <table class="table cards">
            <caption class="sr">"Certificates, newest first"</caption>
            <thead>
                <tr>
                    <th scope="col">"Serial number"</th>
                    <th scope="col">"State"</th>
                    <th scope="col">"Issued by"</th>
                    <th scope="col">"From"</th>
                    <th scope="col">"To"</th>
                    <th scope="col">"Remarks"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    panel.flush(frame("All certificates", table)).into_any()
}

fn row(certificate: &CertificateLife<'_>, now: Timestamp) -> impl IntoView + use<> {
    let status = standing(certificate, now).cell();
    let holds = certificate.held.iter().map(|(from, until)| {
        let until = until.map_or_else(|| "now".to_owned(), Timestamp::day_words);
        format!("on hold {} to {until}", from.day_words())
    });
    let revoked = certificate.revoked.map(|reason| format!("revoked: {reason}"));
    let remarks = holds.chain(revoked).collect::<Vec<_>>().join("; ");
    view! {
        <tr>
            <th scope="row">
                <span class="row">{icon_small(icons::KEY)}<span class="mono">{pairs(certificate.serial)}</span></span>
            </th>
            <td data-l="State">{status}</td>
            <td data-l="Issued by">{certificate.issuer.to_owned()}</td>
            <td data-l="From" class="nowrap">{day(certificate.from)}</td>
            <td data-l="To" class="nowrap">{day(certificate.ended.unwrap_or(certificate.not_after))}</td>
            <td data-l="Remarks" class="quiet">{remarks}</td>
        </tr>
    }
}
