//! A rollout that is to be approved, read out in words: everything that its hash covers, who is in it, how long it takes, and
//! what it does otherwise than the one before.

use super::detail::facts_of;
use crate::{
    components::{
        panel::{Panel, facts},
        text::{copy, fours, minute},
    },
    context::{Ctx, devices_href},
    pages::rollouts::{before, said, who},
};
use domain::{
    approval::ApprovalKind,
    rollout::{Frozen, Plan},
};
use fleet::{approval::ApprovalDetail, rollout::Crowds};
use leptos::prelude::*;
use serde::Deserialize;

/// How many of its devices are looked at to say who is in it.
const LOOKED_AT: usize = 10_000;

/// What an approval of a rollout shows.
#[derive(Deserialize)]
struct Shown {
    rollout: String,
    hash: String,
    plan: Plan,
    frozen: Frozen,
}

/// The panels; none for what is no rollout, or is not read as one.
pub(super) async fn panels(
    ctx: &Ctx,
    detail: &ApprovalDetail,
    place: AnyView,
) -> Result<Option<AnyView>, fleet::Error> {
    if detail.row.kind != ApprovalKind::Rollout {
        return Ok(None);
    }
    let Ok(shown) = serde_json::from_value::<Shown>(detail.detail.clone()) else { return Ok(None) };
    let before = ctx.fleet.rollout_before(&ctx.actor, shown.plan.release, Some(&shown.rollout)).await?;
    let plans: Vec<&Plan> = std::iter::once(&shown.plan).chain(before.as_ref().map(|before| &before.plan)).collect();
    let titles = before::titles(ctx, &plans).await?;
    let crowds = crowds(ctx, &shown).await?;
    let compared = before.as_ref().map(|before| {
        view! {
            {before::differences(before, (&shown.plan, Some(&shown.frozen)), &titles)}
            {before::panel(before)}
        }
    });
    let first = before.is_none().then(|| {
        Panel::new("Compared with the one before")
            .body(view! { <p class="soft">"It is the first of this product that would run."</p> })
    });
    Ok(Some(
        view! {
            <div class="stack loose">
                {whole(&shown, detail, &titles, crowds.as_ref(), place)}
                {compared}
                {first}
            </div>
        }
        .into_any(),
    ))
}

/// Who is in it, as long as it is frozen as it was shown.
async fn crowds(ctx: &Ctx, shown: &Shown) -> Result<Option<Crowds>, fleet::Error> {
    match ctx.fleet.rollout(&ctx.actor, &shown.rollout).await {
        Ok(now) if now.hash == shown.hash => {}
        Ok(_) | Err(fleet::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    }
    match ctx.fleet.rollout_crowds(&ctx.actor, &shown.rollout, LOOKED_AT).await {
        Ok(crowds) => Ok(Some(crowds)),
        Err(fleet::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Everything that the hash covers.
fn whole(
    shown: &Shown,
    detail: &ApprovalDetail,
    titles: &said::Titles,
    crowds: Option<&Crowds>,
    place: AnyView,
) -> impl IntoView + use<> {
    let Shown { plan, frozen, .. } = shown;
    let release = titles.get(&plan.release).cloned().unwrap_or_else(|| plan.release.to_string());
    let to = format!("/releases/{}", plan.release);
    let target = said::target(plan, Some(frozen));
    let first = vec![
        ("Release", view! { <a href=to>{release}</a> }.into_any()),
        ("To", view! { <a href=devices_href(&plan.target)>{target}</a> }.into_any()),
        ("Done", done(crowds)),
    ];
    let rules: Vec<_> = said::cohorts(plan, Some(frozen), titles)
        .into_iter()
        .chain(said::rules(plan, titles))
        .map(|line| view! { <dt>{line.term}</dt><dd>{line.words}</dd> })
        .collect();
    let hash = detail.row.hash.clone();
    let assumed = crowds.filter(|crowds| !crowds.forecast.is_empty()).map(|_| who::assumed());
    Panel::new("What exactly").aside(place).flush(view! {
        <div class="body">{facts(first)}</div>
        {waves(shown, crowds)}
        <div class="body stack">
            {assumed}
            <dl class="facts rule decision">{rules}</dl>
            <details class="data">
                <summary>"Word for word, as it is hashed"</summary>
                {facts_of(&detail.detail)}
            </details>
            <div class="hashbox">
                <div>
                    <span class="small quiet">"You approve exactly this: its SHA-256"</span><br />
                    {fours(&hash)}
                </div>
                {copy("hash", &hash)}
            </div>
        </div>
    })
}

fn done(crowds: Option<&Crowds>) -> AnyView {
    match crowds.and_then(|crowds| who::done_at(&crowds.forecast)) {
        Some(at) => view! { "about " {minute(at)} " UTC, approved now and if nothing goes wrong" }.into_any(),
        None if crowds.is_some_and(|crowds| !crowds.forecast.is_empty()) => {
            "not by itself: a wave would not get through its gate, see below".into_any()
        }
        None => view! { <span class="quiet">"can not be said any more"</span> }.into_any(),
    }
}

/// Wave by wave: who, and what its gate says.
fn waves(shown: &Shown, crowds: Option<&Crowds>) -> impl IntoView + use<> {
    let all = said::waves(&shown.plan, Some(&shown.frozen));
    let last = all.len().saturating_sub(1);
    let rows: Vec<_> = all
        .into_iter()
        .enumerate()
        .map(|(n, (wave, gate))| {
            let gate: Vec<_> = gate.into_iter().map(|words| view! { <p>{words}</p> }).collect();
            let makeup = crowds.and_then(|crowds| crowds.waves.get(n)).map(who::makeup);
            let forecast = crowds.and_then(|crowds| crowds.forecast.get(n.checked_sub(crowds.first)?));
            let through = forecast.map(|forecast| who::through(forecast, n == last));
            view! {
                <li>
                    <div class="stack tight">
                        <h3><b>{wave.term}</b></h3>
                        <p><b>{wave.words}</b></p>
                        {gate}
                        {makeup}
                        {through}
                    </div>
                </li>
            }
        })
        .collect();
    view! { <ul class="list">{rows}</ul> }
}
