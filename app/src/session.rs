//! What an action asks of the session of whoever sent the form. The server, which keeps sessions and their cookie,
//! does it before the answer leaves; if it can't, the answer is an error page instead.

use axum::response::Response;
use domain::id::UserId;

/// What becomes of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionChange {
    /// A new one begins for this account, under a new id.
    Begin(UserId),
    /// It ends.
    End,
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
