//! The audit log: what people, tokens and rules did, or tried to do, and whether the log itself is whole.

use crate::{
    components::{
        icons,
        panel::{Panel, facts, head},
        status::Status,
        table::{chip, frame, no_match, none_yet},
        text::{copy, count, stamp},
    },
    context::{Ctx, href},
    page::Page,
    pages::audit_words::{Names, action_words, names, pretty, subject_href, subject_words},
};
use domain::audit::Outcome;
use fleet::{AuditEntry, AuditFilter};
use leptos::prelude::*;

/// So many entries on a page.
const ROWS: usize = 50;

fn filter_of(ctx: &Ctx) -> AuditFilter {
    let value = |name: &str| ctx.query_value(name).unwrap_or_default().trim().to_owned();
    AuditFilter {
        actor: value("actor"),
        action: value("action"),
        subject: value("subject"),
        outcome: value("outcome"),
        before: value("before").parse().unwrap_or(0),
    }
}

/// `/audit`.
///
/// # Errors
/// When the actor may not read the audit log, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let filter = filter_of(&ctx);
    let limit = i64::try_from(ROWS + 1).unwrap_or(i64::MAX);
    let mut entries = ctx.fleet.audit_log(&ctx.actor, &filter, limit).await?;
    let actions = ctx.fleet.audit_actions(&ctx.actor).await?;
    let more = entries.len() > ROWS;
    entries.truncate(ROWS);
    let filtered = filter != AuditFilter { before: filter.before, ..AuditFilter::default() };
    let list = match (entries.is_empty(), filtered || filter.before > 0) {
        (false, _) => table(&entries, &names(&ctx, &entries).await, &ctx).into_any(),
        (true, true) => no_match("No entry is like that", "/audit").into_any(),
        (true, false) => {
            none_yet("Nothing has happened yet", view! { <p>"The first deed will stand here."</p> }).into_any()
        }
    };
    let panel = Panel::new(if filtered { "Entries that match" } else { "Entries" })
        .aside(view! { <span>"Newest first, UTC"</span> })
        .footer(footer(&ctx, &entries, &filter, more));
    let body = view! {
        {head("Audit log", view! { <p>"What people, tokens and rules did or were refused. Each entry's hash covers the one before."</p> }, verify())}
        {search(&filter, &actions)}
        {chips(&ctx, &filter)}
        {panel.flush(list)}
    };
    Ok(Page::new("Audit log", body))
}

/// Reads the whole log, which takes a moment in a large one: hence a button.
fn verify() -> impl IntoView {
    view! {
        <form method="post" action="/audit/verify">
            <button class="btn" type="submit">{icons::icon(icons::SHIELD_CHECK)}"Verify the chain"</button>
        </form>
    }
}

fn search(filter: &AuditFilter, actions: &[String]) -> impl IntoView + use<> {
    let chosen = filter.action.clone();
    let actions: Vec<_> = actions
        .iter()
        .map(|action| {
            view! { <option value=action.clone() selected=*action == chosen>{action_words(action)}</option> }
        })
        .collect();
    let outcomes: Vec<_> = Outcome::ALL
        .iter()
        .map(|outcome| {
            let selected = outcome.as_str() == filter.outcome;
            view! { <option value=outcome.as_str() selected=selected>{outcome.label()}</option> }
        })
        .collect();
    view! {
        <form class="filters" role="search" method="get" action="/audit">
            <div class="field">
                <label for="actor">"Who"</label>
                <input class="input" id="actor" name="actor" value=filter.actor.clone() maxlength="200" placeholder="Email, token or rule" />
            </div>
            <div class="field">
                <label for="action">"Did what"</label>
                <select class="input" id="action" name="action"><option value="">"Anything"</option>{actions}</select>
            </div>
            <div class="field">
                <label for="subject">"To what"</label>
                <input class="input" id="subject" name="subject" value=filter.subject.clone() maxlength="200" placeholder="device:GW2C-2611-04217" />
            </div>
            <div class="field">
                <label for="outcome">"How it ended"</label>
                <select class="input" id="outcome" name="outcome"><option value="">"Any way"</option>{outcomes}</select>
            </div>
            <button class="btn" type="submit">{icons::icon(icons::SEARCH)}"Filter"</button>
        </form>
    }
}

fn chips(ctx: &Ctx, filter: &AuditFilter) -> impl IntoView + use<> {
    let outcome = filter.outcome.parse::<Outcome>().map_or(filter.outcome.clone(), |o| o.label().to_owned());
    let on = [
        ("actor", "who", filter.actor.clone()),
        ("action", "did", action_words(&filter.action)),
        ("subject", "to", filter.subject.clone()),
        ("outcome", "ended", outcome),
    ];
    let chips: Vec<_> = on
        .into_iter()
        .filter(|(_, _, value)| !value.is_empty())
        .map(|(key, label, value)| chip(label, value, ctx.href_with(&[(key, None), ("before", None)])))
        .collect();
    (!chips.is_empty())
        .then(|| view! { <div class="chips">{chips}<a class="small" href="/audit">"Clear all"</a></div> })
}

fn table(entries: &[AuditEntry], names: &Names, ctx: &Ctx) -> impl IntoView + use<> {
    let rows: Vec<_> = entries.iter().map(|entry| row(entry, names, ctx)).collect();
    frame(
        "Audit entries",
        view! {
            <table class="table cards audit">
                <caption class="sr">"Audit entries, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col" class="num">"Entry"</th>
                        <th scope="col">"When"</th>
                        <th scope="col">"Who"</th>
                        <th scope="col">"Did what"</th>
                        <th scope="col">"To what"</th>
                        <th scope="col">"How it ended"</th>
                        <th scope="col"><span class="sr">"Detail"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

const fn row_class(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Done => None,
        Outcome::Denied => Some("denied"),
        Outcome::Failed => Some("failed"),
    }
}

/// The icon of whoever acted.
fn actor_icon(kind: &str) -> icons::Icon {
    match kind {
        "user" => icons::USER,
        "token" => icons::KEY,
        "rule" => icons::BOLT,
        _ => icons::HELP,
    }
}

fn row(entry: &AuditEntry, names: &Names, ctx: &Ctx) -> impl IntoView + use<> {
    let record = &entry.record;
    let number = count(entry.seq);
    let who = href("/audit", &[("actor", record.actor_name.as_str())]);
    let words = subject_words(&record.subject, names);
    let subject = match subject_href(&record.subject) {
        Some(to) => view! { <a href=to title=record.subject.clone()>{words}</a> }.into_any(),
        None => view! { <span title=record.subject.clone()>{words}</span> }.into_any(),
    };
    let label = format!("Detail of entry {number}");
    view! {
        <tr class=row_class(record.outcome)>
            <th scope="row" class="num">{number}</th>
            <td data-l="When" class="nowrap quiet">{stamp(record.at, record.at.ago(ctx.now))}</td>
            <td data-l="Who">
                <span class="st">{icons::icon(actor_icon(&record.actor_kind))}<a href=who>{record.actor_name.clone()}</a></span>
            </td>
            <td data-l="Did what">{action_words(&record.action)}</td>
            <td data-l="To what" class="subject">{subject}</td>
            <td data-l="How it ended">{Status::from(record.outcome).cell()}</td>
            <td class="more-cell">
                <details class="more"><summary aria-label=label>{icons::icon(icons::RIGHT)}</summary></details>
            </td>
        </tr>
        <tr class="more-row"><td colspan="7" class="full">{detail(entry)}</td></tr>
    }
}

fn detail(entry: &AuditEntry) -> impl IntoView + use<> {
    let record = &entry.record;
    let mono = |text: &str| match text {
        "" => view! { <span class="quiet">"–"</span> }.into_any(),
        text => view! { <span class="mono">{text.to_owned()}</span> }.into_any(),
    };
    let hash = |text: &str| view! { <span class="mono">{text.to_owned()}</span>{copy("hash", text)} }.into_any();
    let same = href("/audit", &[("subject", record.subject.as_str())]);
    let all = (!record.subject.is_empty()).then(|| view! { <a href=same>"everything done to it"</a> });
    let told = (!record.detail.is_empty()).then(
        || view! { <pre class="json" tabindex="0" role="region" aria-label="Detail">{pretty(&record.detail)}</pre> },
    );
    let rows = vec![
        ("When", view! { {record.at.rfc3339()} }.into_any()),
        ("Who", view! { {record.actor_kind.clone()}" "{mono(&record.actor_id)} }.into_any()),
        ("From", mono(&record.address)),
        ("Action", mono(&record.action)),
        ("Subject", view! { {mono(&record.subject)}" "{all} }.into_any()),
        ("Hash", hash(&entry.hash)),
        ("Follows", hash(&entry.previous_hash)),
    ];
    view! { <div class="entry">{facts(rows)}{told}</div> }
}

fn footer(ctx: &Ctx, entries: &[AuditEntry], filter: &AuditFilter, more: bool) -> impl IntoView + use<> {
    let summary = match (entries.first(), entries.last()) {
        (Some(first), Some(last)) => format!("Entries {} to {}", count(first.seq), count(last.seq)),
        _ => "None".to_owned(),
    };
    let newest = if filter.before > 0 {
        let to = ctx.href_with(&[("before", None)]);
        view! { <a class="btn small" rel="prev" href=to>{icons::icon(icons::LEFT)}"Newest"</a> }.into_any()
    } else {
        view! {
            <span class="btn small" role="link" aria-disabled="true" title="These are the newest">
                {icons::icon(icons::LEFT)}"Newest"
            </span>
        }
        .into_any()
    };
    let older = match entries.last().filter(|_| more) {
        Some(last) => {
            let to = ctx.href_with(&[("before", Some(&last.seq.to_string()))]);
            view! { <a class="btn small" rel="next" href=to>"Older"{icons::icon(icons::RIGHT)}</a> }.into_any()
        }
        None => view! {
            <span class="btn small" role="link" aria-disabled="true" title="There are no older ones">
                "Older"{icons::icon(icons::RIGHT)}
            </span>
        }
        .into_any(),
    };
    view! { <span>{summary}</span><span class="pager push">{newest}{older}</span> }
}
