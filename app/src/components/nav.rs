//! The frame around every page: navigation, page bar, who is signed in.

use super::{
    icons::{self, Icon, icon},
    mark::mark,
    text::count,
};
use crate::context::{Ctx, Density, Theme};
use domain::person::Permission;
use fleet::Actor;
use leptos::prelude::*;

/// A number beside an entry of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    /// No number.
    None,
    /// How many devices there are.
    Devices,
    /// How many approvals wait for somebody.
    Approvals,
    /// How many findings stand.
    Findings,
    /// How many repairs are open.
    Repairs,
}

/// What the navigation counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NavCounts {
    /// Devices in the fleet.
    pub devices: i64,
    /// Approvals that wait for somebody.
    pub approvals: i64,
    /// Findings that stand.
    pub findings: i64,
    /// Repairs that are open.
    pub repairs: i64,
}

/// An entry of the navigation.
#[derive(Clone, Copy)]
pub struct NavEntry {
    /// Its word.
    pub label: &'static str,
    /// Where it leads.
    pub href: &'static str,
    /// What one must be allowed to do to see it.
    pub needs: Permission,
    /// Its icon.
    pub icon: Icon,
    number: Number,
}

const fn entry(label: &'static str, href: &'static str, icon: Icon, needs: Permission) -> NavEntry {
    NavEntry { label, href, needs, icon, number: Number::None }
}

const fn counted(entry: NavEntry, number: Number) -> NavEntry {
    NavEntry { number, ..entry }
}

/// The navigation, in groups.
pub const NAVIGATION: &[(&str, &[NavEntry])] = &[
    (
        "Fleet",
        &[
            entry("Overview", "/", icons::OVERVIEW, Permission::FleetRead),
            counted(entry("Devices", "/devices", icons::DEVICE, Permission::FleetRead), Number::Devices),
            entry("Parts", "/parts", icons::CHIP, Permission::FleetRead),
            entry("Suspect", "/devices?q=trust%3Asuspect", icons::WARN, Permission::FleetRead),
            counted(entry("Repairs", "/repairs", icons::WRENCH, Permission::FleetRead), Number::Repairs),
        ],
    ),
    (
        "Production",
        &[
            entry("Factories", "/factories", icons::FACTORY, Permission::FleetRead),
            entry("Batches", "/batches", icons::PACKAGE, Permission::FleetRead),
            entry("Imports", "/imports", icons::UPLOAD, Permission::ImportRead),
        ],
    ),
    (
        "Updates",
        &[
            entry("Releases", "/releases", icons::BOX, Permission::FleetRead),
            entry("Rollouts", "/rollouts", icons::PLAY, Permission::FleetRead),
        ],
    ),
    (
        "Trust",
        &[
            entry("Authorities", "/authorities", icons::SHIELD, Permission::AuthorityRead),
            entry("Certificates", "/certificates", icons::CERT, Permission::AuthorityRead),
            entry("Revocations", "/revocations", icons::BAN, Permission::AuthorityRead),
            counted(entry("Findings", "/findings", icons::FINDING, Permission::AuthorityRead), Number::Findings),
        ],
    ),
    (
        "Organisation",
        &[
            entry("Custodians", "/custodians", icons::BUILDING, Permission::FleetRead),
            counted(entry("Approvals", "/approvals", icons::APPROVE, Permission::ApprovalRead), Number::Approvals),
            entry("Audit", "/audit", icons::AUDIT, Permission::AuditRead),
            entry("Users", "/users", icons::PEOPLE, Permission::PeopleRead),
            entry("API tokens", "/tokens", icons::KEY, Permission::PeopleRead),
            entry("Webhooks", "/webhooks", icons::BOLT, Permission::SettingManage),
            entry("Nodes", "/settings/nodes", icons::PULSE, Permission::PeopleRead),
            entry("Settings", "/settings", icons::SLIDERS, Permission::AuthorityRead),
        ],
    ),
];

/// Which entry a page belongs to: the longest path that the page's address begins with.
fn current_of(ctx: &Ctx) -> &'static str {
    let here = ctx.here();
    if NAVIGATION.iter().flat_map(|(_, entries)| *entries).any(|entry| entry.href == here) {
        return NAVIGATION
            .iter()
            .flat_map(|(_, entries)| *entries)
            .find(|entry| entry.href == here)
            .map_or("", |entry| entry.href);
    }
    let path = ctx.uri.path();
    NAVIGATION
        .iter()
        .flat_map(|(_, entries)| *entries)
        .map(|entry| entry.href)
        .filter(|href| path == *href || (*href != "/" && path.starts_with(&format!("{href}/"))))
        .max_by_key(|href| href.len())
        .unwrap_or("")
}

/// The entries that whoever asks may see.
fn visible(ctx: &Ctx, entries: &'static [NavEntry]) -> Vec<&'static NavEntry> {
    entries.iter().filter(|entry| ctx.may(entry.needs)).collect()
}

fn entry_link(entry: &'static NavEntry, counts: NavCounts, current: &str) -> impl IntoView + use<> {
    let (n, class) = match entry.number {
        Number::None => (0, ""),
        Number::Devices => (counts.devices, "n"),
        Number::Approvals => (counts.approvals, "n hot"),
        Number::Findings => (counts.findings, "n hot"),
        Number::Repairs => (counts.repairs, "n"),
    };
    let number = (n > 0).then(|| view! { <span class=class>{count(n)}</span> });
    view! {
        <a href=entry.href aria-current=(entry.href == current).then_some("page")>
            {icon(entry.icon)}
            {entry.label}
            {number}
        </a>
    }
}

/// The column at the left.
pub fn side(ctx: &Ctx, counts: NavCounts) -> impl IntoView + use<> {
    let current = current_of(ctx);
    let groups: Vec<_> = NAVIGATION
        .iter()
        .map(|(title, entries)| (*title, visible(ctx, entries)))
        .filter(|(_, entries)| !entries.is_empty())
        .map(|(title, entries)| {
            let links: Vec<_> =
                entries.into_iter().map(|entry| view! { <li>{entry_link(entry, counts, current)}</li> }).collect();
            view! {
                <div>
                    <h2>{title}</h2>
                    <ul>{links}</ul>
                </div>
            }
        })
        .collect();
    view! {
        <header class="side">
            <a class="brand" href="/" aria-label="Muster, overview">
                {mark()}
                <span class="word">"Muster"</span>
            </a>
            <nav class="nav" aria-label="Main">{groups}</nav>
            {me(ctx)}
        </header>
    }
}

/// Who is signed in, with the way to one's account, the theme and the way out.
fn me(ctx: &Ctx) -> impl IntoView + use<> {
    let role = ctx.actor.role().map_or("", |role| role.label());
    let name = match &ctx.actor {
        Actor::User { name, .. } => name.clone(),
        other => other.name().to_owned(),
    };
    view! {
        <div class="me">
            <a class="me-link" href="/account" title="Your account">
                <span class="who">{icon(icons::USER)}</span>
                <span class="clip">
                    <b>{name}</b>
                    <br />
                    <span class="quiet">{role}</span>
                </span>
            </a>
            <span class="row push">{theme_switch(ctx)} {sign_out()}</span>
        </div>
    }
}

fn sign_out() -> impl IntoView {
    view! {
        <form method="post" action="/sign-out">
            <button class="btn plain small square" type="submit" aria-label="Sign out" title="Sign out">
                {icon(icons::SIGN_OUT)}
            </button>
        </form>
    }
}

/// One button that moves on to the next theme: system, light, dark.
fn theme_switch(ctx: &Ctx) -> impl IntoView + use<> {
    let (drawn, label, next) = match ctx.theme {
        Theme::System => (icons::AUTO, "Theme: follows the system. Change to light", "light"),
        Theme::Light => (icons::SUN, "Theme: light. Change to dark", "dark"),
        Theme::Dark => (icons::MOON, "Theme: dark. Change to the system's", "system"),
    };
    view! {
        <form method="post" action="/theme">
            <input type="hidden" name="next" value=ctx.here() />
            <button class="btn plain small square" type="submit" name="theme" value=next aria-label=label title=label>
                {icon(drawn)}
            </button>
        </form>
    }
}

/// Three buttons for the height of table rows.
#[must_use]
pub fn density_switch(ctx: &Ctx) -> impl IntoView + use<> {
    let present = ctx.density;
    let buttons: Vec<_> = Density::ALL
        .into_iter()
        .map(|density| {
            let pressed = if density == present { "true" } else { "false" };
            view! {
                <button class="btn small" type="submit" name="density" value=density.word() aria-pressed=pressed>
                    {density.label()}
                </button>
            }
        })
        .collect();
    view! {
        <form class="hide-phone" method="post" action="/density">
            <input type="hidden" name="next" value=ctx.here() />
            <span class="btns" role="group" aria-label="Row height">{buttons}</span>
        </form>
    }
}

/// One step of the way to a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crumb {
    /// Its words.
    pub label: String,
    /// Where it leads.
    pub href: String,
}

/// The bar above a page: where one is, the way to everything else, and how fresh the page is.
pub fn top(ctx: &Ctx, counts: NavCounts, title: &str, crumbs: Vec<Crumb>, live: AnyView) -> impl IntoView + use<> {
    let crumbs: Vec<_> = crumbs
        .into_iter()
        .map(|crumb| {
            view! {
                <a href=crumb.href>{crumb.label}</a>
                <span class="sep" aria-hidden="true">"/"</span>
            }
        })
        .collect();
    view! {
        <section class="top" aria-label="Page bar">
            <nav class="crumbs" aria-label="Breadcrumb">
                {crumbs}
                <span aria-current="page">{title.to_owned()}</span>
            </nav>
            <a class="jump" href="/devices" aria-label="Search or jump to" data-palette>
                {icon(icons::SEARCH)}
                <span>"Search or jump to"</span>
                <kbd>"Ctrl K"</kbd>
            </a>
            {live}
            {phone_menu(ctx, counts)}
        </section>
    }
}

fn phone_menu(ctx: &Ctx, counts: NavCounts) -> impl IntoView + use<> {
    let current = current_of(ctx);
    let links: Vec<_> = NAVIGATION
        .iter()
        .flat_map(|(_, entries)| visible(ctx, entries))
        .map(|entry| entry_link(entry, counts, current))
        .collect();
    view! {
        <details class="menu menu-phone">
            <summary class="btn plain square" aria-label="Menu">{icon(icons::MENU)}</summary>
            <div class="pop">
                <nav aria-label="Main, small screen">
                    {links}
                    <a href="/scan">{icon(icons::SCAN)}"Scan a label"</a>
                    <a href="/account">{icon(icons::USER)}"Your account"</a>
                </nav>
                <div class="row pop-foot">{theme_switch(ctx)} {sign_out()}</div>
            </div>
        </details>
    }
}
