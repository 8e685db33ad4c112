//! Panels, page heads, tabs, facts: the furniture of a page.

use super::{
    icons::{self, Icon},
    status::Tone,
    text::count,
};
use leptos::prelude::*;

/// A page's head: what it is, its state, and what can be done.
#[must_use]
pub fn head<T, S, A>(title: T, sub: S, acts: A) -> impl IntoView
where
    T: IntoView + 'static,
    S: IntoView + 'static,
    A: IntoView + 'static,
{
    view! {
        <div class="head">
            <div>
                <h1>{title}</h1>
                {sub}
            </div>
            <div class="acts">{acts}</div>
        </div>
    }
}

/// A panel in the making.
#[must_use]
pub struct Panel {
    title: AnyView,
    id: Option<String>,
    count: Option<i64>,
    aside: Option<AnyView>,
    footer: Option<AnyView>,
}

impl Panel {
    /// A panel under this heading.
    pub fn new(title: impl IntoView + 'static) -> Self {
        Self { title: title.into_any(), id: None, count: None, aside: None, footer: None }
    }

    /// The name that a link can jump to.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// A number beside the heading.
    pub fn count(mut self, count: i64) -> Self {
        self.count = Some(count);
        self
    }

    /// What stands at the heading's right.
    pub fn aside(mut self, aside: impl IntoView + 'static) -> Self {
        self.aside = Some(aside.into_any());
        self
    }

    /// What stands below the body.
    pub fn footer(mut self, footer: impl IntoView + 'static) -> Self {
        self.footer = Some(footer.into_any());
        self
    }

    /// The panel around a padded body.
    pub fn body(self, body: impl IntoView + 'static) -> impl IntoView {
        self.flush(view! { <div class="body">{body}</div> })
    }

    /// The panel around a body that reaches its edges (a table, a list).
    pub fn flush(self, body: impl IntoView + 'static) -> impl IntoView {
        let Self { title, id, count: number, aside, footer } = self;
        view! {
            <section class="panel" id=id>
                <header>
                    <h2>{title}{number.map(|n| view! { " "<span class="n">{count(n)}</span> })}</h2>
                    {aside.map(|aside| view! { <span class="aside">{aside}</span> })}
                </header>
                {body}
                {footer.map(|footer| view! { <footer>{footer}</footer> })}
            </section>
        }
    }
}

/// A part of a panel that is folded away, with its gist in sight; works without a script.
#[must_use]
pub fn fold(
    title: impl IntoView + 'static,
    gist: impl IntoView + 'static,
    is_open: bool,
    body: impl IntoView + 'static,
) -> impl IntoView {
    view! {
        <details class="folded" open=is_open>
            <summary><span class="gist"><b>{title}</b><small>{gist}</small></span></summary>
            {body}
        </details>
    }
}

/// Figures in a row: each with what it counts, and whether it is the one that hurts.
#[must_use]
pub fn figures(figures: Vec<(AnyView, String, bool)>) -> impl IntoView {
    let all: Vec<_> = figures
        .into_iter()
        .map(|(figure, of, is_hot)| view! { <div class=is_hot.then_some("hot")><b>{figure}</b><span>{of}</span></div> })
        .collect();
    view! { <div class="impact">{all}</div> }
}

/// One tab: its words, where it leads, a number, and whether it is the present one.
pub struct Tab {
    /// The words.
    pub label: String,
    /// Where it leads.
    pub href: String,
    /// A number beside the words.
    pub count: Option<i64>,
    /// Whether it is the present one.
    pub current: bool,
}

/// A row of tabs; each is a link.
#[must_use]
pub fn tabs(label: &'static str, tabs: Vec<Tab>) -> impl IntoView + use<> {
    let tabs: Vec<_> = tabs
        .into_iter()
        .map(|tab| {
            view! {
                <a href=tab.href aria-current=tab.current.then_some("page")>
                    {tab.label}
                    {tab.count.map(|n| view! { " "<span class="n">{count(n)}</span> })}
                </a>
            }
        })
        .collect();
    view! { <nav class="tabs" aria-label=label>{tabs}</nav> }
}

/// Terms and what they are.
#[must_use]
pub fn facts(facts: Vec<(&'static str, AnyView)>) -> impl IntoView + use<> {
    let rows: Vec<_> = facts.into_iter().map(|(term, fact)| view! { <dt>{term}</dt><dd>{fact}</dd> }).collect();
    view! { <dl class="facts">{rows}</dl> }
}

/// A remark in a box.
#[must_use]
pub fn note(tone: Tone, icon: Icon, body: impl IntoView + 'static) -> impl IntoView {
    let class = match tone {
        Tone::Ok => "note ok",
        Tone::Warn => "note warn",
        Tone::Bad => "note bad",
        Tone::Hold => "note hold",
        Tone::Go => "note go",
        Tone::Mute | Tone::Plain => "note",
    };
    view! { <div class=class>{icons::icon(icon)}<div>{body}</div></div> }
}

/// A link that looks like a button.
#[must_use]
pub fn link_button(href: impl Into<String>, icon: Icon, label: impl Into<String>) -> impl IntoView {
    view! { <a class="btn" href=href.into()>{icons::icon(icon)}{label.into()}</a> }
}

/// The one link of a page that matters most, as a button.
#[must_use]
pub fn primary_link(href: impl Into<String>, icon: Icon, label: impl Into<String>) -> impl IntoView {
    view! { <a class="btn primary" href=href.into()>{icons::icon(icon)}{label.into()}</a> }
}

/// A button for what can't be done now; `why` says why.
#[must_use]
pub fn disabled_button(icon: Icon, label: impl Into<String>, why: impl Into<String>) -> impl IntoView {
    view! {
        <button class="btn" type="button" aria-disabled="true" title=why.into()>{icons::icon(icon)}{label.into()}</button>
    }
}

/// A menu behind three dots; works without a script.
#[must_use]
pub fn more_menu(items: Vec<(Icon, String, String)>) -> impl IntoView + use<> {
    let items: Vec<_> =
        items.into_iter().map(|(icon, label, href)| view! { <a href=href>{icons::icon(icon)}{label}</a> }).collect();
    view! {
        <details class="menu">
            <summary class="btn square" aria-label="More actions">{icons::icon(icons::DOTS)}</summary>
            <div class="pop">{items}</div>
        </details>
    }
}

/// A button that asks before it does what can't be undone; works without a script.
#[must_use]
pub fn confirmed(
    summary: impl IntoView + 'static,
    what: impl IntoView + 'static,
    action: String,
    label: &'static str,
) -> impl IntoView {
    asked(summary, what, action, ("btn small danger solid", label))
}

/// A button that says what it does before it acts; works without a script.
#[must_use]
pub fn asked(
    summary: impl IntoView + 'static,
    what: impl IntoView + 'static,
    action: String,
    (class, label): (&'static str, &'static str),
) -> impl IntoView {
    view! {
        <details class="menu confirm">
            {summary}
            <form class="pop stack tight" method="post" action=action>
                <p>{what}</p>
                <div><button class=class type="submit">{label}</button></div>
            </form>
        </details>
    }
}

/// A dialog that opens by its address (`href="#id"`) and closes by another; works without a script.
/// Order of the body: impact, warning, reason, typed name, second person.
#[must_use]
pub fn dialog(
    id: &'static str,
    title: impl Into<String>,
    body: impl IntoView + 'static,
    footer: impl IntoView + 'static,
) -> impl IntoView {
    let heading = format!("{id}-title");
    let labelled = heading.clone();
    view! {
        <div class="overlay" id=id role="dialog" aria-modal="true" aria-labelledby=labelled>
            <div class="dialog">
                <header>
                    <h2 id=heading>{title.into()}</h2>
                    <a class="btn plain small square push" href="#main" aria-label="Close">{icons::icon(icons::X)}</a>
                </header>
                <div class="body">{body}</div>
                <footer>{footer}</footer>
            </div>
        </div>
    }
}
