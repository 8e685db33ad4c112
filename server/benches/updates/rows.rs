//! The table: each size, and then what growing costs.

use crate::{
    calls::Heard,
    growth,
    measured::Measured,
    table::{Row, grouped, per_second, percentile, time},
};
use std::time::Duration;

/// A rollout is to be created and started in this.
const SECOND: Duration = Duration::from_secs(1);

pub fn rows(all: &[Measured]) -> Vec<Row> {
    let mut rows: Vec<Row> = all.iter().flat_map(of_one).collect();
    let Some(smallest) = all.first() else { return rows };
    for larger in all.iter().skip(1) {
        for ((what, here, bare), (_, few, bare_few)) in larger.polls.iter().zip(&smallest.polls) {
            let what = format!("polls, {what}");
            rows.push(growth::by_the_clock(&what, (larger.devices, here), (smallest.devices, few)));
            rows.push(growth::by_the_limit(&what, (larger.devices, here, bare), (smallest.devices, few, bare_few)));
        }
    }
    rows
}

fn of_one(measured: &Measured) -> Vec<Row> {
    let among = |what: &str| format!("{what}, of {} devices", grouped(measured.devices));
    let mut rows = Vec::new();
    for (what, here, bare) in &measured.polls {
        let what = format!("polls, {what}");
        rows.push(Row::rate(among(&what), here.rate(), ("a bare handler", bare.rate()), "0.5"));
        for percent in [50, 99] {
            let at = |heard: &Heard| percentile(&mut heard.times.clone(), percent);
            rows.push(Row::time(among(&format!("{what}: p{percent}")), at(here), ("a bare handler", at(bare)), ""));
        }
    }
    let [(_, none, _), (_, some, _)] = &measured.polls;
    rows.push(Row::rate(among("polls with rollouts"), some.rate(), ("polls without", none.rate()), ""));
    rows.push(Row::rate(among("first told of an update, each durable"), measured.offers, ("polls", some.rate()), ""));
    let (here, there) = &measured.plain;
    rows.push(beside(among("polls over plain HTTP"), *here, ("gooseBit", there), per_second, "200"));
    let (here, there) = &measured.bytes;
    rows.push(beside(among("downloads by mutual TLS"), *here, ("nginx, sendfile", there), mebibytes, ""));
    let limit = ("limit", SECOND);
    let slowest = |of: fn(&crate::rollouts::Taken) -> Duration| {
        measured.rollouts.iter().map(|running| of(&running.taken)).max().unwrap_or_default()
    };
    let frozen = slowest(|taken| taken.frozen);
    let started = slowest(|taken| taken.started);
    rows.push(Row::time(among("a rollout created and frozen, the slowest of 5"), frozen, limit, "1"));
    rows.push(Row::time(among("approval until the first device is told, the slowest of 5"), started, limit, "1"));
    rows.push(Row::time(among("both together"), frozen + started, limit, "1"));
    let advanced = measured.advanced.iter().max().copied().unwrap_or_default();
    rows.push(Row::time(among("the next wave opened, the slowest of 5"), advanced, limit, ""));
    rows.push(Row::time(among("one look for who joins 5 rollouts"), measured.joining, limit, ""));
    rows.push(plain(among("resident memory of it all, with who calls"), format!("{} MiB", measured.memory)));
    rows.push(plain(among("database"), format!("{} MiB", measured.disk)));
    rows.push(plain(among("filling the fleet"), time(measured.filled)));
    rows
}

/// A rate beside another program's, or why there is none.
fn beside(
    what: String,
    here: f64,
    (name, there): (&str, &Result<f64, String>),
    shown: fn(f64) -> String,
    wanted: &'static str,
) -> Row {
    let (there, ratio) = match there {
        Ok(rate) => (shown(*rate), Some(here / rate)),
        Err(why) => (why.clone(), None),
    };
    Row { what, here: shown(here), beside: name.to_owned(), there, ratio, wanted }
}

fn mebibytes(rate: f64) -> String {
    format!("{:.0} MiB/s", rate / f64::from(1 << 20))
}

fn plain(what: String, here: String) -> Row {
    Row { what, here, beside: String::new(), there: String::new(), ratio: None, wanted: "" }
}
