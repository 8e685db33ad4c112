//! What a model asks of releases before each stage: a panel of the model's page.

use crate::{
    components::{
        form::{error_summary, hidden, submit},
        icons,
        panel::{Panel, facts},
        text::ago,
    },
    context::{Ctx, segment},
    pages::errors::who_may,
};
use domain::{
    person::Permission,
    release::{Stage, StageRule},
};
use fleet::release::{ModelStage, ModelStages};
use leptos::prelude::*;

/// The panel with a rule for each stage.
#[must_use]
pub fn panel(ctx: &Ctx, stages: &ModelStages) -> impl IntoView + use<> {
    let may = ctx.may(Permission::SettingManage);
    let columns: Vec<_> = stages
        .rules
        .iter()
        .map(|own| {
            let inner = if may { form(ctx, &stages.model.name, own) } else { shown(&own.rule) };
            let changed = match &own.changed {
                Some((at, by)) => view! { "Changed "{ago(*at, ctx.now)}" by "{by.clone()} }.into_any(),
                None => "As usual".into_any(),
            };
            view! {
                <div class="stack tight">
                    <h3>{format!("Before {}", own.stage.label().to_lowercase())}</h3>
                    <p class="small quiet">{changed}</p>
                    {inner}
                </div>
            }
        })
        .collect();
    let who = (!may).then(|| view! { <p class="small quiet">{who_may(Permission::SettingManage)}</p> });
    Panel::new("What releases need").id("stages").body(view! { <div class="cols two">{columns}</div> {who} })
}

fn form(ctx: &Ctx, model: &str, own: &ModelStage) -> AnyView {
    let typed = ctx.form.as_ref().filter(|form| form.value("stage") == own.stage.as_str());
    let (rule, stage) = (&own.rule, own.stage);
    // Of two forms with the same fields each label must lead to its own.
    let names = match stage {
        Stage::Production => ["production-checks", "production-soak", "production-verified"],
        _ => ["staging-checks", "staging-soak", "staging-verified"],
    };
    let fields = [
        ("checks", rule.checks.join(", ")),
        ("soak_hours", rule.soak_hours.to_string()),
        ("verified", rule.verified.to_string()),
    ];
    let labels = ["Checks that must have passed", "Hours in the stage before", "Devices that rollouts verified"];
    let hints = ["Their names, with commas between.", "0 for none.", "They reported it and lived with it; 0 for none."];
    let inputs: Vec<_> = fields
        .into_iter()
        .zip(names)
        .zip(labels.into_iter().zip(hints))
        .map(|(((name, value), id), (label, hint))| {
            let value = typed.map_or(value, |form| form.value(name).to_owned());
            let error = typed.and_then(|form| form.error(name)).map(str::to_owned);
            let invalid = error.is_some().then_some("true");
            view! {
                <div class="field">
                    <label for=id>{label}</label>
                    <input class="input" id=id name=name value=value maxlength="800" aria-invalid=invalid />
                    {error.map(|error| view! { <p class="hint bad">{icons::icon(icons::WARN)}{error}</p> })}
                    <p class="hint">{hint}</p>
                </div>
            }
        })
        .collect();
    let second = typed.map_or(rule.second_person, |form| form.has("second_person"));
    view! {
        <form class="stack tight" method="post" action=format!("/models/{}/stages", segment(model))>
            {error_summary(typed)}
            {hidden("stage", stage.as_str())}
            {inputs}
            <label class="choice">
                <input type="checkbox" name="second_person" value="yes" checked=second />
                <b>"A second person approves"</b>
                <small>"A manager who did not ask for it."</small>
            </label>
            <div>{submit(icons::CHECK, "Save")}</div>
        </form>
    }
    .into_any()
}

fn shown(rule: &StageRule) -> AnyView {
    let none = || "none".to_owned();
    let checks = if rule.checks.is_empty() { none() } else { rule.checks.join(", ") };
    let hours = if rule.soak_hours == 0 { none() } else { format!("{} h in the stage before", rule.soak_hours) };
    let devices = if rule.verified == 0 { none() } else { format!("{} verified by rollouts", rule.verified) };
    let second = if rule.second_person { "approves" } else { "not needed" };
    facts(vec![
        ("Checks", checks.into_any()),
        ("Time", hours.into_any()),
        ("Devices", devices.into_any()),
        ("Second person", second.into_any()),
    ])
    .into_any()
}
