//! One's own account: who one is here, how the console looks, the password, the sessions.

use super::{factors::own, users::role_words};
use crate::{
    components::{
        form::{Field, error_summary},
        icons,
        panel::{Panel, facts, head},
        status::{Status, Tone},
        table::frame,
        text::ago,
    },
    context::{Ctx, Density, Theme},
    page::Page,
};
use domain::person::{Permission, Role};
use fleet::{people::User, session::OwnSession};
use leptos::prelude::*;

/// `/account`.
///
/// # Errors
/// When the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    ctx.actor.require(Permission::AccountManage)?;
    let id = ctx.actor.user_id().ok_or(fleet::Error::NotSignedIn)?;
    let user = ctx.fleet.user(&ctx.actor, id).await?;
    let sessions = ctx.fleet.own_sessions(&ctx.actor, ctx.session.as_deref()).await?;
    let factors = ctx.fleet.factors_of(&ctx.actor, id).await?;
    // Whoever comes from the provider has no password here.
    let theirs = ctx.fleet.ways_to_prove(&ctx.actor).await?.provider;
    let password = (theirs.is_none() || user.role == Role::Admin).then(|| password(&ctx));
    let sign_out = view! {
        <form method="post" action="/sign-out">
            <button class="btn" type="submit">{icons::icon(icons::SIGN_OUT)}"Sign out"</button>
        </form>
    };
    let body = view! {
        {head("Your account", view! { <p>{user.email.clone()}</p> }, sign_out)}
        <div class="cols lead">
            <div class="stack loose">{own(&ctx, &factors)} {own_sessions(&ctx, &sessions)} {password}</div>
            <div class="stack loose">{you(&user, theirs)} {look(&ctx)}</div>
        </div>
    };
    Ok(Page::new("Your account", body).live("people"))
}

fn you(user: &User, provider: Option<String>) -> impl IntoView + use<> {
    let allowed = Permission::ALL.iter().filter(|permission| user.role.may(**permission));
    let may: Vec<_> = allowed
        .map(|permission| {
            let status = Status { word: permission.label(), icon: icons::TICK, tone: Tone::Ok };
            view! { <li>{status.cell()}</li> }
        })
        .collect();
    let mut rows = vec![
        ("Name", user.name.clone().into_any()),
        ("Email", user.email.clone().into_any()),
        ("Role", user.role.label().into_any()),
    ];
    if let Some(provider) = provider {
        rows.push((
            "Signs in at",
            view! { {provider} <br /> <span class="small quiet">"Your role follows from your groups there."</span> }
                .into_any(),
        ));
    }
    Panel::new("You").flush(view! {
        <div class="body">{facts(rows)}</div>
        <div class="inset stack tight">
            <p class="small soft">{role_words(user.role)}</p>
            <ul class="may" aria-label="What your role allows">{may}</ul>
            <p class="small quiet">{ask(user.role)}" "<a href="/help">"What each role may do"</a></p>
        </div>
    })
}

const fn ask(role: Role) -> &'static str {
    match role {
        Role::Admin => "Name and role are changed on the users page.",
        _ => "An administrator can change your name and role.",
    }
}

/// How the console looks here, in this browser.
fn look(ctx: &Ctx) -> impl IntoView + use<> {
    let themes =
        [(Theme::System, "system", "As the system"), (Theme::Light, "light", "Light"), (Theme::Dark, "dark", "Dark")];
    let themes = themes.map(|(theme, word, label)| choice("theme", word, label, theme == ctx.theme)).to_vec();
    let densities =
        Density::ALL.map(|density| choice("density", density.word(), density.label(), density == ctx.density));
    Panel::new("In this browser").body(view! {
        <div class="stack">
            {setting("/theme", "Theme", themes)}
            {setting("/density", "Row height", densities.to_vec())}
            <div class="stack tight">
                <p class="label">"Keys"</p>
                <p class="small soft">
                    <kbd>"Ctrl"</kbd>" "<kbd>"K"</kbd>" searches from anywhere. "<kbd>"?"</kbd>
                    " lists the single keys and turns them off or on. They need JavaScript; nothing else here does."
                </p>
            </div>
        </div>
    })
}

#[derive(Clone, Copy)]
struct Choice {
    name: &'static str,
    word: &'static str,
    label: &'static str,
    on: bool,
}

const fn choice(name: &'static str, word: &'static str, label: &'static str, on: bool) -> Choice {
    Choice { name, word, label, on }
}

fn setting(action: &'static str, label: &'static str, choices: Vec<Choice>) -> impl IntoView {
    let buttons: Vec<_> = choices
        .into_iter()
        .map(|Choice { name, word, label, on }| {
            let pressed = if on { "true" } else { "false" };
            view! {
                <button class="btn small" type="submit" name=name value=word aria-pressed=pressed>{label}</button>
            }
        })
        .collect();
    view! {
        <form class="stack tight" method="post" action=action>
            <input type="hidden" name="next" value="/account" />
            <p class="label">{label}</p>
            <span class="btns" role="group" aria-label=label>{buttons}</span>
        </form>
    }
}

fn password(ctx: &Ctx) -> impl IntoView + use<> {
    let form = ctx.form.as_ref();
    Panel::new("Password").id("change-password").body(view! {
        <form class="stack slim" method="post" action="/account/password">
            {error_summary(form)}
            // For password managers, which need to know whose it is.
            <input type="hidden" name="username" autocomplete="username" value=ctx.actor.name().to_owned() />
            {Field::new(form, "present", "Present password")
                .kind("password")
                .autocomplete("current-password")
                .required()
                .max_length(256)
                .input()}
            {Field::new(form, "password", "New password")
                .kind("password")
                .autocomplete("new-password")
                .required()
                .max_length(256)
                .hint("At least 12 characters; a sentence is good.")
                .input()}
            <div><button class="btn" type="submit">{icons::icon(icons::KEY)}"Change password"</button></div>
            <p class="small quiet">"Your other sessions end with it."</p>
        </form>
    })
}

fn own_sessions(ctx: &Ctx, sessions: &[OwnSession]) -> impl IntoView + use<> {
    let rows: Vec<_> = sessions.iter().map(|session| row(ctx, session)).collect();
    let everywhere = view! {
        <form method="post" action="/account/sign-out-everywhere">
            <button class="btn small danger" type="submit">{icons::icon(icons::SIGN_OUT)}"Sign out everywhere"</button>
        </form>
    };
    let table = view! {
        <table class="table cards">
            <caption class="sr">"Your sessions, the last used first"</caption>
            <thead>
                <tr>
                    <th scope="col">"Browser"</th>
                    <th scope="col">"From"</th>
                    <th scope="col" class="num">"Last used"</th>
                    <th scope="col" class="num">"Begun"</th>
                    <th scope="col"><span class="sr">"End"</span></th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    Panel::new("Your sessions")
        .count(i64::try_from(sessions.len()).unwrap_or(i64::MAX))
        .aside(everywhere)
        .footer(view! { <span>"A session ends after 12 h without use, and after 7 days. If you don't know one of these, end it and change your password."</span> })
        .flush(frame("Your sessions", table))
}

fn row(ctx: &Ctx, session: &OwnSession) -> impl IntoView + use<> {
    let browser = browser_words(&session.user_agent);
    let end = if session.current {
        view! { <span class="tag">"this one"</span> }.into_any()
    } else {
        let label = format!("End the session in {browser} from {}", session.address);
        view! {
            <form method="post" action="/account/end-session">
                <input type="hidden" name="session" value=session.id.clone() />
                <button class="btn small" type="submit" aria-label=label>"End"</button>
            </form>
        }
        .into_any()
    };
    view! {
        <tr>
            <th scope="row" title=session.user_agent.clone()>{browser}</th>
            <td data-l="From" class="mono">{session.address.clone()}</td>
            <td data-l="Last used" class="num nowrap quiet">{ago(session.last_seen_at, ctx.now)}</td>
            <td data-l="Begun" class="num nowrap quiet">{ago(session.created_at, ctx.now)}</td>
            <td class="num full">{end}</td>
        </tr>
    }
}

/// A browser's name and system, from how it calls itself. A guess for people; nothing depends on it.
fn browser_words(agent: &str) -> String {
    let first =
        |known: &[(&str, &'static str)]| known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    let browser = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("HeadlessChrome/", "Chrome, headless"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) if agent.is_empty() => "Not said".to_owned(),
        (None, None) => agent.chars().take(40).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";
        assert_eq!(browser_words(firefox), "Firefox on Linux");
        let edge = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/120.0 Safari/537.36 Edg/120.0";
        assert_eq!(browser_words(edge), "Edge on Windows");
        assert_eq!(browser_words(""), "Not said");
    }
}
