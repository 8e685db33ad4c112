//! Who asks: a person by their session, a program by its token.

use super::RequestId;
use crate::{Console, problem, sessions};
use app::{
    Ctx,
    pages::errors,
    session::{Beginning, SessionChange, SessionId},
};
use axum::{
    Extension,
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::Response,
};
use domain::audit::Outcome;
use fleet::{Actor, Origin, factor::HalfWay};
use http::{HeaderMap, StatusCode, header};
use std::net::SocketAddr;
use tower_http::csrf::ProtectionError;
use tower_sessions::Session;

/// What the console knows of whoever sent a request, beside who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The network address.
    pub address: String,
    /// The browser or program, as it calls itself, cut to 200 characters.
    pub browser: String,
}

impl Visitor {
    fn of(request: &Request) -> Self {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        Self {
            address: peer.map(|ConnectInfo(peer)| peer.ip().to_canonical().to_string()).unwrap_or_default(),
            browser: header_text(request.headers(), header::USER_AGENT).chars().take(200).collect(),
        }
    }

    fn origin(&self) -> Origin {
        Origin { address: self.address.clone() }
    }
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Finds out who is signed in, gives pages and actions their [`Ctx`], and does with the session what an action asks.
pub async fn visitor(State(console): State<Console>, session: Session, mut request: Request, next: Next) -> Response {
    let visitor = Visitor::of(&request);
    let known = actor(&console, &session, &visitor).await;
    let nobody = |_: &fleet::Error| (Actor::Nobody { origin: visitor.origin() }, None);
    let (actor, half) = known.as_ref().map_or_else(nobody, Clone::clone);
    let ctx = Ctx { half, ..ctx(&console, actor, &request) };
    let mut response = match known {
        Ok(_) => {
            request.extensions_mut().insert(ctx.clone());
            request.extensions_mut().insert(visitor.clone());
            if let Some(id) = session.id() {
                request.extensions_mut().insert(SessionId(sessions::hashed(&id)));
            }
            let look = request.method().is_safe();
            let response = next.run(request).await;
            match note_refusal(&console, &ctx, look, response.status()).await {
                Ok(()) => response,
                Err(error) => unavailable(ctx.clone(), error).await,
            }
        }
        Err(error) => unavailable(ctx.clone(), error).await,
    };
    if let Some(change) = response.extensions_mut().remove::<SessionChange>()
        && let Err(error) = apply(&console, &session, change, visitor).await
    {
        response = unavailable(ctx.clone(), error).await;
    }
    // The page has named its scripts by it; the header that allows them is written further out.
    response.extensions_mut().insert(ctx.nonce);
    response
}

/// Audits that somebody was not shown a page. Refused deeds are audited where they are refused, in `fleet`.
async fn note_refusal(console: &Console, ctx: &Ctx, look: bool, status: StatusCode) -> Result<(), fleet::Error> {
    if !look || status != StatusCode::FORBIDDEN || !ctx.signed_in() {
        return Ok(());
    }
    let path: String = ctx.uri.path().chars().take(200).collect();
    console.fleet.audit_alone(&ctx.actor, "page.see", &path, Outcome::Denied, "").await
}

fn ctx(console: &Console, actor: Actor, request: &Request) -> Ctx {
    let (fleet, now) = (console.fleet.clone(), console.fleet.now());
    let head = (request.uri(), request.headers());
    Ctx::new(fleet, actor, now, head, RequestId::of(request), console.assets.clone())
}

/// Who asks; and of nobody, whether they are half way in.
type Known = (Actor, Option<HalfWay>);

async fn actor(console: &Console, session: &Session, visitor: &Visitor) -> Result<Known, fleet::Error> {
    let now = console.fleet.now();
    let signed_in = sessions::current(session, now).await.map_err(sessions::meant_by)?;
    let nobody = Actor::Nobody { origin: visitor.origin() };
    let Some(signed_in) = signed_in else {
        let half = sessions::half_way(session, now).await.map_err(sessions::meant_by)?;
        return Ok((nobody, half));
    };
    let found = console.fleet.actor_of_user(signed_in.user, visitor.origin()).await?;
    let Some(person) = found.map(|person| person.proved(signed_in.proved)) else { return Ok((nobody, None)) };
    let lacks = console.fleet.lacks_second_factor(&person).await?;
    Ok((if lacks { nobody } else { person }, None))
}

async fn apply(
    console: &Console,
    session: &Session,
    change: SessionChange,
    visitor: Visitor,
) -> Result<(), fleet::Error> {
    let now = console.fleet.now().0;
    let begin = |beginning: Beginning| sessions::SignedIn {
        user: beginning.user,
        begun: now,
        seen: now,
        address: visitor.address,
        browser: visitor.browser,
        by: Some(beginning.by),
        proved: beginning.proved_at,
    };
    match change {
        SessionChange::Begin(beginning) => sessions::begin(session, begin(beginning)).await,
        SessionChange::HalfWay(half) => sessions::begin_half_way(session, half).await,
        SessionChange::Proved(at) => sessions::proved(session, at).await,
        SessionChange::End => session.flush().await,
    }
    .map_err(sessions::meant_by)
}

async fn unavailable(ctx: Ctx, error: fleet::Error) -> Response {
    errors::respond_problem(ctx, errors::Problem::of(&error)).await
}

/// A form that another site sent gets a page that says so; that it was tried in somebody's name is audited.
pub async fn explain_cross_site(
    State(console): State<Console>,
    Extension(ctx): Extension<Ctx>,
    request: Request,
    next: Next,
) -> Response {
    let path: String = request.uri().path().chars().take(200).collect();
    let response = next.run(request).await;
    if response.extensions().get::<ProtectionError>().is_none() {
        return response;
    }
    if ctx.signed_in()
        && let Err(error) = console.fleet.audit_alone(&ctx.actor, "form.cross_site", &path, Outcome::Denied, "").await
    {
        return unavailable(ctx, error).await;
    }
    let told = "This form came from another site, so nothing was done. Open the page here and send it again.";
    errors::respond(ctx, StatusCode::FORBIDDEN, told).await
}

/// A page that was posted to, or an action that was only looked at.
pub async fn method_not_allowed(Extension(ctx): Extension<Ctx>) -> Response {
    let told = "This address can't be used this way. Go back and use the form or the link again.";
    errors::respond(ctx, StatusCode::METHOD_NOT_ALLOWED, told).await
}

/// Finds out which program asks, and names the request in what goes wrong.
pub async fn program(State(console): State<Console>, mut request: Request, next: Next) -> Response {
    let (id, instance) = (RequestId::of(&request), request.uri().path().chars().take(200).collect::<String>());
    let visitor = Visitor::of(&request);
    let given = header_text(request.headers(), header::AUTHORIZATION).to_owned();
    let response = match bearer(&console, &given, &visitor).await {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            request.extensions_mut().insert(visitor);
            next.run(request).await
        }
        Err(refusal) => refusal,
    };
    name_problem(response, id, instance)
}

async fn bearer(console: &Console, given: &str, visitor: &Visitor) -> Result<Actor, Response> {
    if given.is_empty() {
        return Ok(Actor::Nobody { origin: visitor.origin() });
    }
    let token = given.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let found = match token {
        Some((_, token)) => console.fleet.actor_of_token(token.trim(), visitor.origin()).await,
        None => Ok(None),
    };
    match found {
        Ok(Some(actor)) => Ok(actor),
        Ok(None) => Err(problem::unauthorized(
            "This token is not known, has expired, or was revoked. Make a new one in the console.",
        )),
        Err(error) => Err(problem::of(&error)),
    }
}

fn name_problem(response: Response, request_id: String, instance: String) -> Response {
    match response.extensions().get::<problem::Problem>() {
        Some(known) => problem::rename(&response, problem::Problem { request_id, instance, ..known.clone() }),
        None => response,
    }
}
