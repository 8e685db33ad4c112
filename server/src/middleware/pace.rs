//! How slowly a request's body may come. A pause alone is no limit: whoever sends a byte now and then would keep a place
//! for days.

use super::{
    body::is_import,
    watched::{Polled, Watch, Watched},
};
use axum::{
    body::{Body, HttpBody},
    extract::Request,
    middleware::Next,
    response::Response,
};
use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep_until};

/// How fast a body has to come.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// The longest pause.
    pause: Duration,
    /// For how long a body may come that brings next to nothing.
    first: Duration,
    /// What as many bytes buy as `rate` says: that much longer.
    more: Duration,
    rate: u64,
    /// For how long any body may come.
    longest: Duration,
}

/// What the slowest line brings, four times over.
const USUAL: Pace = Pace {
    pause: Duration::from_secs(30),
    first: Duration::from_secs(30),
    more: Duration::from_secs(1),
    rate: 8 * 1024,
    longest: Duration::from_secs(600),
};
/// Whoever sends a file to be imported has said who they are, and it may be large.
const FILE: Pace = Pace { longest: Duration::MAX, ..USUAL };

/// Ends bodies that dawdle.
pub async fn keep(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let pace = if is_import(request.method(), request.uri().path()) { FILE } else { USUAL };
    next.run(request.map(|body| Body::new(Paced::body(body, pace)))).await
}

/// The body came too slowly.
#[derive(Debug, thiserror::Error)]
#[error("the body came too slowly")]
struct TooSlow;

/// Breaks a body that dawdles. Its time begins when somebody wants to read it.
struct Paced {
    pace: Pace,
    came: u64,
    /// When somebody first waited for it, and when something last came.
    since: Option<(Instant, Instant)>,
    timer: Option<Pin<Box<Sleep>>>,
    over: bool,
}

impl Paced {
    const fn body(body: Body, pace: Pace) -> Watched<Self> {
        Watched::new(body, Self { pace, came: 0, since: None, timer: None, over: false })
    }

    /// Until when something more has to come.
    fn until(&self, (begun, last): (Instant, Instant)) -> Instant {
        let Pace { pause, first, more, rate, longest } = self.pace;
        let bought = more.saturating_mul(u32::try_from(self.came / rate).unwrap_or(u32::MAX));
        let end = begun.checked_add(first.saturating_add(bought).min(longest));
        end.unwrap_or(last + pause).min(last + pause)
    }
}

impl Watch for Paced {
    fn polled(&mut self, context: &mut Context<'_>, polled: Polled) -> Polled {
        let (begun, last) = self.since.unwrap_or_else(|| (Instant::now(), Instant::now()));
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.came += frame.data_ref().map_or(0, |data| data.len() as u64);
                self.since = Some((begun, Instant::now()));
                return polled;
            }
            Poll::Ready(_) => {
                self.over = true;
                return polled;
            }
            Poll::Pending => self.since = Some((begun, last)),
        }
        let until = self.until((begun, last));
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if timer.deadline() != until {
            timer.as_mut().reset(until);
        }
        if timer.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.over = true;
        Poll::Ready(Some(Err(axum::Error::new(TooSlow))))
    }

    fn is_over(&self) -> bool {
        self.over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{StreamExt, stream};
    use http_body_util::BodyExt;
    use tokio::time::sleep;

    const MS: Duration = Duration::from_millis(1);
    const SHORT: Pace = Pace {
        pause: Duration::from_millis(300),
        first: Duration::from_millis(300),
        more: Duration::from_millis(10),
        rate: 1_000,
        longest: Duration::from_millis(1_500),
    };

    /// For how long a body lasts that brings so many bytes each so often, and whether it came whole.
    async fn lasts(bytes: usize, every: Duration, times: usize, pace: Pace) -> (u128, bool) {
        let drip = stream::iter(0..times).then(move |_| async move {
            sleep(every).await;
            Ok::<_, std::io::Error>(vec![b'x'; bytes])
        });
        let begun = Instant::now();
        let whole = Body::new(Paced::body(Body::from_stream(drip), pace)).collect().await.is_ok();
        (begun.elapsed().as_millis(), whole)
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_dawdles_is_cut_short_and_whoever_is_only_slow_is_not() {
        let (a_byte, a_pause, slow) = tokio::join!(
            lasts(1, 100 * MS, 100, SHORT),
            lasts(50_000, 350 * MS, 2, SHORT),
            // 5 KB in 50 ms buy as much again: by themselves they would not do.
            lasts(5_000, 40 * MS, 20, SHORT),
        );
        assert!(!a_byte.1 && (300..900).contains(&a_byte.0), "a byte now and then: {a_byte:?}");
        assert!(!a_pause.1 && (300..900).contains(&a_pause.0), "a pause: {a_pause:?}");
        assert!(slow.1 && slow.0 >= 800, "a slow line: {slow:?}");
        let (endless, file) = tokio::join!(
            lasts(50_000, 20 * MS, 100, SHORT),
            lasts(50_000, 20 * MS, 100, Pace { longest: Duration::MAX, ..SHORT }),
        );
        assert!(!endless.1 && (1_500..2_000).contains(&endless.0), "no body comes for ever: {endless:?}");
        assert!(file.1 && file.0 >= 2_000, "but a file does: {file:?}");
        assert!(lasts(0, MS, 0, SHORT).await.1, "nothing is whole, too");
    }
}
