//! Approvals: what waits for a second person, and what was decided.

mod detail;
mod one;
mod rollout;
mod today;

pub use one::load as load_one;
pub(super) use today::bound_to_scope;

use crate::{
    components::{
        icons,
        panel::{Panel, Tab, head, tabs},
        status::Status,
        table::{Pager, frame, no_match, none_yet, pager},
        text::{ago, count, mono, plural},
    },
    context::{Ctx, href},
    page::Page,
};
use domain::{
    approval::{ApprovalKind, ApprovalState},
    id::ApprovalId,
    person::Permission,
    time::Timestamp,
};
use fleet::approval::ApprovalRow;
use leptos::prelude::*;

/// `/approvals`; `?state=approved` shows what was decided.
///
/// # Errors
/// When the actor may not see approvals, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let state = ctx.query_value("state").map_or(Some(ApprovalState::Waiting), |word| word.parse().ok());
    let after = ctx.query_value("from").and_then(|id| id.parse::<ApprovalId>().ok());
    let page = ctx.fleet.approval_page(&ctx.actor, state, after, 0).await?;
    let waiting = ctx.fleet.approvals_waiting(&ctx.actor).await?;
    let rows = &page.rows;
    let shown = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let pages = Pager {
        summary: format!("{} of {}", count(shown), count(page.total)),
        previous: after.is_some().then(|| ctx.href_with(&[("from", None)])),
        next: page.next.map(|next| ctx.href_with(&[("from", Some(&next.to_string()))])),
    };
    let list = match (rows.is_empty(), state) {
        (true, Some(ApprovalState::Waiting)) => none_yet("Nothing waits", view! { <p>{nothing(&ctx)}</p> }).into_any(),
        (true, _) => no_match("Nothing is like that", "/approvals").into_any(),
        _ => table(rows, ctx.now).into_any(),
    };
    let sub = view! {
        <p>"What is dangerous takes two. Whoever asks is never the one who approves, and an approval holds for exactly what was shown."</p>
    };
    let body = view! {
        {head("Approvals", sub, ())}
        {views(state, waiting)}
        {Panel::new(plural(page.total, "approval", "approvals")).footer(pager(pages)).flush(list)}
    };
    Ok(Page::new("Approvals", body).live("approval"))
}

fn nothing(ctx: &Ctx) -> &'static str {
    if ctx.may(Permission::ApprovalDecide) {
        "What somebody asks for and one person may not do alone appears here, for you to decide."
    } else {
        "What somebody asks for and one person may not do alone appears here. A manager decides it."
    }
}

fn views(present: Option<ApprovalState>, waiting: i64) -> impl IntoView {
    let tab = |state: ApprovalState| Tab {
        label: Status::from(state).word.to_owned(),
        href: match state {
            ApprovalState::Waiting => "/approvals".to_owned(),
            other => href("/approvals", &[("state", other.as_str())]),
        },
        count: (state == ApprovalState::Waiting).then_some(waiting),
        current: present == Some(state),
    };
    let mut all: Vec<Tab> = ApprovalState::ALL.iter().map(|state| tab(*state)).collect();
    all.push(Tab {
        label: "All".to_owned(),
        href: href("/approvals", &[("state", "all")]),
        count: None,
        current: present.is_none(),
    });
    tabs("Approvals", all)
}

/// The icon of a kind of approval.
const fn kind_icon(kind: ApprovalKind) -> icons::Icon {
    match kind {
        ApprovalKind::AuthorityCreate => icons::SHIELD,
        ApprovalKind::CodeSigning => icons::CERT,
        ApprovalKind::Revocation => icons::BAN,
        ApprovalKind::Release => icons::SHIELD_CHECK,
        ApprovalKind::Repair => icons::WRENCH,
        ApprovalKind::Voucher => icons::KEY,
        ApprovalKind::Promotion => icons::PACKAGE,
        ApprovalKind::Rollout => icons::WAVES,
    }
}

/// The first characters of a hash, as people compare them.
pub(super) fn short_hash(hash: &str) -> String {
    let first: String = hash.chars().take(16).collect();
    first.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into_owned()).collect::<Vec<_>>().join(" ")
}

fn table(rows: &[ApprovalRow], now: Timestamp) -> impl IntoView + use<> {
    let rows: Vec<_> = rows.iter().map(|row| line(row, now)).collect();
    frame(
        "Approvals",
        view! {
            <table class="table cards">
                <caption class="sr">"Approvals, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"What"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Asked by"</th>
                        <th scope="col">"Decided by"</th>
                        <th scope="col">"Hash"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

fn line(row: &ApprovalRow, now: Timestamp) -> impl IntoView + use<> {
    let decided = match (&row.decided_by, row.decided_at) {
        (Some(by), Some(at)) => view! { <b>{by.clone()}</b> <small>{ago(at, now)}</small> }.into_any(),
        _ if row.state == ApprovalState::Waiting => view! { <span class="quiet nowrap">"nobody yet"</span> }.into_any(),
        _ => view! { <span class="quiet">"nobody"</span> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row">
                <span class="tree">
                    {icons::icon(kind_icon(row.kind))}
                    <span><a href=format!("/approvals/{}", row.id)><b>{row.title.clone()}</b></a><small>{row.kind.label()}</small></span>
                </span>
            </th>
            <td data-l="State">{Status::from(row.state).cell()}</td>
            <td data-l="Asked by" class="two"><b>{row.requested_by.clone()}</b><small>{ago(row.requested_at, now)}</small></td>
            <td data-l="Decided by" class="two">{decided}</td>
            <td data-l="Hash" class="nowrap">{mono(short_hash(&row.hash).chars().take(9).collect::<String>())}</td>
        </tr>
    }
}
