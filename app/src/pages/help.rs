//! Help: what each role may do, and where to read on. Made from the rules themselves.

use crate::{
    components::{
        icons,
        panel::{Panel, head},
        table::frame,
    },
    context::Ctx,
    page::Page,
    pages::users::role_words,
};
use domain::person::{Permission, Role};
use leptos::prelude::*;

/// `/help`.
///
/// # Errors
/// When nobody is signed in.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    ctx.actor.require(Permission::AccountManage)?;
    let body = view! {
        {head("Help", view! { <p>"What each role may do, and where to read on."</p> }, ())}
        <div class="cols lead">
            {may(ctx.actor.role())}
            <div class="stack loose">{roles()} {more()}</div>
        </div>
    };
    Ok(Page::new("Help", body))
}

/// Every permission, and which role has it.
fn may(own: Option<Role>) -> impl IntoView {
    let heads: Vec<_> = Role::ALL
        .iter()
        .map(|role| {
            let you = (own == Some(*role)).then(|| view! { " "<span class="tag">"you"</span> });
            view! { <th scope="col">{role.label()}{you}</th> }
        })
        .collect();
    let rows: Vec<_> = Permission::ALL
        .iter()
        .map(|permission| {
            let cells: Vec<_> = Role::ALL.iter().map(|role| cell(*role, role.may(*permission))).collect();
            view! {
                <tr>
                    <th scope="row">{permission.label()}</th>
                    {cells}
                </tr>
            }
        })
        .collect();
    Panel::new("What each role may do").flush(frame(
        "What each role may do",
        view! {
            <table class="table cards brief matrix">
                <caption class="sr">"Permissions, and the roles that have them"</caption>
                <thead>
                    <tr>
                        <th scope="col">"To"</th>
                        {heads}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    ))
}

fn cell(role: Role, may: bool) -> impl IntoView {
    let (icon, class, word) = if may { (icons::TICK, "i ok", "yes") } else { (icons::MINUS, "i quiet", "no") };
    view! { <td data-l=role.label()>{icons::sized(icon, class)}<span class="sr">{word}</span></td> }
}

fn roles() -> impl IntoView {
    let items: Vec<_> = Role::ALL
        .iter()
        .map(|role| view! { <li><div><h3>{role.label()}</h3><p>{role_words(*role)}</p></div></li> })
        .collect();
    Panel::new("Roles").flush(view! { <ul class="list">{items}</ul> })
}

fn more() -> impl IntoView {
    let links = [
        ("/devices/query-language", "Query language", "How to say which devices are meant"),
        ("/imports/format", "File format", "What a manifest or an EPCIS document must look like"),
        ("/api", "API reference", "What programs can ask and send"),
        ("/account", "Your account", "Password, sessions, theme, keys"),
    ];
    let items: Vec<_> = links
        .into_iter()
        .map(|(href, label, what)| view! { <li><div><h3><a href=href>{label}</a></h3><p>{what}</p></div></li> })
        .collect();
    Panel::new("To read on").flush(view! { <ul class="list">{items}</ul> })
}
