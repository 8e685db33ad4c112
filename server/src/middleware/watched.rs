//! A request's body, and somebody who watches it come.

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// What asking a body for more gave.
pub(super) type Polled = Poll<Option<Result<Frame<Bytes>, axum::Error>>>;

/// Who watches a body.
pub(super) trait Watch: Unpin {
    /// What the body gave; what is to be given on.
    fn polled(&mut self, context: &mut Context<'_>, polled: Polled) -> Polled;

    /// Whether nothing more is to be asked of the body, whatever it says.
    fn is_over(&self) -> bool {
        false
    }

    /// The body is not wanted any more.
    fn dropped(&mut self, _body: Body) {}
}

/// A body that is watched.
pub(super) struct Watched<W: Watch> {
    body: Body,
    watch: W,
}

impl<W: Watch> Watched<W> {
    /// This body under these eyes.
    pub(super) const fn new(body: Body, watch: W) -> Self {
        Self { body, watch }
    }
}

impl<W: Watch> HttpBody for Watched<W> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        if self.watch.is_over() {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.watch.polled(context, polled)
    }

    fn is_end_stream(&self) -> bool {
        self.watch.is_over() || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<W: Watch> Drop for Watched<W> {
    fn drop(&mut self) {
        self.watch.dropped(std::mem::take(&mut self.body));
    }
}
