//! A rollout that is to be approved: what decides first, and folded behind it everything that its hash covers, in words.

mod folds;

use crate::{
    components::{
        panel::{Panel, facts, figures},
        text::{copy, fours, minute},
    },
    context::{Ctx, devices_href},
    pages::rollouts::{before, forecast, forecast_worst, number, said, typed::percent, who},
};
use domain::{
    approval::ApprovalKind,
    rollout::{Foreseen, Frozen, Loss, Plan, Stop},
};
use fleet::{
    approval::ApprovalDetail,
    rollout::{Crowds, RolloutBefore, RolloutDetail},
};
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

/// Everything that is said of it.
struct Whole<'a> {
    shown: &'a Shown,
    detail: &'a ApprovalDetail,
    titles: said::Titles,
    crowds: Option<Crowds>,
    foreseen: Option<Foreseen>,
    before: Option<&'a RolloutBefore>,
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
    let titles = before::titles(ctx, &shown.rollout, &plans).await?;
    let (crowds, kept) = crowds(ctx, &shown).await?;
    let altered = matches!(kept, Kept::Altered).then(|| view! { <div class="body">{forecast::altered()}</div> });
    let foreseen = kept.foreseen();
    let whole = Whole { shown: &shown, detail, titles, crowds, foreseen, before: before.as_ref() };
    Ok(Some(
        Panel::new("What exactly")
            .aside(place)
            .flush(view! { {altered} {decides(&whole)} {folds::all(&whole)} })
            .into_any(),
    ))
}

/// What was foreseen of it when it was submitted.
enum Kept {
    Nothing,
    Foreseen(Box<Foreseen>),
    /// What is kept is not what was submitted.
    Altered,
}

impl Kept {
    fn of(detail: RolloutDetail) -> Self {
        match detail.foreseen {
            _ if detail.is_forecast_altered => Self::Altered,
            Some(foreseen) => Self::Foreseen(Box::new(foreseen)),
            None => Self::Nothing,
        }
    }

    fn foreseen(self) -> Option<Foreseen> {
        match self {
            Self::Foreseen(foreseen) => Some(*foreseen),
            Self::Nothing | Self::Altered => None,
        }
    }
}

/// Who is in it, and what was foreseen of it, as long as it is frozen as it was shown.
async fn crowds(ctx: &Ctx, shown: &Shown) -> Result<(Option<Crowds>, Kept), fleet::Error> {
    let kept = match ctx.fleet.rollout(&ctx.actor, &shown.rollout).await {
        Ok(now) if now.hash == shown.hash => Kept::of(now),
        Ok(_) | Err(fleet::Error::NotFound { .. }) => return Ok((None, Kept::Nothing)),
        Err(error) => return Err(error),
    };
    match ctx.fleet.rollout_crowds(&ctx.actor, &shown.rollout, LOOKED_AT).await {
        Ok(crowds) => Ok((Some(crowds), kept)),
        Err(fleet::Error::NotFound { .. }) => Ok((None, kept)),
        Err(error) => Err(error),
    }
}

/// What decides: how many, what it could cost, for how long, and what the approval is bound to.
fn decides(whole: &Whole<'_>) -> impl IntoView + use<> {
    let Shown { plan, frozen, .. } = whole.shown;
    let release = said::title(&whole.titles, plan.release);
    let to = format!("/releases/{}", plan.release);
    let target = said::target(plan, Some(frozen));
    let mut rows = vec![
        ("Release", view! { <a href=to>{release}</a> }.into_any()),
        ("To", view! { <a href=devices_href(&plan.target)>{target}</a> }.into_any()),
    ];
    if let Some(experiment) = &plan.experiment {
        rows.push(("To find out", format!("“{}”", experiment.hypothesis).into_any()));
    }
    rows.push(("At a limit", said::reaction(plan, &whole.titles).into_any()));
    rows.push(("Done", done(whole.crowds.as_ref())));
    let worst = whole.foreseen.as_ref().and_then(forecast_worst::sentence);
    let hash = whole.detail.row.hash.clone();
    view! {
        <div class="body stack">
            {figures(at_a_glance(whole))}
            {worst.map(|worst| view! { <p><b>{worst}</b></p> })}
            {facts(rows)}
            <div class="hashbox">
                <div>
                    <span class="small quiet">"You approve exactly this: its SHA-256"</span><br />
                    {fours(&hash)}
                </div>
                {copy("hash", &hash)}
            </div>
        </div>
    }
}

/// The figures that decide.
fn at_a_glance(whole: &Whole<'_>) -> Vec<(AnyView, String, bool)> {
    let Shown { plan, frozen, .. } = whole.shown;
    let mut all = vec![(number(frozen.count).into_any(), "devices get it".to_owned(), false)];
    if let [first, _, ..] = frozen.waves.as_slice() {
        let of = format!("of them first, in {} waves", plan.waves.len());
        all.push((number(first.count).into_any(), of, false));
    }
    let Some(foreseen) = &whole.foreseen else { return all };
    if let Some(loss) = forecast_worst::told(foreseen) {
        all.push((number(loss.expected).into_any(), lost(loss), loss.most > 0));
    }
    match foreseen.course.takes {
        Some(takes) => all.push((forecast::span(takes.mid).into_any(), "until it is through".to_owned(), false)),
        None => all.push(("never".into_any(), "through its last gate, as it is planned".to_owned(), true)),
    }
    all
}

/// Of what so many are lost, in a few words.
fn lost(loss: &Loss) -> String {
    let share = percent(loss.bricked);
    match loss.stop {
        Stop::Halted(wave) | Stop::Held(wave) => format!("lost if it bricks {share} %, until wave {}’s gate", wave + 1),
        Stop::Nothing => format!("lost if it bricks {share} %: no gate stops it"),
    }
}

fn done(crowds: Option<&Crowds>) -> AnyView {
    match crowds.and_then(|crowds| who::done_at(&crowds.forecast)) {
        Some(at) => view! { "about " {minute(at)} " UTC, approved now and if nothing goes wrong" }.into_any(),
        None if crowds.is_some_and(|crowds| !crowds.forecast.is_empty()) => {
            "not by itself: a wave would not get through its gate".into_any()
        }
        None => view! { <span class="quiet">"can not be said any more"</span> }.into_any(),
    }
}
