//! What a larger fleet costs whoever calls, beside the smallest one that was measured.

use crate::{
    calls::Heard,
    table::{Row, grouped},
};
use std::time::Duration;

/// What one request costs by the clock.
pub fn by_the_clock(what: &str, (devices, here): (usize, &Heard), (few, there): (usize, &Heard)) -> Row {
    let cost = |heard: &Heard| Duration::from_secs_f64(1.0 / heard.rate());
    let what = format!("cost of one of the {what}, of {} devices", grouped(devices));
    Row::time(what, cost(here), (&format!("of {}", grouped(few)), cost(there)), "")
}

/// The same in requests of the bare handler that was asked in turn with it: that a machine was busier for one size than for the
/// other takes nothing from either.
pub fn by_the_limit(
    what: &str,
    (devices, here, bare): (usize, &Heard, &Heard),
    (few, there, bare_there): (usize, &Heard, &Heard),
) -> Row {
    let (here, there) = (bare.rate() / here.rate(), bare_there.rate() / there.rate());
    Row {
        what: format!("the same of the {what}, of {} devices, in requests of a bare handler", grouped(devices)),
        here: format!("{here:.2}"),
        beside: format!("of {}", grouped(few)),
        there: format!("{there:.2}"),
        ratio: Some(here / there),
        wanted: "1.3",
    }
}
