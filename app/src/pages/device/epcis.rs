//! The device's life in the words of GS1 EPCIS 2.0, event by event.

use super::place::Place;
use crate::{
    components::{
        icons::{self, icon},
        panel::Panel,
        text::{copy, minute, tag},
    },
    context::Ctx,
};
use domain::time::Timestamp;
use leptos::prelude::*;
use serde_json::Value;

/// More events than this make a page that no browser likes; the file has all.
const SHOWN: usize = 200;

/// The panel.
///
/// # Errors
/// When the actor may not see the fleet, or the database fails.
pub async fn panel(ctx: &Ctx, place: &Place) -> Result<impl IntoView + use<>, fleet::Error> {
    let document = ctx.fleet.epcis_of_device(&ctx.actor, &place.serial).await?;
    let events: &[Value] = document["epcisBody"]["eventList"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<_> = events.iter().rev().take(SHOWN).map(event).collect();
    let aside = view! {
        <span class="hide-phone">"Newest first"</span>
        <a class="btn small" href=place.epcis_file()>{icon(icons::DOWNLOAD)}"Download"</a>
    };
    let n = i64::try_from(events.len()).unwrap_or(0);
    let more = (events.len() > SHOWN).then(
        || view! { <p class="body small quiet">{format!("The newest {SHOWN} are shown; the download has all.")}</p> },
    );
    let empty = events.is_empty().then(
        || view! { <div class="empty"><p class="strong">"Nothing of this life can be told in EPCIS yet"</p></div> },
    );
    let footer = "An EPCIS 2.0 document in JSON-LD. Imported events are given back as they came.";
    Ok(Panel::new("EPCIS events").count(n).aside(aside).footer(footer).flush(view! { <div>{rows}{more}{empty}</div> }))
}

fn event(event: &Value) -> impl IntoView + use<> {
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let kind = text("type");
    let steps: Vec<_> = [text("bizStep"), text("disposition"), text("action")]
        .into_iter()
        .filter(|word| !word.is_empty())
        .map(|word| tag(last_part(&word)))
        .collect();
    let time = Timestamp::parse(&text("eventTime")).ok().map(minute);
    let pretty = serde_json::to_string_pretty(event).unwrap_or_default();
    view! {
        <details class="epcis-event">
            <summary>
                <b>{kind}</b>
                {steps}
                <span class="push small quiet">{time}</span>
            </summary>
            <div class="code">
                {copy("event", &pretty)}
                <pre tabindex="0">{pretty.clone()}</pre>
            </div>
        </details>
    }
}

/// The word at the end of a URI: `shipping` of `https://ref.gs1.org/cbv/BizStep-shipping`.
fn last_part(word: &str) -> String {
    let word = word.rsplit(['/', ':']).next().unwrap_or(word);
    let word = word.strip_prefix("BizStep-").or_else(|| word.strip_prefix("Disp-")).unwrap_or(word);
    word.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::last_part;

    #[test]
    fn words_are_bare() {
        assert_eq!(last_part("https://ref.gs1.org/cbv/BizStep-shipping"), "shipping");
        assert_eq!(last_part("urn:epcglobal:cbv:disp:in_transit"), "in transit");
        assert_eq!(last_part("OBSERVE"), "OBSERVE");
    }
}
