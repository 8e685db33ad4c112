//! The document around a page: head, navigation, page bar, and the script that wakes the islands.

use crate::{
    components::{
        icons,
        mark::favicon,
        nav::{NavCounts, side, top},
        overlay::{freshness, keys, palette},
        panel::note,
        status::Tone,
    },
    context::{Ctx, Density, Flash},
    islands,
    page::{Frame, Page},
};
use leptos::{nonce::use_nonce, prelude::*};

/// The whole document of a page.
pub fn document(ctx: &Ctx, counts: NavCounts, page: Page) -> impl IntoView + use<> {
    // Only islands are woken in the browser, so nothing of the rest is sent along for hydration.
    if let Some(shared) = Owner::current_shared_context() {
        shared.set_is_hydrating(false);
    }
    let title = format!("{} · Muster", page.title);
    let density = (ctx.density != Density::Regular).then(|| ctx.density.word());
    let head = head(ctx, title);
    let body = match page.frame {
        Frame::Console => console(ctx, counts, page).into_any(),
        Frame::Bare => bare(ctx, page).into_any(),
    };
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=ctx.theme.word() data-density=density>
            {head}
            <body>{body}</body>
        </html>
    }
}

fn head(ctx: &Ctx, title: String) -> impl IntoView + use<> {
    let css = format!("/assets/{}", ctx.assets.css);
    let js = format!("/assets/{}", ctx.assets.js);
    let wasm = format!("/assets/{}", ctx.assets.wasm);
    let script = format!("import init,{{hydrate}} from {js:?};init({{module_or_path:{wasm:?}}}).then(hydrate);");
    let with_script = !ctx.assets.js.is_empty();
    view! {
        <head>
            <meta charset="utf-8" />
            <meta name="viewport" content="width=device-width, initial-scale=1" />
            <meta name="color-scheme" content="light dark" />
            <title>{title}</title>
            <link rel="icon" href=favicon() />
            <link rel="stylesheet" href=css />
            {with_script
                .then(|| {
                    view! {
                        <link rel="modulepreload" href=js />
                        <link rel="preload" href=wasm r#as="fetch" r#type="application/wasm" crossorigin="anonymous" />
                        <script type="module" nonce=use_nonce() inner_html=script></script>
                    }
                })}
        </head>
    }
}

/// A page inside the console.
fn console(ctx: &Ctx, counts: NavCounts, page: Page) -> impl IntoView + use<> {
    if !ctx.signed_in() {
        return bare(ctx, page).into_any();
    }
    let live = freshness(ctx.now, page.topics).into_any();
    view! {
        <a class="skip" href="#main">"Skip to content"</a>
        <div class="shell">
            {side(ctx, counts)}
            <div class="main">
                {top(ctx, counts, &page.title, page.crumbs, live)}
                <main class="page" id="main" tabindex="-1">
                    {flash(ctx.flash.as_ref())}
                    {page.body}
                </main>
            </div>
        </div>
        {palette()}
        {keys()}
        <islands::Frame />
        <islands::Manners />
    }
    .into_any()
}

/// A page that is the whole window.
fn bare(ctx: &Ctx, page: Page) -> impl IntoView + use<> {
    view! {
        {flash(ctx.flash.as_ref())}
        {page.body}
        <islands::Manners />
    }
}

/// What was just done.
fn flash(flash: Option<&Flash>) -> impl IntoView + use<> {
    let icon = |tone| if tone == Tone::Ok { icons::CHECK } else { icons::WARN };
    flash.map(|flash| {
        let text = flash.text.clone();
        view! { <div role="status" class="flash">{note(flash.tone, icon(flash.tone), text)}</div> }
    })
}
