//! Users: who may sign in, and as what.

mod one;

pub use one::load as load_one;

use crate::{
    components::{
        form::{Field, error_summary, submit},
        icons,
        panel::{Panel, disabled_button, head},
        status::{Status, Tone},
        table::{frame, no_match, pager},
        text::{ago, day, plural},
    },
    context::Ctx,
    page::Page,
    pages::{
        errors::who_may,
        paging::{Paging, slice},
    },
};
use domain::{
    id::UserId,
    person::{Permission, Role},
};
use fleet::people::User;
use leptos::prelude::*;
use std::collections::HashSet;

/// How an account stands; whether somebody at the provider has it counts as a way in.
pub(super) fn state(user: &User, is_linked: bool) -> Status {
    match (user.disabled_at, user.has_password || is_linked) {
        (Some(_), _) => Status { word: "Disabled", icon: icons::PAUSE, tone: Tone::Hold },
        (None, false) => Status { word: "Invited", icon: icons::HOURGLASS, tone: Tone::Go },
        (None, true) => Status { word: "Enabled", icon: icons::CHECK, tone: Tone::Ok },
    }
}

/// What a role is trusted with, in a sentence.
pub(super) const fn role_words(role: Role) -> &'static str {
    match role {
        Role::Operator => {
            "Imports files, enters custodians, records custody and notes, corrects history, saves views, reads the audit log, \
             enrols and revokes."
        }
        Role::Support => "Records custody and notes, corrects history, saves views, puts a device on hold.",
        Role::Manager => "Decides what needs a second person, revokes, reads the audit log, writes notes, saves views.",
        Role::Auditor => "Reads everything, also users and API tokens; changes nothing.",
        Role::Admin => "May do everything but decide approvals; alone manages users, API tokens and settings.",
    }
}

/// The roles, for a choice.
pub(super) fn role_choices() -> Vec<(String, String)> {
    Role::ALL
        .iter()
        .map(|role| (role.as_str().to_owned(), format!("{}: {}", role.label(), lower(role_words(*role)))))
        .collect()
}

fn lower(sentence: &str) -> String {
    let mut letters = sentence.trim_end_matches('.').chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// `/users`.
///
/// # Errors
/// When the actor may not see people, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let all = ctx.fleet.users(&ctx.actor).await?;
    let linked: HashSet<UserId> =
        ctx.fleet.identities(&ctx.actor).await?.into_iter().map(|identity| identity.user_id).collect();
    let text = ctx.query_value("q").unwrap_or_default();
    let wanted = text.trim().to_lowercase();
    let named = |user: &&User| user.name.to_lowercase().contains(&wanted) || user.email.contains(&wanted);
    let matching: Vec<User> = all.iter().filter(named).cloned().collect();
    let paging = Paging::of(&ctx, matching.len());
    let number = i64::try_from(matching.len()).unwrap_or(i64::MAX);
    let list = if matching.is_empty() {
        no_match("No account is like that", "/users").into_any()
    } else {
        table(&ctx, slice(&matching, paging), &linked).into_any()
    };
    let panel =
        Panel::new(plural(number, "account", "accounts")).aside(search(&text)).footer(pager(paging.pager(&ctx)));
    let body = view! {
        {head("Users", view! { <p>"Who may sign in. Programs have API tokens instead."</p> }, add_link(&ctx))}
        <div class="cols lead">
            {panel.flush(list)}
            {add_form(&ctx)}
        </div>
    };
    Ok(Page::new("Users", body).live("people"))
}

fn add_link(ctx: &Ctx) -> impl IntoView + use<> {
    if ctx.may(Permission::UserManage) {
        view! { <a class="btn" href="#add">{icons::icon(icons::PLUS)}"Add user"</a> }.into_any()
    } else {
        disabled_button(icons::PLUS, "Add user", who_may(Permission::UserManage)).into_any()
    }
}

fn search(text: &str) -> impl IntoView + use<> {
    view! {
        <form class="find" role="search" method="get" action="/users">
            <input
                class="input small"
                type="search"
                name="q"
                value=text.to_owned()
                maxlength="100"
                placeholder="Name or email"
                aria-label="Name or email"
            />
            <button class="btn small" type="submit">{icons::icon(icons::SEARCH)}"Find"</button>
        </form>
    }
}

fn table(ctx: &Ctx, users: &[User], linked: &HashSet<UserId>) -> impl IntoView + use<> {
    let rows: Vec<_> = users.iter().map(|user| row(ctx, user, linked.contains(&user.id))).collect();
    frame(
        "Accounts",
        view! {
            <table class="table cards">
                <caption class="sr">"Accounts, by name"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Role"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="num">"Last sign-in"</th>
                        <th scope="col" class="num">"Added"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

fn row(ctx: &Ctx, user: &User, is_linked: bool) -> impl IntoView + use<> {
    let theirs = is_linked
        .then(|| view! { " "<span class="tag" title="Signs in at the provider of identities">"provider"</span> });
    let you = (ctx.actor.user_id() == Some(user.id)).then(|| view! { " "<span class="tag">"you"</span> });
    let seen = match user.last_sign_in_at {
        Some(at) => ago(at, ctx.now).into_any(),
        None => view! { <span>"never"</span> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row" class="two">
                <b><a href=format!("/users/{}", user.id)>{user.name.clone()}</a>{you}{theirs}</b>
                <small>{user.email.clone()}</small>
            </th>
            <td data-l="Role">{user.role.label()}</td>
            <td data-l="State">{state(user, is_linked).cell()}</td>
            <td data-l="Last sign-in" class="num nowrap quiet">{seen}</td>
            <td data-l="Added" class="num nowrap quiet">{day(user.created_at)}</td>
        </tr>
    }
}

/// The form for a new account, or who may fill it in.
fn add_form(ctx: &Ctx) -> impl IntoView + use<> {
    if !ctx.may(Permission::UserManage) {
        return Panel::new("Add a user")
            .body(view! { <p class="soft">{who_may(Permission::UserManage)}</p> })
            .into_any();
    }
    let form = ctx.form.as_ref();
    Panel::new("Add a user")
        .id("add")
        .body(view! {
            <form class="stack" method="post" action="/users">
                {error_summary(form)}
                {Field::new(form, "name", "Name").required().max_length(100).autocomplete("off").input()}
                {Field::new(form, "email", "Email").kind("email").required().max_length(254).autocomplete("off").input()}
                {Field::new(form, "role", "Role").value(Role::Support.as_str()).select(role_choices())}
                {submit(icons::PLUS, "Add user")}
                <p class="small quiet">
                    "You get a one-time link to send to them. With it they choose their own password; nobody else knows it."
                </p>
            </form>
        })
        .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roles_sentence_names_what_it_may_beyond_reading() {
        use Permission as P;
        let named = [
            (P::ImportRun, "Imports files"),
            (P::CustodyRecord, "custody"),
            (P::NoteAdd, "notes"),
            (P::HistoryCorrect, "corrects history"),
            (P::CustodianManage, "enters custodians"),
            (P::ViewSave, "saves views"),
            (P::AuditRead, "audit log"),
            (P::UserManage, "manages users"),
        ];
        for role in [Role::Operator, Role::Support, Role::Manager] {
            for (permission, words) in named {
                assert_eq!(role_words(role).contains(words), role.may(permission), "{role}: {words}");
            }
        }
        let not_the_admins: Vec<_> = P::ALL.iter().filter(|permission| !Role::Admin.may(**permission)).collect();
        assert_eq!(not_the_admins, [&P::ApprovalDecide], "managers decide, and nobody else");
        assert!(!Role::Auditor.may(P::NoteAdd) && Role::Auditor.may(P::PeopleRead));
    }
}
