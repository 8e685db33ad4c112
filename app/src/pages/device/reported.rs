//! What the device says it is, beside what its manifest lists, and what follows from the difference.

use super::{life::Life, place::Place};
use crate::{
    components::{
        form::{checkbox, error_summary, hidden},
        icons::{self, icon},
        panel::Panel,
        status::{component_icon, score},
        table::frame,
        text::{ago, count, minute, plural},
    },
    context::{Ctx, href, segment},
    pages::findings::finding_href,
};
use domain::{
    authority::FindingState,
    component::{ComponentClass, Part},
    id::FindingId,
    person::Permission,
    report::{PartReport, Reading},
    suspicion::Signal,
};
use fleet::check_in::{DeviceReport, ReasonShown};
use leptos::prelude::*;

/// How what is reported in a slot compares with what is listed there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Same,
    Differs,
    Gone,
    Unlisted,
    Silent,
    Beside,
}

/// One row of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row<'a> {
    slot: &'a str,
    listed: Option<&'a Part>,
    reported: Option<String>,
    class: ComponentClass,
    mark: Mark,
}

/// What a device reports, held against its newest manifest: the one judgement that the whole page tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It never reported.
    Unheard,
    /// What it reports says nothing of its parts.
    Nothing,
    /// It fits this version.
    Fits(i64),
    /// So many slots differ.
    Differs(i64),
}

/// How what is reported compares with the newest manifest by now.
pub(super) fn verdict(life: &Life<'_>, report: &DeviceReport) -> Verdict {
    if report.reported_at.is_none() {
        return Verdict::Unheard;
    }
    of_rows(&rows(&parts(life), report), report)
}

fn of_rows(rows: &[Row<'_>], report: &DeviceReport) -> Verdict {
    let differ = rows.iter().filter(|row| matches!(row.mark, Mark::Differs | Mark::Gone | Mark::Unlisted)).count();
    match (differ, report.comparison.matched) {
        (0, Some(version)) => Verdict::Fits(version),
        (0, None) => Verdict::Nothing,
        (n, _) => Verdict::Differs(i64::try_from(n).unwrap_or(i64::MAX)),
    }
}

/// What the device reports, or that it never did.
pub fn panel(ctx: &Ctx, life: &Life<'_>, place: &Place, report: &DeviceReport) -> AnyView {
    let panel = Panel::new("What it reports").id("reported");
    let Some(at) = report.reported_at else {
        let polled = report.polled.as_ref().map(|(address, at)| {
            view! { <p>"It polled " {ago(*at, ctx.now)} " from " {address.clone()} "."</p> }
        });
        let empty = view! {
            <div class="empty">
                <p class="strong">"It has not reported yet"</p>
                <p>"At its next poll it is asked what it is made of. SWUpdate sends what is in its “identify” list."</p>
                {polled}
            </div>
        };
        return view! { {panel.flush(view! { {empty} {unread(ctx, report)} })} {reasons(report)} }.into_any();
    };
    let rows = rows(&parts(life), report);
    let verdict = match of_rows(&rows, report) {
        Verdict::Fits(version) => {
            view! { <span class="sign in">{icon(icons::TICK)}{format!("Fits manifest v{version}")}</span> }.into_any()
        }
        Verdict::Nothing | Verdict::Unheard => view! { <span class="quiet">"Nothing to compare"</span> }.into_any(),
        Verdict::Differs(n) => {
            view! { <span class="sign out">{icon(icons::WARN)}{plural(n, "difference", "differences")}</span> }
                .into_any()
        }
    };
    let several = |n: i64| if n == 1 { "once".to_owned() } else { format!("{} times", count(n)) };
    let from = report.polled.as_ref().map(|(address, at)| {
        view! { ", polled " {ago(*at, ctx.now)} " from " {address.clone()} }
    });
    let footer = view! {
        <span>"Reported " {ago(at, ctx.now)} ", " {several(report.n)} {from} "."</span>
        <span class="push">{ask(ctx, place, report)}</span>
    };
    let lines: Vec<_> = rows.iter().map(|row| line(row, answers(ctx, place, report, row))).collect();
    let table = view! {
        <table class="table cards compared">
            <caption class="sr">"What the device reports, beside what its manifest lists"</caption>
            <thead>
                <tr>
                    <th scope="col">"Slot and part"</th>
                    <th scope="col">"Manifest"</th>
                    <th scope="col">"Reported"</th>
                    <th scope="col">"Compared"</th>
                </tr>
            </thead>
            <tbody>{lines}</tbody>
        </table>
    };
    let body =
        view! { {frame("What it reports", table)} {unread(ctx, report)} {place_of(ctx, report)} {rest(life, report)} };
    view! { {panel.aside(verdict).footer(footer).flush(body)} {reasons(report)} }.into_any()
}

/// The parts of the newest manifest.
fn parts<'a>(life: &'a Life<'_>) -> Vec<&'a Part> {
    let version = life.record.device.manifest_version;
    let mut parts: Vec<&Part> =
        life.record.components.iter().filter(|component| component.is_in(version)).map(|c| &c.part).collect();
    parts.sort_by(|a, b| (a.class, &a.slot).cmp(&(b.class, &b.slot)));
    parts
}

fn rows<'a>(listed: &[&'a Part], report: &'a DeviceReport) -> Vec<Row<'a>> {
    let comparison = &report.comparison;
    let is_missing = |slot: &str| {
        comparison.signals.iter().any(|s| matches!(s, Signal::PartMissing { slot: gone, .. } if gone == slot))
    };
    let mut rows: Vec<Row<'a>> = listed
        .iter()
        .map(|part| {
            let said = report.reported.parts.get(&part.slot).and_then(words);
            let (mark, reported) = if comparison.confirmed.contains(&part.slot) {
                (Mark::Same, Some(part.identifier.clone()))
            } else if is_missing(&part.slot) {
                (Mark::Gone, said)
            } else if comparison.silent.contains(&part.slot) {
                (Mark::Silent, said)
            } else {
                (Mark::Differs, said)
            };
            Row { slot: &part.slot, listed: Some(*part), reported, class: part.class, mark }
        })
        .collect();
    let beside = report.reported.parts.values().filter(|said| {
        // A part that is confirmed in another slot than the kernel names it is not there twice.
        let key = said.identifier.as_ref().and_then(Reading::identifier).map(|found| &found.key);
        let is_listed = listed.iter().any(|part| part.slot == said.slot || Some(&part.identifier_key) == key);
        said.identifier.is_some() && !is_listed
    });
    rows.extend(beside.map(|said| {
        let is_counted = comparison.signals.iter().any(|signal| signal.slot() == Some(said.slot.as_str()));
        let mark = if is_counted { Mark::Unlisted } else { Mark::Beside };
        Row { slot: &said.slot, listed: None, reported: words(said), class: said.class, mark }
    }));
    rows
}

/// What is said of a part's identity.
fn words(said: &PartReport) -> Option<String> {
    Some(match said.identifier.as_ref()? {
        Reading::Identified(found) => found.shown.clone(),
        Reading::WrongCheckDigit { reported, .. } => reported.clone(),
        Reading::Unreadable(text) => format!("“{text}”"),
        Reading::Empty => return None,
    })
}

/// What somebody of ours can say to a difference: that it was a repair, or that it was none.
fn answers(ctx: &Ctx, place: &Place, report: &DeviceReport, row: &Row<'_>) -> Option<AnyView> {
    let differs = matches!(row.mark, Mark::Differs | Mark::Gone | Mark::Unlisted);
    if !differs || !ctx.may(Permission::RepairManage) {
        return None;
    }
    let reported = row.reported.as_deref().unwrap_or_default();
    let finding = finding_of(report, row.slot).map(|id| id.to_string()).unwrap_or_default();
    let query = [
        ("serial", place.serial.as_str()),
        ("slot", row.slot),
        ("part", reported),
        ("class", row.class.as_str()),
        ("finding", finding.as_str()),
    ];
    let says = if reported.is_empty() { "nothing any more".to_owned() } else { format!("“{reported}”") };
    let difference = match row.listed {
        Some(part) => format!("{} reports {says} instead of {}.", row.slot, part.identifier),
        None => format!("{} reports {says}, and the manifest lists nothing there.", row.slot),
    };
    // What is noted has 400 characters at most; what a device says may have more.
    let difference: String = difference.chars().take(400).collect();
    let sent = ctx.form.as_ref().filter(|form| form.value("form") == "not-ours" && form.value("slot") == row.slot);
    let hold = ctx.may(Permission::CertificateHold).then(|| {
        let checked = sent.is_some_and(|form| form.has("hold"));
        let hint = "It can do nothing with them until somebody releases them.";
        checkbox("hold", "1", "Put its certificates on hold", hint, checked)
    });
    let of_slot = |words: &str| format!("{words}: {}", row.slot);
    let answers = view! {
        <div class="answer">
        <a class="btn small" href=href("/repairs/new", &query) aria-label=of_slot("This was us")>"This was us"</a>
        <details class="data" open=sent.is_some()>
            <summary aria-label=of_slot("This was not")>"This was not"</summary>
            <form class="stack tight slim" method="post" action=format!("/devices/{}/not-ours", segment(&place.serial))>
                {error_summary(sent)}
                {hidden("form", "not-ours")}
                {hidden("slot", row.slot.to_owned())}
                {hidden("once", ctx.request_id.clone())}
                {hidden("difference", difference)}
                <p class="small">"It is noted in the device's history; the finding stays open."</p>
                {hold}
                <div><button class="btn small" type="submit">{icon(icons::PENCIL_NOTE)}"Note it"</button></div>
            </form>
        </details>
        </div>
    };
    Some(answers.into_any())
}

/// The finding that what is reported in a slot led to.
fn finding_of(report: &DeviceReport, slot: &str) -> Option<FindingId> {
    let about = |shown: &&ReasonShown| shown.reason.signals.iter().any(|signal| signal.slot() == Some(slot));
    report.reasons.iter().filter(about).find_map(|shown| shown.finding).map(|(id, _)| id)
}

/// The row, and what can be said to it below, where there is room for a form.
fn line(row: &Row<'_>, answers: Option<AnyView>) -> impl IntoView + use<> {
    let class = match row.mark {
        Mark::Differs | Mark::Gone => Some("diff-out"),
        Mark::Unlisted => Some("diff-in"),
        _ => None,
    };
    let sign = |class, drawn, word| view! { <span class=class>{icon(drawn)}{word}</span> }.into_any();
    let quiet = |word| view! { <span class="quiet">{word}</span> }.into_any();
    let mark = match row.mark {
        Mark::Same => quiet("Same"),
        Mark::Differs => sign("sign out", icons::SWAP, "Differs"),
        Mark::Gone => sign("sign out", icons::MINUS, "No longer there"),
        Mark::Unlisted => sign("sign in", icons::PLUS, "Not listed"),
        Mark::Silent => quiet("Says nothing"),
        Mark::Beside => quiet("Need not be listed"),
    };
    let drawn = row.listed.map_or(icons::CHIP, |part| component_icon(part.class));
    // What the part is called stands among the components; here there has to be room for two identifiers.
    let name = row.listed.map_or("On no list", |part| part.class.label());
    let identifier = |text: Option<String>| match text {
        Some(text) => view! { <span class="mono">{text}</span> }.into_any(),
        None => view! { <span class="quiet">"nothing"</span> }.into_any(),
    };
    view! {
        <tr class=class>
            <th scope="row">
                <span class="part">{icon(drawn)}<span><b>{row.slot.to_owned()}</b><small>{name}</small></span></span>
            </th>
            <td data-l="Manifest">{identifier(row.listed.map(|part| part.identifier.clone()))}</td>
            <td data-l="Reported">{identifier(row.reported.clone())}</td>
            <td data-l="Compared">{mark}</td>
        </tr>
        {answers.map(|answers| {
            let class = format!("below {}", class.unwrap_or_default());
            view! { <tr class=class><td class="full" colspan="4">{answers}</td></tr> }
        })}
    }
}

/// What it says beside its parts: firmware, measurements, and what means nothing here.
fn rest(life: &Life<'_>, report: &DeviceReport) -> impl IntoView + use<> {
    let model = life.record.catalogue.model_name(life.record.device.model_id).to_owned();
    let lines: Vec<_> = report
        .attributes
        .iter()
        .map(|(key, value)| {
            let meaning =
                if report.reported.other.iter().any(|other| other == key) { "means nothing here" } else { "" };
            view! {
                <dt class="mono">{key.to_owned()}</dt>
                <dd><span class="mono">{value.to_owned()}</span> <span class="quiet">{meaning}</span></dd>
            }
        })
        .collect();
    let n = i64::try_from(report.attributes.len()).unwrap_or(i64::MAX);
    view! {
        <div class="body">
        <details class="data">
            <summary>{format!("All {}", plural(n, "attribute", "attributes"))}</summary>
            <dl class="facts">{lines}</dl>
            <p class="small"><a href=format!("/models/{}", segment(&model))>{format!("How attributes of {model} are read")}</a></p>
        </details>
        </div>
    }
}

/// Where it says that it is.
fn place_of(ctx: &Ctx, report: &DeviceReport) -> Option<impl IntoView + use<>> {
    let seen = report.sighting.as_ref()?;
    let (place, at) = (seen.place.clone(), ago(seen.at, ctx.now));
    let title = format!("Latitude {}, longitude {}", seen.latitude, seen.longitude);
    Some(
        view! { <p class="body small">"By its own account it was at " <span title=title>{place}</span> " " {at} "."</p> },
    )
}

/// What of its reports was not taken up: one that could not be read, changes that are judged later.
fn unread(ctx: &Ctx, report: &DeviceReport) -> impl IntoView + use<> {
    let unread = report.unread_at.map(|at| {
        view! {
            <p class="body small">
                {icon(icons::WARN)} "Unreadable report " {ago(at, ctx.now)} ": what it sent was refused, and is not asked for again."
            </p>
        }
    });
    let due = report.due_at.map(|at| {
        view! {
            <p class="body small">
                {icon(icons::WARN)} "It changes what it reports too often. The rest is judged from " {minute(at)} " on."
            </p>
        }
    });
    view! { {unread} {due} }
}

/// The button that lets it be asked, or that it is.
fn ask(ctx: &Ctx, place: &Place, report: &DeviceReport) -> AnyView {
    if report.wanted {
        return view! { <span class="quiet">"It is asked again at its next poll"</span> }.into_any();
    }
    if !ctx.may(Permission::NoteAdd) {
        return ().into_any();
    }
    view! {
        <form method="post" action=format!("/devices/{}/report", segment(&place.serial))>
            <button class="btn small" type="submit">{icon(icons::REBOOT)}"Ask again"</button>
        </form>
    }
    .into_any()
}

/// Why it is trusted less, each with its sentences and its finding.
fn reasons(report: &DeviceReport) -> Option<impl IntoView + use<>> {
    if report.reasons.is_empty() {
        return None;
    }
    let shown: Vec<_> = report.reasons.iter().map(reason).collect();
    let aside = view! { {score(i64::from(report.score))} <span class="quiet">"of 100"</span> };
    let footer = "What is settled doesn’t count. Nothing is revoked for good by a score.";
    Some(
        Panel::new("What speaks against it")
            .id("reasons")
            .aside(aside)
            .footer(footer)
            .body(view! { <div class="stack">{shown}</div> }),
    )
}

fn reason(shown: &ReasonShown) -> impl IntoView + use<> {
    let sentences: Vec<_> = shown.reason.signals.iter().map(|signal| view! { <li>{signal.sentence()}</li> }).collect();
    let past = shown
        .reason
        .is_past
        .then(|| view! { <p class="soft">"It reports what is listed since. Somebody should look all the same."</p> });
    let followed = match shown.reason.response {
        Some(response) => response.label(),
        None => "Too little for a note",
    };
    let state = match (shown.finding, &shown.whole) {
        (Some((_, FindingState::Folded)), Some(whole)) => {
            let words = format!("Part of: {}", whole.words);
            view! { <a href=finding_href(whole.id)>{words}</a> }.into_any()
        }
        (Some((id, FindingState::Open)), _) => view! { <a href=finding_href(id)>"Finding, open"</a> }.into_any(),
        (Some((id, FindingState::Resolved | FindingState::Folded)), _) => {
            view! { <a href=finding_href(id)>"Finding, settled"</a> }.into_any()
        }
        (None, _) => view! { <span>"No finding"</span> }.into_any(),
    };
    view! {
        <div class="why">
            <p><b>{shown.reason.kind.label()}</b> " " {score(i64::from(shown.reason.score))}</p>
            <ul class="rules">{sentences}</ul>
            {past}
            <p class="small quiet">{followed} " · " {state}</p>
        </div>
    }
}
