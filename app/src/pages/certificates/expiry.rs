//! What ends when: the certificates of devices and of everything else, by the time that is left to them.

use crate::{
    charts::columns::{Column, Words, columns},
    components::{
        icons,
        panel::{Panel, head, link_button},
        status::authority_icon,
        table::none_yet,
        text::{count, plural},
    },
    context::{Ctx, href},
    page::Page,
    pages::authorities::ends,
};
use domain::{
    authority::AuthorityState,
    time::{DAY, Timestamp},
};
use fleet::{
    authority::AuthorityRow,
    certificate::{Expiry, ExpiryBucket},
};
use leptos::prelude::*;

const WORDS: Words = Words { caption: "Certificates by the time that is left", of: "Time left", unit: "Certificates" };
/// So many authorities are named, those that end first.
const NAMED: usize = 8;

/// `/certificates/expiry`.
///
/// # Errors
/// When the actor may not see certificates, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let of = ctx.query_value("authority");
    let overview = ctx.fleet.expiry(&ctx.actor, of.as_deref()).await?;
    let authorities = ctx.fleet.authorities(&ctx.actor).await?;
    let total: i64 = overview.buckets.iter().map(|bucket| bucket.count).sum();
    let chart = if total == 0 {
        Panel::new("Certificates by the time that is left")
            .flush(none_yet(
                "No certificate yet",
                view! { <p>"Once devices are enrolled, their ends are counted here."</p> },
            ))
            .into_any()
    } else {
        Panel::new("Certificates by the time that is left")
            .aside(view! { <a href="/certificates">{plural(total, "certificate", "certificates")}</a> })
            .body(picture(&overview, of.as_deref(), ctx.now))
            .into_any()
    };
    let sub = view! { <p>"A device renews its certificate when its kit's renew.sh runs: set a timer for that, from two thirds of the certificate's life on. What is past that and silent needs somebody."</p> };
    let body = view! {
        {head("What ends when", sub, link_button("/certificates", icons::CERT, "All certificates"))}
        {filter(&authorities, of.as_deref())}
        <div class="cols lead">
            <div class="stack loose">
                {chart}
                {soonest(&authorities, ctx.now)}
            </div>
            {Panel::new("How many end when").flush(list(&overview, of.as_deref(), ctx.now))}
        </div>
    };
    Ok(Page::new("What ends when", body).crumb("Certificates", "/certificates").live("certificate"))
}

/// Whose certificates are counted.
fn filter(authorities: &[AuthorityRow], of: Option<&str>) -> impl IntoView + use<> {
    let choices: Vec<_> = authorities
        .iter()
        .map(|row| {
            let (slug, name) = (row.authority.slug.clone(), row.authority.name.clone());
            let selected = of == Some(slug.as_str());
            view! { <option value=slug selected=selected>{name}</option> }
        })
        .collect();
    view! {
        <form class="filters" role="search" method="get" action="/certificates/expiry">
            <div class="field">
                <label for="authority">"Signed by"</label>
                <select class="input" id="authority" name="authority"><option value="">"Any authority"</option>{choices}</select>
            </div>
            <button class="btn" type="submit">{icons::icon(icons::SEARCH)}"Filter"</button>
        </form>
    }
}

/// The list behind a number.
fn list_href(pairs: &[(&str, String)], of: Option<&str>) -> String {
    let mut pairs = pairs.to_vec();
    pairs.extend(of.map(|slug| ("authority", slug.to_owned())));
    href("/certificates", &pairs)
}

/// The list behind a number: what ends between two days from now.
fn bucket_href(bucket: &ExpiryBucket, of: Option<&str>, now: Timestamp) -> String {
    let days = |at: Timestamp| (at.0 - now.0 + DAY / 2).div_euclid(DAY).to_string();
    list_href(&[("after", days(bucket.from)), ("within", days(bucket.to))], of)
}

fn picture(overview: &Expiry, of: Option<&str>, now: Timestamp) -> impl IntoView + use<> {
    let soon: i64 =
        overview.buckets.iter().filter(|bucket| bucket.to <= now.plus(30 * DAY)).map(|bucket| bucket.count).sum();
    let finding = format!("{} within 30 days or ended lately.", plural(soon, "certificate ends", "certificates end"));
    let bars = overview
        .buckets
        .iter()
        .map(|bucket| Column {
            label: short(bucket.word).to_owned(),
            name: bucket.label.to_owned(),
            value: bucket.count,
            href: bucket_href(bucket, of, now),
        })
        .collect();
    columns(WORDS, finding, bars)
}

/// A span in so few letters that they fit below a column on a phone.
fn short(word: &str) -> &str {
    match word {
        "expired" => "ended",
        "7d" => "7 d",
        "30d" => "30 d",
        "90d" => "90 d",
        "1y" => "1 y",
        other => other,
    }
}

fn list(overview: &Expiry, of: Option<&str>, now: Timestamp) -> impl IntoView + use<> {
    let rows: Vec<_> = overview
        .buckets
        .iter()
        .map(|bucket| {
            let to = bucket_href(bucket, of, now);
            view! { <li>{bucket.label}<span class="push num"><a href=to>{count(bucket.count)}</a></span></li> }
        })
        .collect();
    let renewed = view! {
        <li><span class="quiet">"Renewed in the last 30 days"</span><span class="push num"><a href=list_href(&[("renewed", "30".to_owned())], of)>{count(overview.renewed)}</a></span></li>
    };
    view! { <ul class="lines">{rows}{renewed}</ul> }
}

/// The authorities that end first: with one of these ends what it signed.
fn soonest(authorities: &[AuthorityRow], now: Timestamp) -> Option<impl IntoView + use<>> {
    let mut active: Vec<&AuthorityRow> = authorities
        .iter()
        .filter(|row| row.authority.state == AuthorityState::Active && row.authority.not_after.is_some())
        .collect();
    if active.is_empty() {
        return None;
    }
    active.sort_by_key(|row| row.authority.not_after);
    let rows: Vec<_> = active
        .into_iter()
        .take(NAMED)
        .map(|row| {
            let authority = &row.authority;
            let to = format!("/authorities/{}", crate::context::segment(&authority.slug));
            view! {
                <li>
                    {icons::icon(authority_icon(authority.kind))}
                    <a href=to>{authority.name.clone()}</a>
                    <span class="push">{ends(authority.not_after, now)}</span>
                </li>
            }
        })
        .collect();
    Some(Panel::new("Authorities that end first").flush(view! { <ul class="lines">{rows}</ul> }))
}
