//! One repair: what is wrong, what goes out and in, who authorises it, and what is awaited.

use super::{again, parts, path, person, status, steps, voucher};
use crate::{
    components::{
        form::{Field, error_summary, hidden},
        icons::{self, icon},
        panel::{Panel, facts, head, note},
        status::{Status, Tone},
        text::{ago, minute},
    },
    context::{Ctx, segment},
    page::Page,
};
use domain::{
    person::Permission,
    repair::{PHOTO_MAX, RepairState},
};
use fleet::repair::{RepairDetail, RepairNote, RepairPhoto};
use leptos::prelude::*;

/// `/repairs/{code}`; `?slot=` opens what is kept of a slot.
///
/// # Errors
/// When the actor may not see the fleet, there is no such repair, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let detail = ctx.fleet.repair(&ctx.actor, ctx.param("code")).await?;
    let case = &detail.case;
    let may = ctx.may(Permission::RepairManage);
    let is_draft = case.state.is_draft();
    let other = ctx.form.as_ref().filter(|form| !shows_itself(form.value("form"), &detail, may));
    let body = view! {
        <div class="bench stack loose">
            {voucher::once(&ctx, &detail)}
            {error_summary(other)}
            {heading(&ctx, &detail)}
            {steps::line(&detail)}
            <div class="cols lead">
                <div class="stack loose">
                    {awaited(&detail)}
                    {(case.state == RepairState::Authorising).then(|| person::waiting(&ctx, &detail))}
                    {parts::kept(&ctx, &detail)}
                    {(is_draft && may).then(|| parts::form(&ctx, &detail))}
                    {voucher::panel(&ctx, &detail)}
                    {record(&ctx, &detail, may)}
                    {(is_draft && may).then(|| person::authorise(&ctx, &detail))}
                </div>
                <aside class="stack loose" aria-label="Where this repair stands">
                    {steps::panel(&detail)}
                    {about(&ctx, &detail)}
                    {parts::unaccounted(&ctx, &detail.taken_out, Some(&case.code))}
                    {person::other(&ctx, &detail)}
                </aside>
            </div>
        </div>
    };
    Ok(Page::new(format!("Repair {}", case.code), body)
        .crumb("Repairs", "/repairs")
        .live(format!("repair:{}", case.code)))
}

/// Whether the form of this name is on the page, and so says itself what is wrong with it. Somebody else may have moved the
/// case on since it was sent.
fn shows_itself(form: &str, detail: &RepairDetail, may: bool) -> bool {
    let state = detail.case.state;
    match form {
        "part" | "authorise" => state.is_draft() && may,
        "note" | "photo" => may,
        "cancel" => matches!(state, RepairState::Reported | RepairState::Authorising) && may,
        "close" => state.is_open() && state.is_written(),
        "voucher" | "another" => state.is_written() && state.is_open() && detail.case.key_changes,
        _ => false,
    }
}

fn heading(ctx: &Ctx, detail: &RepairDetail) -> impl IntoView + use<> {
    let case = &detail.case;
    let to = format!("/devices/{}", segment(&case.serial));
    let title = view! { "Repair " {case.code.clone()} " " {status(case.state).badge()} };
    let sub = view! {
        <p>
            <a href=to>{case.serial.clone()}</a> ", " {detail.model.clone()} " rev " {detail.device.hardware_revision.clone()}
            ", held by " {detail.custodian.clone()}
        </p>
        <p class="strong">{case.symptom.clone()}</p>
    };
    let mine = case.technician == ctx.actor.name();
    let take = (case.state.is_open() && !mine && ctx.may(Permission::RepairManage)).then(|| {
        view! {
            <form method="post" action=format!("{}/take", path(&case.code))>
                <button class="btn" type="submit">{icon(icons::USER)}"I work on it"</button>
            </form>
        }
    });
    head(title, sub, take)
}

/// What has to happen next, when that is not in the technician's hands.
fn awaited(detail: &RepairDetail) -> Option<AnyView> {
    let case = &detail.case;
    match case.state {
        RepairState::Verifying => {
            let words = format!(
                "The device has to report exactly manifest version {}. Start it and let it connect: its own report closes the repair.",
                case.expected_version
            );
            Some(note(Tone::Go, icons::ONLINE, words).into_any())
        }
        RepairState::Closed | RepairState::Cancelled => {
            let tone = if case.state == RepairState::Closed { Tone::Ok } else { Tone::Mute };
            let by = format!("By {}.", case.closed_by);
            let words = view! { <p>{case.outcome.clone()}</p> <p class="small soft">{by} {case.closed_at.map(|at| view! { " " {minute(at)} })}</p> };
            Some(note(tone, status(case.state).icon, words).into_any())
        }
        _ => None,
    }
}

fn about(ctx: &Ctx, detail: &RepairDetail) -> impl IntoView + use<> {
    let case = &detail.case;
    let or_nobody = |name: &str| if name.is_empty() { "nobody yet".to_owned() } else { name.to_owned() };
    let mut rows = vec![
        ("Technician", or_nobody(&case.technician).into_any()),
        ("Opened by", case.opened_by.clone().into_any()),
        ("Opened", ago(case.opened_at, ctx.now).into_any()),
        ("Lifecycle", Status::from(detail.device.lifecycle).cell().into_any()),
        ("Trust", Status::from(detail.device.trust).cell().into_any()),
    ];
    if !case.authorised_by.is_empty() {
        rows.push(("Authorised by", case.authorised_by.clone().into_any()));
    }
    if !case.reason.is_empty() {
        rows.push(("Reason", case.reason.clone().into_any()));
    }
    Panel::new("Facts").body(facts(rows))
}

/// Notes and photos, and the forms that add to them.
fn record(ctx: &Ctx, detail: &RepairDetail, may: bool) -> impl IntoView + use<> {
    let notes: Vec<_> = detail.notes.iter().map(noted).collect();
    let photos: Vec<_> = detail.photos.iter().map(|photo| shown(&detail.case.code, photo)).collect();
    let none =
        (notes.is_empty() && photos.is_empty()).then(|| view! { <p class="body soft">"Nothing is noted yet."</p> });
    let (note_form, photo_form) = (again(ctx, "note"), again(ctx, "photo"));
    let stamp = detail.case.updated_at.0.to_string();
    let adds = may.then(|| {
        view! {
            <form class="body stack tight" method="post" action=format!("{}/notes", path(&detail.case.code)) data-keep=stamp>
                {error_summary(note_form)}
                {hidden("form", "note")}
                {hidden("once", ctx.request_id.clone())}
                {Field::new(note_form, "text", "Note").required().max_length(4_000).textarea(2)}
                <div><button class="btn" type="submit">{icon(icons::PENCIL_NOTE)}"Add the note"</button></div>
            </form>
            <form
                class="body stack tight"
                method="post"
                action=format!("{}/photos", path(&detail.case.code))
                enctype="multipart/form-data"
            >
                {error_summary(photo_form)}
                {hidden("form", "photo")}
                <div class="field">
                    <label for="photo">"Photo"</label>
                    <input
                        class="input file"
                        id="photo"
                        name="photo"
                        type="file"
                        accept="image/jpeg,image/png,image/webp"
                        capture="environment"
                        required
                        data-max=PHOTO_MAX.to_string()
                        aria-invalid=photo_form.and_then(|form| form.error("photo")).map(|_| "true")
                        aria-describedby="photo-hint"
                    />
                    <p class="hint" id="photo-hint" data-file="photo">"JPEG, PNG or WebP, up to 8 MB."</p>
                </div>
                <div><button class="btn" type="submit">{icon(icons::CAMERA)}"Add the photo"</button></div>
            </form>
        }
    });
    Panel::new("Notes and photos").id("notes").flush(view! {
        {none}
        {(!notes.is_empty()).then(|| view! { <ul class="slots">{notes}</ul> })}
        {(!photos.is_empty()).then(|| view! { <ul class="photos">{photos}</ul> })}
        {adds}
    })
}

fn noted(note: &RepairNote) -> impl IntoView + use<> {
    view! { <li class="stack tight"><p class="note-text">{note.text.clone()}</p><p class="small quiet">{minute(note.at)} ", " {note.by.clone()}</p></li> }
}

fn shown(code: &str, photo: &RepairPhoto) -> impl IntoView + use<> {
    let src = format!("{}/photos/{}", path(code), photo.id);
    let words = if photo.caption.is_empty() {
        format!("Photo of {}, by {}", photo.at.minute_words(), photo.by)
    } else {
        photo.caption.clone()
    };
    let to = src.clone();
    view! { <li><a href=to><img src=src alt=words loading="lazy" width="160" height="120" /></a></li> }
}
