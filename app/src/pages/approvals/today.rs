//! What a revocation that waits would hit today, beside what was shown to whoever asked. It is bound to authorities or to
//! devices; their numbers go on changing.

use crate::{
    components::{
        icons,
        panel::{Panel, note},
        status::Tone,
        text::count,
    },
    context::Ctx,
};
use domain::{
    approval::{ApprovalKind, ApprovalState},
    revocation::RevocationScope,
};
use fleet::{approval::ApprovalDetail, revocation::Preview};
use leptos::prelude::*;

/// Of which kind a revocation is; none for another approval.
fn scope(detail: &ApprovalDetail) -> Option<RevocationScope> {
    detail.detail.get("scope")?.as_str()?.parse().ok()
}

/// When the request is void, in a sentence.
pub(super) fn bound_to(detail: &ApprovalDetail) -> &'static str {
    match scope(detail) {
        None => "Void as soon as anything below changes.",
        Some(scope) => bound_to_scope(scope),
    }
}

/// To what a request of such a scope is bound.
pub(crate) const fn bound_to_scope(scope: RevocationScope) -> &'static str {
    match scope {
        RevocationScope::Batch | RevocationScope::Factory => {
            "Bound to the authorities that it names: void once it would cut off others. All that they have signed by then is hit."
        }
        RevocationScope::Selection => "Bound to these devices, whatever certificates they have by then.",
        RevocationScope::Device | RevocationScope::Certificate => {
            "Bound to these certificates: void once it would hit others."
        }
    }
}

/// The numbers of today; only while it waits.
pub(super) async fn panel(ctx: &Ctx, detail: &ApprovalDetail) -> Result<Option<AnyView>, fleet::Error> {
    let revokes = matches!(detail.row.kind, ApprovalKind::Revocation | ApprovalKind::Release);
    if !revokes || detail.row.state != ApprovalState::Waiting {
        return Ok(None);
    }
    let panel = Panel::new("What it would hit today");
    let Some(now) = ctx.fleet.preview_now(&ctx.actor, detail.row.id).await? else {
        let words = "What it names is gone. An approval would find it void.";
        return Ok(Some(panel.body(note(Tone::Warn, icons::WARN, words)).into_any()));
    };
    let shown = detail.detail.get("preview").and_then(|preview| serde_json::from_value(preview.clone()).ok());
    let shown: Preview = shown.unwrap_or_default();
    let is_void = scope(detail) != Some(RevocationScope::Selection) && now.hash != shown.hash;
    let void = is_void.then(|| {
        view! { <div class="body">{note(Tone::Warn, icons::WARN, "It would hit something else by now. An approval would find it void.")}</div> }
    });
    Ok(Some(panel.flush(view! { {void} {table(&shown, &now)} }).into_any()))
}

/// Numbers side by side.
fn table(shown: &Preview, now: &Preview) -> impl IntoView + use<> {
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let mut lines = vec![
        ("Devices".to_owned(), shown.devices, now.devices),
        ("Certificates".to_owned(), shown.certificates, now.certificates),
        ("With a token".to_owned(), shown.tokens, now.tokens),
        ("Holders".to_owned(), number(shown.custodians.len()), number(now.custodians.len())),
    ];
    for (label, n) in &now.seen {
        let before = shown.seen.iter().find(|(known, _)| known == label).map_or(0, |(_, n)| *n);
        lines.push((format!("Last seen: {label}"), before, *n));
    }
    lines.push(("Never heard from".to_owned(), shown.never, now.never));
    let rows: Vec<_> = lines.into_iter().map(|(label, before, now)| line(label, before, now)).collect();
    view! {
        <table class="table small">
            <caption class="sr">"What it would hit, as it was shown and today"</caption>
            <thead>
                <tr>
                    <th scope="col">"What"</th>
                    <th scope="col" class="num">"As shown"</th>
                    <th scope="col" class="num">"Today"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

fn line(label: String, before: i64, now: i64) -> impl IntoView {
    let today = if before == now { count(now).into_any() } else { view! { <b>{count(now)}</b> }.into_any() };
    view! {
        <tr>
            <th scope="row">{label}</th>
            <td class="num">{count(before)}</td>
            <td class="num">{today}</td>
        </tr>
    }
}
