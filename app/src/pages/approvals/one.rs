//! One approval: what exactly would happen, its hash, and the decision of a second person.

use super::{detail::facts_of, rollout, today};
use crate::{
    components::{
        form::{Field, error_summary, hidden},
        icons::{self, icon},
        panel::{Panel, facts, head, note},
        status::{Status, Tone},
        text::{ago, copy, fours, minute, mono},
    },
    context::{Ctx, href, segment},
    page::Page,
    pages::errors::who_may,
};
use domain::{
    approval::{ApprovalKind, ApprovalState},
    id::ApprovalId,
    person::Permission,
};
use fleet::approval::{ApprovalDetail, ApprovalRow};
use leptos::prelude::*;

/// `/approvals/{id}`.
///
/// # Errors
/// When the actor may not see approvals, there is none of this id, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let id: ApprovalId = ctx.param("id").parse().map_err(|_| fleet::Error::not_found("approval", ctx.param("id")))?;
    let detail = ctx.fleet.approval(&ctx.actor, id).await?;
    let to = place_of(&ctx, &detail.row).await?;
    let place = || to.clone().map(|(to, words)| view! { <a href=to>{words}</a> }).into_any();
    let subject = match rollout::panels(&ctx, &detail, place()).await? {
        Some(panels) => panels,
        None => subject(&detail, place()).into_any(),
    };
    let today = today::panel(&ctx, &detail).await?;
    let row = &detail.row;
    let sub = view! { <p>"Asked by " {row.requested_by.clone()} ", " {ago(row.requested_at, ctx.now)} ". " {today::bound_to(&detail)}</p> };
    let body = view! {
        {head(view! { {row.title.clone()} {Status::from(row.state).badge()} }, sub, ())}
        <div class="cols lead">
            {subject}
            <div class="stack loose">
                {today}
                {decision(&ctx, &detail)}
                {so_far(row)}
            </div>
        </div>
    };
    Ok(Page::new(row.title.clone(), body).crumb("Approvals", "/approvals").live(format!("approval:{id}")))
}

/// What would be approved, whole, and its hash.
fn subject(detail: &ApprovalDetail, place: AnyView) -> impl IntoView + use<> {
    let row = &detail.row;
    let hash = row.hash.clone();
    Panel::new("What exactly").aside(place).body(view! {
        <div class="stack">
            {facts_of(&detail.detail)}
            <div class="small">{facts(vec![("On record as", mono(row.subject.clone()).into_any())])}</div>
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

/// Where the subject is to be seen, in words.
async fn place_of(ctx: &Ctx, row: &ApprovalRow) -> Result<Option<(String, &'static str)>, fleet::Error> {
    let key = row.subject.split_once(':').map_or(row.subject.as_str(), |(_, key)| key);
    Ok(match row.kind {
        ApprovalKind::AuthorityCreate => {
            let all = ctx.fleet.authorities(&ctx.actor).await?;
            let found = all.iter().find(|known| known.authority.id.to_string() == key);
            found.map(|known| (format!("/authorities/{}", segment(&known.authority.slug)), "The authority"))
        }
        ApprovalKind::CodeSigning => {
            let signers = href("/certificates", &[("purpose", "code_signing")]);
            Some((signers, "Who may sign code"))
        }
        ApprovalKind::Revocation | ApprovalKind::Release => {
            Some((format!("/revocations/{}", segment(key)), "The revocation"))
        }
        ApprovalKind::Promotion => Some((format!("/releases/{}", segment(key)), "The release")),
        ApprovalKind::Rollout => Some((format!("/rollouts/{}", segment(key)), "The rollout")),
        ApprovalKind::Repair | ApprovalKind::Voucher => Some((format!("/repairs/{}", segment(key)), "The repair")),
    })
}

fn decision(ctx: &Ctx, detail: &ApprovalDetail) -> AnyView {
    let row = &detail.row;
    if row.state != ApprovalState::Waiting {
        let reason = (!row.reason.is_empty()).then(|| view! { <p class="soft">{row.reason.clone()}</p> });
        let by = row
            .decided_by
            .clone()
            .map(|by| view! { <p>"By " {by} {row.decided_at.map(|at| view! { ", " {minute(at)} })}</p> });
        return Panel::new("The decision")
            .aside(Status::from(row.state).cell())
            .body(view! { <div class="stack tight">{by} {reason}</div> })
            .into_any();
    }
    let panel = Panel::new("Your decision");
    if !ctx.may(Permission::ApprovalDecide) {
        return panel.body(note(Tone::Mute, icons::LOCK, who_may(Permission::ApprovalDecide))).into_any();
    }
    if detail.own {
        let words = "You asked for this. Whoever asks is never the one who approves: another manager has to.";
        return panel.body(note(Tone::Warn, icons::USER, words)).into_any();
    }
    let form = ctx.form.as_ref();
    let revokes = row.kind == ApprovalKind::Revocation;
    let (class, drawn, label) = if revokes {
        ("btn danger solid", icons::BAN, "Approve, effective at once")
    } else {
        ("btn primary", icons::APPROVE, "Approve")
    };
    panel
        .flush(view! {
            <form class="body stack" method="post" action=format!("/approvals/{}", row.id)>
                {error_summary(form)}
                {note(Tone::Ok, icons::TICK, "You are not the one who asked.")}
                {hidden("hash", row.hash.clone())}
                {Field::new(form, "reason", "Reason").max_length(400).hint("Kept for good. A rejection needs one.").textarea(3)}
                <div class="decide">
                    <button class="btn" type="submit" name="decision" value="reject">{icon(icons::CROSS)}"Reject"</button>
                    <button class=class type="submit" name="decision" value="approve">{icon(drawn)}{label}</button>
                </div>
            </form>
        })
        .into_any()
}

fn so_far(row: &ApprovalRow) -> impl IntoView + use<> {
    let last = match (&row.decided_by, row.decided_at) {
        (Some(by), Some(at)) => {
            let status = Status::from(row.state);
            view! {
                <li class="done">
                    {icons::sized(status.icon, status.tone.icon_class())}
                    <b>{status.word}</b>
                    <span class="quiet small">{minute(at)}</span>
                    <small>"By: " {by.clone()}</small>
                </li>
            }
            .into_any()
        }
        _ if row.state == ApprovalState::Waiting => view! {
            <li aria-current="step">
                {icon(icons::HOURGLASS)}
                <b>"Second person"</b>
                <small>"Any manager but the one who asked"</small>
            </li>
        }
        .into_any(),
        _ => view! { <li>{icon(icons::REVERT)}<b>{Status::from(row.state).word}</b></li> }.into_any(),
    };
    Panel::new("So far").body(view! {
        <ol class="vsteps">
            <li class="done">
                {icon(icons::CHECK)}
                <b>"Asked for approval"</b>
                <span class="quiet small">{minute(row.requested_at)}</span>
                <small>"By: " {row.requested_by.clone()}</small>
            </li>
            {last}
        </ol>
    })
}
