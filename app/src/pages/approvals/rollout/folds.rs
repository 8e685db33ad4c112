//! What stands behind the decision on a rollout, each part folded away with its gist in sight.

use super::{Shown, Whole};
use crate::{
    components::{panel::fold, text::plural},
    pages::rollouts::{before, forecast, forecast_worst, said, who},
};
use domain::rollout::Foreseen;
use leptos::prelude::*;

/// So many differences are shown at once: more of them are folded away.
const FEW: usize = 3;

/// All parts, those that decide most first.
pub(super) fn all(whole: &Whole<'_>) -> impl IntoView + use<> {
    view! {
        {compared(whole)}
        {waves(whole)}
        {rules(whole)}
        {whole.foreseen.as_ref().map(|foreseen| expected(whole.shown, foreseen))}
        {whole.before.map(|before| fold("The last one of this product", before::gist(before), false, before::table(before)))}
        {fold("Word for word", "as it is hashed", false, word_for_word(whole))}
    }
}

/// What is hashed, as it is kept.
fn word_for_word(whole: &Whole<'_>) -> impl IntoView + use<> {
    // Its alternate form is JSON on lines of its own.
    view! { <pre class="json flat" tabindex="0">{format!("{:#}", whole.detail.detail)}</pre> }
}

fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// What it does otherwise than the one before.
fn compared(whole: &Whole<'_>) -> AnyView {
    let title = "Compared with the one before";
    let Some(before) = whole.before else {
        return view! { <p class="folded off"><span class="gist"><b>{title}</b><small>"It is the first of this product that would run."</small></span></p> }
            .into_any();
    };
    let found = before::differences(before, (&whole.shown.plan, Some(&whole.shown.frozen)), &whole.titles);
    let gist = match found.len() {
        0 => format!("nothing differs from {} but its name", before.name),
        n => format!("{} from {}", plural(number(n), "difference", "differences"), before.name),
    };
    let is_open = (1..=FEW).contains(&found.len());
    let way = format!("/rollouts/{}", crate::context::segment(&before.code));
    let body = view! {
        {before::difference_list(found)}
        <p class="inset small"><a href=way>{before.name.clone()}</a></p>
    };
    fold(title, gist, is_open, body).into_any()
}

/// Wave by wave: who, and what its gate says.
fn waves(whole: &Whole<'_>) -> impl IntoView + use<> {
    let crowds = whole.crowds.as_ref();
    let all = said::waves(&whole.shown.plan, Some(&whole.shown.frozen));
    let last = all.len().saturating_sub(1);
    let sizes: Vec<String> = whole.shown.frozen.waves.iter().map(|wave| super::number(wave.count)).collect();
    let gist = format!("{} devices", sizes.join(", then "));
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
    let assumed = crowds
        .filter(|crowds| !crowds.forecast.is_empty())
        .map(|_| view! { <div class="inset">{who::assumed()}</div> });
    fold("Waves and gates", gist, false, view! { <ul class="list">{rows}</ul> {assumed} })
}

/// Cohorts, experiment, and all other rules.
fn rules(whole: &Whole<'_>) -> impl IntoView + use<> {
    let plan = &whole.shown.plan;
    let lines: Vec<_> = said::cohorts(plan, Some(&whole.shown.frozen), &whole.titles)
        .into_iter()
        .chain(said::experiment(plan))
        .chain(said::rules(plan, &whole.titles))
        .map(|line| view! { <dt>{line.term}</dt><dd>{line.words}</dd> })
        .collect();
    let (title, gist) = match (&plan.experiment, &plan.cohorts) {
        (Some(_), _) => ("Experiment and rules", "cohorts, what decides, when, how quickly, what follows"),
        (None, Some(_)) => ("Cohorts and rules", "who gets what, when, how quickly, what follows"),
        (None, None) => ("Rules", "when, how quickly, how often, what follows"),
    };
    fold(title, gist, false, view! { <div class="body"><dl class="facts rule decision">{lines}</dl></div> })
}

/// What was foreseen of it.
fn expected(shown: &Shown, foreseen: &Foreseen) -> impl IntoView + use<> {
    let most = foreseen.worst.iter().map(|loss| loss.most).max().unwrap_or_default();
    let lost = format!("at most {} lost in nine of ten cases, whatever the share", super::number(most));
    let course = view! {
        <div class="body">{forecast::expected(foreseen, &shown.plan, None)}</div>
        {forecast::wave_table(foreseen, &shown.plan)}
    };
    let worst = view! {
        {forecast_worst::table(foreseen, None)}
        <p class="inset small quiet">{forecast_worst::COLUMNS}</p>
    };
    view! {
        {fold("Expected course", forecast::gist(foreseen), false, course)}
        {fold("If it bricks devices", lost, false, worst)}
    }
}
