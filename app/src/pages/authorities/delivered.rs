//! What came of certificates that a factory delivered, one by one, on the page of the CA that signed them.

use crate::{
    components::{
        icons::{self, icon},
        panel::{Panel, note},
        status::Tone,
        text::{count, plural},
    },
    context::Ctx,
};
use domain::authority::FindingKind;
use fleet::authority::Delivery;
use leptos::prelude::*;

/// The panel; only where something was just delivered that is not as agreed.
pub(super) fn panel(ctx: &Ctx) -> Option<impl IntoView + use<>> {
    let delivery = ctx.delivered.as_deref()?;
    let kinds: Vec<_> = FindingKind::ALL.iter().filter_map(|kind| of_kind(delivery, *kind)).collect();
    let body = view! {
        <div class="body stack">
            {note(Tone::Warn, icons::WARN, summary(delivery))}
            {kinds}
            {refused(delivery)}
        </div>
    };
    Some(Panel::new("What came of the delivery").id("delivered").flush(body))
}

fn number<T>(list: &[T]) -> i64 {
    i64::try_from(list.len()).unwrap_or(i64::MAX)
}

fn summary(delivery: &Delivery) -> impl IntoView + use<> {
    let entered = plural(delivery.entered, "certificate is entered", "certificates are entered");
    let known = (delivery.known > 0).then(|| format!(" {} known already.", plural(delivery.known, "was", "were")));
    let held = number(&delivery.withheld);
    let held = (held > 0).then(|| {
        let words = plural(held, "is on hold", "are on hold");
        view! { " " {words} ", until somebody has looked at the "<a href="/findings">"findings"</a>"." }
    });
    let refused = number(&delivery.refused);
    let refused = (refused > 0).then(|| format!(" {} not taken in.", plural(refused, "was", "were")));
    view! { {entered} "." {known} {held} {refused} }
}

/// Those on hold of one kind, each with what is wrong with it.
fn of_kind(delivery: &Delivery, kind: FindingKind) -> Option<impl IntoView + use<>> {
    let words: Vec<&String> =
        delivery.reasons.iter().filter(|(known, _)| *known == kind).map(|(_, words)| words).collect();
    if words.is_empty() {
        return None;
    }
    let title = format!("On hold: {}", kind.label().to_lowercase());
    Some(list(title, &words))
}

fn refused(delivery: &Delivery) -> Option<impl IntoView + use<>> {
    let words: Vec<&String> = delivery.refused.iter().collect();
    (!words.is_empty()).then(|| list("Not taken in".to_owned(), &words))
}

fn list(title: String, words: &[&String]) -> impl IntoView + use<> {
    let number = count(number(words));
    let rows: Vec<_> = words.iter().map(|words| view! { <li>{(*words).clone()}</li> }).collect();
    view! {
        <div>
            <h3 class="strong">{icon(icons::FINDING)} " " {title} " " <span class="n">{number}</span></h3>
            <ul class="lines">{rows}</ul>
        </div>
    }
}
