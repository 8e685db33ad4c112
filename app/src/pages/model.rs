//! A model: how what its devices report is read, what is known of makers, and what follows from a suspicion.

use crate::{
    components::{
        form::{Field, error_summary, submit},
        icons,
        panel::{Panel, facts, head, link_button},
        text::minute,
    },
    context::{Ctx, devices_href, segment},
    page::Page,
    pages::errors::who_may,
};
use domain::{person::Permission, query::quoted, suspicion::Response};
use fleet::check_in::ModelRules;
use leptos::prelude::*;

/// `/models/{name}`.
///
/// # Errors
/// When the actor may not see the fleet, there is no such model, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let rules = ctx.fleet.model_rules(&ctx.actor, ctx.param("name")).await?;
    let stages = ctx.fleet.stage_rules(&ctx.actor, ctx.param("name")).await?;
    let model = &rules.model;
    let inner = if ctx.may(Permission::SettingManage) { form(&ctx, &rules) } else { shown(&rules) };
    let changed = match &rules.changed {
        Some((at, by)) => view! { "The rules were changed " {minute(*at)} " by " {by.clone()} "." }.into_any(),
        None => "The rules are the usual ones.".into_any(),
    };
    let devices = link_button(devices_href(&format!("model:{}", quoted(&model.name))), icons::SEARCH, "Its devices");
    let body = view! {
        {head(format!("Model {}", model.name), view! { <p>"How its devices are read and judged. " {changed}</p> }, devices)}
        {super::releases::stages(&ctx, &stages)}
        <div class="cols lead">
            {Panel::new("Rules").body(inner)}
            {Panel::new("How they are written").body(advice())}
        </div>
    };
    Ok(Page::new(format!("Model {}", model.name), body).crumb("Devices", "/devices").live("model"))
}

/// The score from which on something is done, as it is typed.
fn threshold(rules: &ModelRules, response: Response) -> String {
    rules.policy.threshold(response).map(|score| score.to_string()).unwrap_or_default()
}

fn form(ctx: &Ctx, rules: &ModelRules) -> AnyView {
    let form = ctx.form.as_ref().filter(|form| !form.has("stage"));
    let typed = |name: &'static str, label: &'static str, value: String| {
        let field = Field::new(form, name, label).max_length(3);
        // A field that was emptied means never: then what is stored must not come back.
        if form.is_some() { field } else { field.value(value) }
    };
    let score = |response: Response| threshold(rules, response);
    let text = |name: &'static str, label: &'static str, value: &str| {
        let field = Field::new(form, name, label).mono();
        if form.is_some() { field } else { field.value(value) }
    };
    view! {
        <form class="stack" method="post" action=format!("/models/{}", segment(&rules.model.name))>
            {error_summary(form)}
            {text("mapping", "What attributes mean", &rules.mapping)
                .hint("A line for each: attribute = slot identifier, = firmware, or = metric name.").textarea(24)}
            {text("makers", "What is known of makers", &rules.makers)
                .hint("oui d8:80:39 = Microchip, or tac 86194105 = EG25-G. A maker of whom nothing is known is not doubted.").textarea(6)}
            {text("poll", "Seconds between two polls", &rules.model.poll_interval_s.to_string())
                .hint("Devices are told so at each poll. Who polls more often by far looks like a copy.").input()}
            <fieldset class="stack tight">
                <legend>"From which score on"</legend>
                <div class="scores">
                    {typed("note", "It is noted", score(Response::Note)).input()}
                    {typed("ask", "A person is asked", score(Response::Ask)).input()}
                    {typed("hold", "Certificate on hold", score(Response::Hold)).input()}
                    {typed("quarantine", "Quarantined", score(Response::Quarantine)).input()}
                </div>
                <p class="small quiet">"1 to 100; empty for never. Weak signals alone, and golden images, never do more than ask. "{QUARANTINED}</p>
            </fieldset>
            <div>{submit(icons::CHECK, "Save")}</div>
        </form>
    }
    .into_any()
}

/// Why a device is called quarantined at the score for a hold.
const QUARANTINED: &str = "A device whose certificate is on hold is called quarantined, too: either way it polls and reports, \
    and gets nothing else until somebody releases it.";

fn shown(rules: &ModelRules) -> AnyView {
    let score = |response: Response| match threshold(rules, response).as_str() {
        "" => "never".into_any(),
        score => format!("from {score}").into_any(),
    };
    let makers = if rules.makers.trim().is_empty() { "Nothing is known.".to_owned() } else { rules.makers.clone() };
    view! {
        <div class="stack">
            <h3>"What attributes mean"</h3>
            <pre class="mono note-text" tabindex="0">{rules.mapping.clone()}</pre>
            <h3>"What is known of makers"</h3>
            <pre class="mono note-text" tabindex="0">{makers}</pre>
            {facts(vec![
                ("Noted", score(Response::Note)),
                ("A person is asked", score(Response::Ask)),
                ("Certificate on hold", score(Response::Hold)),
                ("Quarantined", score(Response::Quarantine)),
                ("Between two polls", format!("{} s", rules.model.poll_interval_s).into_any()),
            ])}
            <p class="small quiet">{QUARANTINED}</p>
            <p class="small quiet">{who_may(Permission::SettingManage)}</p>
        </div>
    }
    .into_any()
}

fn advice() -> impl IntoView {
    view! {
        <ul class="rules">
            <li>"The first line that fits an attribute counts. A star stands for the same on both sides: hw.eth*.mac = eth* identifier."</li>
            <li>"After “identifier”: local, for addresses that may be made up; unlisted, for parts that manifests need not list."</li>
            <li>"model, serial and version say more of a part. What no line takes is kept and shown, and means nothing."</li>
            <li>"A change holds for what devices report next. What is on record stays."</li>
            <li>"Whatever follows by itself can be undone. Only people revoke."</li>
        </ul>
    }
}
