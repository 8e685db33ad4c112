//! What an answer leaves unread of its request. A client that is still sending when its connection or stream is reset
//! never reads the answer: curl 7.88 then says "stream was not closed cleanly" where we had said what is wrong.

use super::watched::{Polled, Watch, Watched};
use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    middleware::Next,
    response::Response,
};
use http::header;
use http_body_util::BodyExt;
use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

/// How much more is read and thrown away, in bytes. Whoever sends more than that is hung up on.
const MOST: usize = 16 * 1024 * 1024;
/// For how long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads what the handler left of the request's body before the answer is given.
pub async fn discard(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let left = Left::default();
    // Whoever waits to be told to go on is not sending yet, and is not asked for what nobody wants.
    let waits = request.headers().get(header::EXPECT).is_some_and(|value| value == "100-continue");
    let request = request
        .map(|body| Body::new(Watched::new(body, Returned { left: left.clone(), sending: !waits, over: false })));
    let response = next.run(request).await;
    if let Some(body) = left.take() {
        // Whoever is too slow for it gets the answer all the same.
        let _ = tokio::time::timeout(PATIENCE, exhaust(body)).await;
    }
    response
}

async fn exhaust(mut body: Body) {
    let mut discarded = 0;
    while let Some(Ok(frame)) = body.frame().await {
        discarded += frame.data_ref().map_or(0, Bytes::len);
        if discarded > MOST {
            return;
        }
    }
}

/// Where a body goes that was dropped before its end.
#[derive(Clone, Default)]
struct Left(Arc<Mutex<Option<Body>>>);

impl Left {
    fn take(&self) -> Option<Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, body: Body) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
    }
}

/// Gives a request's body back to `left` when it is dropped before its end.
struct Returned {
    left: Left,
    /// Whether it is on its way, as far as we know.
    sending: bool,
    over: bool,
}

impl Watch for Returned {
    fn polled(&mut self, _: &mut Context<'_>, polled: Polled) -> Polled {
        self.sending = true;
        self.over |= matches!(polled, Poll::Ready(None | Some(Err(_))));
        polled
    }

    fn dropped(&mut self, body: Body) {
        if self.sending && !self.over && !body.is_end_stream() {
            self.left.put(body);
        }
    }
}
