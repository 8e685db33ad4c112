//! Certificates: every one that was ever issued, and how it stands.

pub(super) mod decoded;
mod expiry;
mod one;

pub use expiry::load as load_expiry;
pub use one::load as load_one;

use crate::{
    components::{
        icons::{self, icon},
        panel::{Panel, head, link_button},
        status::Status,
        table::{Pager, chip, frame, no_match, none_yet, pager},
        text::{copy, count, day, mono, plural},
    },
    context::{Ctx, href, segment},
    page::Page,
};
use domain::certificate::{CertificatePurpose, CertificateStanding};
use fleet::{
    authority::AuthorityRow,
    certificate::{CertificateFilter, CertificatePage, CertificateRow},
};
use leptos::prelude::*;

/// Certificates are counted so far.
const MOST: i64 = 10_000;

/// An end that is so many days away is no bound.
const FAR: i64 = 36_500;

/// What the address asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    authority: Option<String>,
    purpose: Option<CertificatePurpose>,
    standing: Option<CertificateStanding>,
    device: Option<String>,
    within: Option<i64>,
    after: Option<i64>,
    renewed: Option<i64>,
    cursor: Option<String>,
}

impl Wanted {
    fn of(ctx: &Ctx) -> Self {
        let value = |name: &str| ctx.query_value(name);
        Self {
            authority: value("authority"),
            purpose: value("purpose").and_then(|word| word.parse().ok()),
            standing: value("standing").and_then(|word| word.parse().ok()),
            device: value("device"),
            within: value("within").and_then(|days| days.parse().ok()),
            after: value("after").and_then(|days| days.parse().ok()),
            renewed: value("renewed").and_then(|days| days.parse().ok()),
            cursor: value("from"),
        }
    }

    fn filter(&self) -> CertificateFilter {
        CertificateFilter {
            authority: self.authority.clone(),
            purpose: self.purpose,
            standing: self.standing,
            device: self.device.clone(),
            expires_within_days: self.within,
            expires_after_days: self.after,
            renewed_within_days: self.renewed,
            cursor: self.cursor.clone(),
            limit: 0,
        }
    }

    fn any(&self) -> bool {
        let words = [self.authority.is_some(), self.purpose.is_some(), self.standing.is_some(), self.device.is_some()];
        words.contains(&true) || self.within.is_some() || self.after.is_some() || self.renewed.is_some()
    }
}

/// `/certificates`.
///
/// # Errors
/// When the actor may not see certificates, the filter names an authority that isn't there, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let wanted = Wanted::of(&ctx);
    let page = ctx.fleet.certificates(&ctx.actor, &wanted.filter()).await?;
    let authorities = ctx.fleet.authorities(&ctx.actor).await?;
    let body = match (page.rows.is_empty(), wanted.any()) {
        (true, true) => no_match("No certificate is like that", "/certificates").into_any(),
        (true, false) => none_yet(
            "No certificate yet",
            view! { <p>"A factory station enrols devices, a file brings them, or a kit is made on a device's page."</p> },
        )
        .into_any(),
        _ => table(&page.rows).into_any(),
    };
    let panel = Panel::new(total_words(page.total));
    let panel = if page.rows.is_empty() { panel } else { panel.footer(pager(pages(&ctx, &page, &wanted))) };
    let sub = view! { <p>"Every certificate that was ever issued. None is deleted."</p> };
    let acts = (
        link_button("/certificates/expiry", icons::CLOCK, "What ends when"),
        link_button("/authorities", icons::SHIELD, "Authorities"),
    );
    let body = view! {
        {head("Certificates", sub, acts)}
        {search(&wanted, &authorities)}
        {ending(&ctx, &wanted)}
        {renewed(&ctx, &wanted)}
        {panel.flush(body)}
    };
    Ok(Page::new("Certificates", body).live("certificate,revocation,device"))
}

/// `438 certificates`; beyond a limit they are not counted.
fn total_words(total: i64) -> String {
    match total {
        total if total > MOST => format!("More than {} certificates", count(MOST)),
        total => plural(total, "certificate", "certificates"),
    }
}

/// By when they end, where the address says so: no field does.
fn ending(ctx: &Ctx, wanted: &Wanted) -> Option<impl IntoView + use<>> {
    let words = match (wanted.after, wanted.within) {
        (None, None) => return None,
        (Some(after), Some(0)) if after < 0 => format!("in the last {}", plural(-after, "day", "days")),
        (None | Some(0), Some(within)) => format!("within {}", plural(within, "day", "days")),
        (Some(after), Some(within)) if within < FAR => format!("in {after} to {within} days"),
        (Some(after), _) => format!("in more than {}", plural(after, "day", "days")),
    };
    let without = ctx.href_with(&[("after", None), ("within", None), ("from", None)]);
    let key = if wanted.within == Some(0) { "Ended" } else { "Ends" };
    Some(view! { <div class="chips">{chip(key, words, without)}</div> })
}

/// Since when they replace others, where the address says so.
fn renewed(ctx: &Ctx, wanted: &Wanted) -> Option<impl IntoView + use<>> {
    let words = format!("in the last {}", plural(wanted.renewed?, "day", "days"));
    let without = ctx.href_with(&[("renewed", None), ("from", None)]);
    Some(view! { <div class="chips">{chip("Renewals", words, without)}</div> })
}

fn pages(ctx: &Ctx, page: &CertificatePage, wanted: &Wanted) -> Pager {
    let shown = i64::try_from(page.rows.len()).unwrap_or(i64::MAX);
    Pager {
        summary: match page.total {
            total if total > MOST => format!("{} of more than {}", count(shown), count(MOST)),
            total => format!("{} of {}", count(shown), count(total)),
        },
        previous: wanted.cursor.is_some().then(|| ctx.href_with(&[("from", None)])),
        next: page.next.as_deref().map(|cursor| ctx.href_with(&[("from", Some(cursor))])),
    }
}

fn choice(value: &str, label: &str, chosen: bool) -> impl IntoView + use<> {
    view! { <option value=value.to_owned() selected=chosen>{label.to_owned()}</option> }
}

fn search(wanted: &Wanted, authorities: &[AuthorityRow]) -> impl IntoView + use<> {
    let of_authority: Vec<_> = authorities
        .iter()
        .map(|row| {
            let slug = &row.authority.slug;
            choice(slug, &row.authority.name, wanted.authority.as_deref() == Some(slug.as_str()))
        })
        .collect();
    let of_purpose: Vec<_> = CertificatePurpose::ALL
        .iter()
        .map(|purpose| choice(purpose.as_str(), purpose.label(), wanted.purpose == Some(*purpose)))
        .collect();
    let of_standing: Vec<_> = CertificateStanding::ALL
        .iter()
        .map(|standing| choice(standing.as_str(), Status::from(*standing).word, wanted.standing == Some(*standing)))
        .collect();
    let device = wanted.device.clone().unwrap_or_default();
    let days = |name: &'static str, days: Option<i64>| {
        days.map(|days| view! { <input type="hidden" name=name value=days.to_string() /> })
    };
    view! {
        <form class="filters" role="search" method="get" action="/certificates">
            {days("within", wanted.within)}
            {days("after", wanted.after)}
            {days("renewed", wanted.renewed)}
            <div class="field">
                <label for="authority">"Signed by"</label>
                <select class="input" id="authority" name="authority"><option value="">"Any authority"</option>{of_authority}</select>
            </div>
            <div class="field">
                <label for="purpose">"For"</label>
                <select class="input" id="purpose" name="purpose"><option value="">"Anything"</option>{of_purpose}</select>
            </div>
            <div class="field">
                <label for="standing">"Standing"</label>
                <select class="input" id="standing" name="standing"><option value="">"Any"</option>{of_standing}</select>
            </div>
            <div class="field">
                <label for="device">"Device"</label>
                <input class="input" id="device" name="device" value=device maxlength="200" placeholder="Serial" />
            </div>
            <button class="btn" type="submit">{icon(icons::SEARCH)}"Filter"</button>
        </form>
    }
}

/// The address of a certificate's page.
pub(crate) fn path(authority: &str, serial: &str) -> String {
    format!("/certificates/{}/{}", segment(authority), segment(serial))
}

/// A table of certificates.
pub(super) fn table(rows: &[CertificateRow]) -> impl IntoView + use<> {
    let rows: Vec<_> = rows.iter().map(line).collect();
    frame(
        "Certificates",
        view! {
            <table class="table cards">
                <caption class="sr">"Certificates"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Serial number"</th>
                        <th scope="col">"For"</th>
                        <th scope="col">"Standing"</th>
                        <th scope="col">"Signed by"</th>
                        <th scope="col">"From"</th>
                        <th scope="col">"To"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

fn line(row: &CertificateRow) -> impl IntoView + use<> {
    let standing = Status::from(row.status);
    view! {
        <tr>
            <th scope="row">
                <a class="mono clip serial-no" href=path(&row.authority_slug, &row.serial) title=row.serial.clone()>
                    {row.serial.clone()}
                </a>
            </th>
            <td data-l="For">{whose(row)}</td>
            <td data-l="Standing">{standing.cell()}</td>
            <td data-l="Signed by">
                <a href=href(&format!("/authorities/{}", segment(&row.authority_slug)), &[] as &[(&str, &str)])>
                    {row.authority_name.clone()}
                </a>
            </td>
            <td data-l="From" class="nowrap">{day(row.not_before)}</td>
            <td data-l="To" class="nowrap">{day(row.not_after)}</td>
        </tr>
    }
}

/// Whose certificate it is.
pub(super) fn whose(row: &CertificateRow) -> AnyView {
    match (&row.device_serial, row.purpose) {
        (Some(serial), CertificatePurpose::Device) if !row.is_device => {
            view! { {serial.clone()} " " <span class="quiet">"no such device"</span> }.into_any()
        }
        (Some(serial), CertificatePurpose::Device) => {
            view! { <a href=format!("/devices/{}", segment(serial))>{serial.clone()}</a> }.into_any()
        }
        (_, purpose) => view! { {row.name.clone()} " " <span class="tag">{purpose.label()}</span> }.into_any(),
    }
}

/// A serial number in full, with a way to copy it.
pub(super) fn serial_number(serial: &str) -> AnyView {
    view! { {mono(serial.to_owned())} {copy("serial number", serial)} }.into_any()
}
