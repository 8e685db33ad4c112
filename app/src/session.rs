//! What an action asks of the session of whoever sent the form. The server, which keeps sessions and their cookie,
//! does it before the answer leaves; if it can't, the answer is an error page instead.

use axum::response::Response;
use domain::{factor::SignInBy, id::UserId, time::Timestamp};
use fleet::factor::HalfWay;

/// What becomes of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionChange {
    /// A new one begins, under a new id.
    Begin(Beginning),
    /// One begins in which nothing can be done but the second step of signing in.
    HalfWay(HalfWay),
    /// Its owner showed a second factor.
    Proved(Timestamp),
    /// It ends.
    End,
}

/// How a session begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// The account.
    pub user: UserId,
    /// How its owner came in.
    pub by: SignInBy,
    /// When a second factor was shown, if one was.
    pub proved_at: Option<Timestamp>,
}

/// The answer of an action, with what becomes of the session.
#[must_use]
pub fn with_session(mut response: Response, change: SessionChange) -> Response {
    response.extensions_mut().insert(change);
    response
}

/// Which session a request came with, as the database knows it: among an account's sessions it is the present one.
/// The server puts it into the extensions of requests of signed-in people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionId(pub String);
