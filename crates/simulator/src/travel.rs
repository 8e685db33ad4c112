//! Travel in time: the demo's past is made by the same deeds as its present, only earlier.

use domain::time::Timestamp;
use fleet::Clock;
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// A clock that shows the machine's time until it is set to another moment.
#[derive(Clone, Debug, Default)]
pub struct Travel(Arc<AtomicI64>);

impl Travel {
    /// The clock, for a fleet.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let set = Arc::clone(&self.0);
        Arc::new(move || match set.load(Ordering::Relaxed) {
            0 => fleet::system_time(),
            at => Timestamp(at),
        })
    }

    /// Stops the clock at a moment.
    pub fn to(&self, at: Timestamp) {
        self.0.store(at.0, Ordering::Relaxed);
    }

    /// Back to the present.
    pub fn home(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}
