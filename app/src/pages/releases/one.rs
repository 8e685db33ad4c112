//! One release: what it is, what its files are, what stands before the next stage, and how it came here.

use super::{gates, stage_status};
use crate::{
    components::{
        form::{Field, error_summary, hidden, submit},
        icons,
        panel::{Panel, facts, head, link_button, note},
        status::{Status, Tone},
        table::frame,
        text::{ago, copy, count, minute, mono},
    },
    context::{Ctx, FormState, href, segment},
    page::Page,
    pages::{errors::who_may, imports::size_words},
};
use domain::{
    approval::ApprovalState,
    id::ReleaseId,
    person::Permission,
    release::{BomComponent, Check, CheckState, GateResult, Stage},
};
use fleet::release::{Artifact, NextStage, ReleaseDetail, ReleaseStep};
use leptos::prelude::*;

/// How many components are shown at once.
const COMPONENTS: i64 = 100;

/// `/releases/{id}`; `?part=` only components of that name.
///
/// # Errors
/// When the actor may not see the fleet, there is no such release, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let key = ctx.param("id").to_owned();
    let id: ReleaseId = key.parse().map_err(|_| fleet::Error::not_found("release", &key))?;
    let detail = ctx.fleet.release(&ctx.actor, id).await?;
    let part = ctx.query_value("part").unwrap_or_default();
    let parts = if detail.sbom.is_some() {
        ctx.fleet.sbom_components(&ctx.actor, id, &part, 0, COMPONENTS).await?
    } else {
        Vec::new()
    };
    let release = &detail.release;
    let badge = stage_status(release.stage).badge();
    let sub = view! { <p>"For "{release.models.join(", ")}", pushed "{ago(release.created_at, ctx.now)}" by "{release.created_by.clone()}</p> };
    let title = release.title();
    let body = view! {
        {head(view! { {title.clone()} " " {badge} }, sub, roll_out(&ctx, &detail))}
        {detail.unsafe_because.clone().map(|why| note(Tone::Bad, icons::BAN, view! { <p><b>"No device gets it any more. "</b>{why}</p> }))}
        {error_summary(ctx.form.as_ref())}
        <div class="cols lead">
            <div class="stack loose">
                {next(&ctx, &detail)}
                {files(&detail.files)}
                {checks(&ctx, &detail.checks)}
                {components(&detail, &part, &parts)}
            </div>
            <div class="stack loose">
                {about(&detail)}
                {story(&ctx, &detail.steps)}
                {withdraw(&ctx, &detail)}
            </div>
        </div>
    };
    Ok(Page::new(title, body).crumb("Releases", "/releases").live("release,approval,model"))
}

/// The way to a rollout of it, as long as devices may get it.
fn roll_out(ctx: &Ctx, detail: &ReleaseDetail) -> Option<impl IntoView + use<>> {
    let may = ctx.may(Permission::RolloutWrite) && detail.release.stage != Stage::Withdrawn;
    let to = href("/rollouts/new", &[("release", &detail.release.id.to_string())]);
    may.then(|| link_button(to, icons::PLAY, "Plan a rollout"))
}

fn about(detail: &ReleaseDetail) -> impl IntoView + use<> {
    let release = &detail.release;
    let revisions = if release.revisions.is_empty() { "all".to_owned() } else { release.revisions.join(", ") };
    let models: Vec<_> = release
        .models
        .iter()
        .map(|name| view! { <a href=format!("/models/{}#stages", segment(name))>{name.clone()}</a>" " })
        .collect();
    let notes = (!release.notes.is_empty())
        .then(|| view! { <div><h3>"Notes"</h3><p class="soft note-text">{release.notes.clone()}</p></div> });
    Panel::new("What it is").body(view! {
        <div class="stack">
            {facts(vec![
                ("Product", release.product.clone().into_any()),
                ("Version", mono(release.version.clone()).into_any()),
                ("Kind", release.kind.label().into_any()),
                ("Models", models.into_any()),
                ("Revisions", revisions.into_any()),
            ])}
            {notes}
        </div>
    })
}

/// What stands before the next stage, and the form that lets it go on.
fn next(ctx: &Ctx, detail: &ReleaseDetail) -> AnyView {
    let Some(next) = &detail.next else {
        let told = match detail.release.stage {
            Stage::Withdrawn => "It was withdrawn, and that is for good.",
            _ => "It is in production; there is no stage after that.",
        };
        return Panel::new("Next stage").body(view! { <p class="soft">{told}</p> }).into_any();
    };
    let title = format!("Into {}", next.to.label().to_lowercase());
    Panel::new(title)
        .id("next")
        .aside(gates::summary(next).cell())
        .body(
            view! { <div class="stack">{gates::lines(&next.gates)} {asked(detail)} {promote(ctx, detail, next)}</div> },
        )
        .into_any()
}

/// The approval that was asked for last.
fn asked(detail: &ReleaseDetail) -> Option<AnyView> {
    let approval = detail.approval.as_ref()?;
    let to = format!("/approvals/{}", approval.id);
    let by = approval.requested_by.clone();
    let (tone, icon, words) = match approval.state {
        ApprovalState::Waiting => (Tone::Go, icons::HOURGLASS, format!("Asked for by {by}; a second person decides.")),
        ApprovalState::Rejected => (Tone::Bad, icons::CROSS, format!("Rejected: {}", approval.reason)),
        ApprovalState::Void => (Tone::Warn, icons::REVERT, format!("Came to nothing: {}", approval.reason)),
        ApprovalState::Approved => return None,
    };
    Some(note(tone, icon, view! { <p>{words}" "<a href=to>"The approval"</a></p> }).into_any())
}

fn promote(ctx: &Ctx, detail: &ReleaseDetail, next: &NextStage) -> AnyView {
    let waits = detail.approval.as_ref().is_some_and(|approval| approval.state == ApprovalState::Waiting);
    if waits || next.gates.iter().any(GateResult::blocks) {
        return ().into_any();
    }
    if !ctx.may(Permission::ReleasePromote) {
        return view! { <p class="small quiet">{who_may(Permission::ReleasePromote)}</p> }.into_any();
    }
    let form = ctx.form.as_ref().filter(|form| form.has("to"));
    view! {
        <form class="stack tight slim" method="post" action=format!("/releases/{}/promote", detail.release.id)>
            {hidden("to", next.to.as_str())}
            {Field::new(form, "reason", "Why (may be empty)").max_length(400).input()}
            <div>{submit(icons::ARROW_UP, if next.to == Stage::Production { "Into production" } else { "Into staging" })}</div>
            <p class="small quiet">"Its files are read whole and their signatures checked again."</p>
        </form>
    }
    .into_any()
}

fn files(files: &[Artifact]) -> impl IntoView + use<> {
    let files: Vec<_> = files.iter().map(file).collect();
    Panel::new("Files").id("files").body(view! { <div class="stack loose">{files}</div> })
}

/// How much of a commit's hash people are shown.
const COMMIT: usize = 12;

fn file(file: &Artifact) -> impl IntoView + use<> {
    let signers: Vec<_> = file
        .signers
        .iter()
        .map(|signer| view! { <span>{signer.name.clone()}" "<span class="mono quiet">{signer.serial.clone()}</span></span> })
        .collect();
    let hash = |name: &'static str, value: &str| {
        let shown = view! { <span class="mono">{value.to_owned()}</span> {copy(name, value)} };
        (name, shown.into_any())
    };
    let images: Vec<_> = file
        .images
        .iter()
        .map(|image| {
            // A ref has no size of its own, but the commit that it leads to.
            let commit = || -> String { image.sha256.chars().take(COMMIT).collect() };
            let told: String = if image.size == 0 { commit() } else { size_words(image.size) };
            view! { <li>{image.name.clone()}" "<span class="quiet">{told}</span></li> }
        })
        .collect();
    view! {
        <div class="stack tight">
            <h3>{file.file_name.clone()} " " <span class="quiet">{size_words(file.size)}</span></h3>
            {facts(vec![
                ("Signed by", signers.into_any()),
                ("Last checked", minute(file.checked_at).into_any()),
                hash("SHA-256", &file.sha256),
                hash("SHA-1", &file.sha1),
                hash("MD5", &file.md5),
                ("For hardware", file.hardware.join(", ").into_any()),
                ("Holds", view! { <ul class="bare">{images}</ul> }.into_any()),
            ])}
        </div>
    }
}

const fn check_status(state: CheckState) -> Status {
    match state {
        CheckState::Pending => Status { word: "Running", icon: icons::HOURGLASS, tone: Tone::Go },
        CheckState::Passed => Status { word: "Passed", icon: icons::CHECK, tone: Tone::Ok },
        CheckState::Failed => Status { word: "Failed", icon: icons::CROSS, tone: Tone::Bad },
    }
}

fn checks(ctx: &Ctx, checks: &[Check]) -> impl IntoView + use<> {
    let lines: Vec<_> = checks
        .iter()
        .map(|check| {
            let more = (!check.url.is_empty())
                .then(|| view! { <a href=check.url.clone() rel="noreferrer noopener">"Report"</a> });
            view! {
                <li>
                    <div><b>{check.name.clone()}</b><p class="small quiet">{ago(check.at, ctx.now)}" by "{check.by.clone()}</p></div>
                    <span class="push row">{more} {check_status(check.state).cell()}</span>
                </li>
            }
        })
        .collect();
    let number = i64::try_from(lines.len()).unwrap_or(i64::MAX);
    let body = if lines.is_empty() {
        view! { <p class="body soft">"Pipelines report checks by "<code>"POST /api/v1/releases/…/checks"</code>"."</p> }
            .into_any()
    } else {
        view! { <ul class="list">{lines}</ul> }.into_any()
    };
    Panel::new("Checks").id("checks").count(number).flush(body)
}

fn components(detail: &ReleaseDetail, part: &str, parts: &[BomComponent]) -> AnyView {
    let Some(sbom) = &detail.sbom else {
        let told = "No bill of materials is attached. A pipeline attaches CycloneDX or SPDX with --sbom.";
        return Panel::new("Made of").id("sbom").body(view! { <p class="soft">{told}</p> }).into_any();
    };
    let rows: Vec<_> = parts
        .iter()
        .map(|part| {
            let version = if part.version.is_empty() { "–".to_owned() } else { part.version.clone() };
            let to = href("/releases", &[("sbom", &format!("{}@{}", part.name, part.version))]);
            view! {
                <tr>
                    <th scope="row"><a href=to title="Which releases hold it">{part.name.clone()}</a></th>
                    <td data-l="Version" class="mono">{version}</td>
                    <td data-l="Package" class="mono quiet">{part.purl.clone()}</td>
                </tr>
            }
        })
        .collect();
    let shown = i64::try_from(parts.len()).unwrap_or(i64::MAX);
    let table = frame(
        "Components",
        view! {
            <table class="table cards">
                <thead><tr><th scope="col">"Component"</th><th scope="col">"Version"</th><th scope="col">"Package"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        },
    );
    let footer = format!("{} of {}, out of {}", count(shown), count(sbom.components), sbom.format.label());
    let find = view! {
        <form class="find body" method="get" action="#sbom" role="search">
            <label class="sr" for="part">"Component"</label>
            <input class="input" id="part" name="part" type="search" value=part.to_owned() maxlength="120" placeholder="Name@version" />
            <button class="btn" type="submit">{icons::icon(icons::SEARCH)}"Search"</button>
        </form>
    };
    let document = link_button(format!("/releases/{}/sbom.json", detail.release.id), icons::DOWNLOAD, "The document");
    Panel::new("Made of")
        .id("sbom")
        .count(sbom.components)
        .aside(document)
        .footer(footer)
        .flush(view! { {find} {table} })
        .into_any()
}

/// How it came here.
fn story(ctx: &Ctx, steps: &[ReleaseStep]) -> impl IntoView + use<> {
    let lines: Vec<_> = steps.iter().rev().map(|step| story_step(ctx, step)).collect();
    Panel::new("How it came here").id("story").flush(view! { <ul class="list">{lines}</ul> })
}

fn story_step(ctx: &Ctx, step: &ReleaseStep) -> impl IntoView + use<> {
    let by = if step.approved_by.is_empty() {
        format!("By {}", step.by)
    } else {
        format!("Asked for by {}, approved by {}", step.by, step.approved_by)
    };
    let reason = (!step.reason.is_empty()).then(|| view! { <p class="soft">{format!("“{}”", step.reason)}</p> });
    let met: Vec<_> =
        step.gates.iter().filter(|gate| gate.met).map(|gate| view! { <p>{gate.told.clone()}</p> }).collect();
    view! {
        <li>
            <div>
                <h3>{stage_status(step.stage).cell()}</h3>
                <p>{by} ", " {ago(step.at, ctx.now)}</p>
                {reason}
                {met}
            </div>
        </li>
    }
}

fn withdraw(ctx: &Ctx, detail: &ReleaseDetail) -> Option<AnyView> {
    if detail.release.stage == Stage::Withdrawn || !ctx.may(Permission::ReleaseWithdraw) {
        return None;
    }
    let form: Option<&FormState> = ctx.form.as_ref().filter(|form| form.has("withdraw"));
    Some(
        Panel::new("Withdraw it")
            .id("withdraw")
            .body(view! {
                <form class="stack tight" method="post" action=format!("/releases/{}/withdraw", detail.release.id)>
                    <p class="soft">"No device gets it from then on, and it never comes back. Devices that run it keep it."</p>
                    {hidden("withdraw", "yes")}
                    {Field::new(form, "reason", "Why").required().max_length(400).input()}
                    <div><button class="btn danger" type="submit">{icons::icon(icons::BAN)}"Withdraw"</button></div>
                </form>
            })
            .into_any(),
    )
}
