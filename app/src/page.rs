//! What a page is: it loads, then it is shown, or a designed page says why not.

use crate::{
    components::nav::{Crumb, NavCounts},
    context::{Ctx, ctx},
    pages::{errors, prove},
    shell,
};
use axum::http::StatusCode;
use domain::person::Permission;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_router::params::ParamsMap;

/// What stands around a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Navigation and page bar.
    Console,
    /// Nothing: the page is the whole window (sign-in, set-up).
    Bare,
}

/// A page that has loaded.
pub struct Page {
    pub(crate) title: String,
    pub(crate) crumbs: Vec<Crumb>,
    pub(crate) frame: Frame,
    pub(crate) topics: String,
    pub(crate) body: AnyView,
    status: Option<StatusCode>,
}

impl Page {
    /// A page of the console. Its title stands in the window's title and in the page bar.
    #[must_use]
    pub fn new(title: impl Into<String>, body: impl IntoView + 'static) -> Self {
        Self {
            title: title.into(),
            crumbs: Vec::new(),
            frame: Frame::Console,
            topics: String::new(),
            body: body.into_any(),
            status: None,
        }
    }

    /// A page that stands above this one.
    #[must_use]
    pub fn crumb(mut self, label: impl Into<String>, href: impl Into<String>) -> Self {
        self.crumbs.push(Crumb { label: label.into(), href: href.into() });
        self
    }

    /// Without navigation and page bar.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.frame = Frame::Bare;
        self
    }

    /// Which changes make this page stale, separated by commas: `device:GW2C-2611-04217,import`.
    #[must_use]
    pub fn live(mut self, topics: impl Into<String>) -> Self {
        self.topics = topics.into();
        self
    }

    /// The status of the answer, when it is not 200.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }
}

/// A route's view: loads the page, sets the answer's status, and renders the whole document.
/// What goes wrong becomes a designed page.
pub fn page<F, Fut>(load: F) -> AnyView
where
    F: FnOnce(Ctx) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Page, fleet::Error>> + Send + 'static,
{
    // While the routes are listed there is no request.
    let Some(mut ctx) = ctx() else { return ().into_any() };
    // The page for addresses that no route knows has none.
    let params = use_context::<ArcMemo<ParamsMap>>().map(|params| params.get_untracked()).unwrap_or_default();
    ctx.params = params.into_iter().map(|(key, value)| (key.into_owned(), value)).collect();
    let response = use_context::<ResponseOptions>();
    Suspend::new(async move {
        let page = match (ctx.problem.take(), ctx.prove.take()) {
            (Some(problem), _) => errors::page_of(&ctx, &problem),
            (None, Some(posted)) => prove::page(&ctx, &posted).await,
            (None, None) => load(ctx.clone()).await.unwrap_or_else(|error| errors::page(&ctx, &error)),
        };
        let counts = counts(&ctx, page.frame).await;
        if let Some(response) = response {
            response.set_status(page.status.unwrap_or(ctx.status));
        }
        shell::document(&ctx, counts, page)
    })
    .into_any()
}

/// What the navigation counts. A page is worth more than its frame: if counting fails, it goes without numbers.
async fn counts(ctx: &Ctx, frame: Frame) -> NavCounts {
    if frame == Frame::Bare || !ctx.signed_in() {
        return NavCounts::default();
    }
    let devices = read_count(ctx.fleet.device_total(&ctx.actor).await);
    let approvals = match ctx.may(Permission::ApprovalRead) {
        true => read_count(ctx.fleet.approvals_waiting(&ctx.actor).await),
        false => 0,
    };
    let findings = match ctx.may(Permission::AuthorityRead) {
        true => read_count(ctx.fleet.findings_open(&ctx.actor).await),
        false => 0,
    };
    let repairs = read_count(ctx.fleet.repairs_open(&ctx.actor).await);
    NavCounts { devices, approvals, findings, repairs }
}

fn read_count(read: Result<i64, fleet::Error>) -> i64 {
    read.unwrap_or_else(|error| {
        tracing::warn!(%error, "a number of the navigation could not be read");
        0
    })
}
