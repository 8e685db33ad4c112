//! How often what happens lies in the range that was foreseen.
//!
//! A product is drawn, then rollouts of it as they are known afterwards, by the last of which the next one is foreseen, and then that
//! one happens (`reality.rs`).

use crate::{
    experiments::{Chance, run, share},
    reality::{Product, ROUGH, USUAL, World, happen, plan},
    table::{Table, Wanted, percent},
};
use domain::{
    rollout::{Basis, ExpectedCourse, Past, Plan, Range, expect},
    time::Timestamp,
};

/// By how many rollouts before a rollout is foreseen.
const BEFORE: [usize; 4] = [1, 3, 8, 20];
/// A forecast takes some milliseconds: of so many experiments one is made.
const FEWER: u64 = 10;
/// Of how many products that are rougher than expected, likewise.
const FEWER_ROUGH: u64 = 40;
/// What a range is to hold at least, and at most.
const RANGE: (f64, f64) = (0.8, 0.92);

/// What was foreseen and what came true.
struct Told {
    /// Whether the time was below its range, in it, or above; none where it did not get through, or was not expected to.
    time: Option<Place>,
    /// Likewise the number of devices verified at half of the expected time, and when least was known of it.
    half: Place,
    least: Place,
    /// How wide the range of the time was, as a factor.
    width: f64,
    /// In which share of the runs it got through, and whether it did.
    through: (f64, bool),
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Below,
    Within,
    Above,
}

impl Place {
    fn of(range: Range, n: u64) -> Self {
        if n < range.low {
            Self::Below
        } else if n > range.high {
            Self::Above
        } else {
            Self::Within
        }
    }
}

/// Foresees a rollout by so many of those before it, and compares that with what comes.
fn compare(product: &Product, plan: &Plan, rollouts: &Past, before: usize, seed: &Chance) -> Told {
    let past = Past { rollouts: rollouts.rollouts.iter().take(before).cloned().collect() };
    let crowds = product.crowds();
    let course: ExpectedCourse = expect(&Basis { plan, crowds: &crowds, past: &past, size: 0, start: Timestamp(0) });
    let came = happen(product, plan, &mut seed.clone());
    let widest = course.points.iter().max_by_key(|point| point.done.high - point.done.low);
    let middle = course.takes.map_or(0, |takes| takes.mid / 2);
    let half = course.points.iter().min_by_key(|point| point.minute.abs_diff(middle));
    let done = |point: Option<&domain::rollout::Point>| {
        point.map_or(Place::Within, |point| Place::of(point.done, came.done(point.minute)))
    };
    Told {
        time: course.takes.zip(came.took).map(|(range, took)| Place::of(range, took)),
        half: done(half),
        least: done(widest),
        width: course.takes.map_or(1.0, |takes| takes.high as f64 / takes.low.max(1) as f64),
        through: (course.through as f64 / course.runs as f64, came.took.is_some()),
    }
}

/// One product, its rollouts, and what was foreseen of the next by each number of those before.
fn compare_all(world: World, plan: &Plan, chance: &mut Chance) -> Vec<Told> {
    let product = Product::draw(world, chance);
    let most = BEFORE.into_iter().max().unwrap_or_default();
    let past = Past { rollouts: (0..most).map(|_| happen(&product, plan, chance).known()).collect() };
    BEFORE.into_iter().map(|before| compare(&product, plan, &past, before, chance)).collect()
}

/// How often what happens lies in the range in which eight of ten runs do.
pub fn table(experiments: u64) -> Table {
    let columns = &["gates", "rollouts before", "what", "in the range", "below, above", "how wide"];
    let mut table = Table::new("Forecast: how often what happens lies in the range of eight of ten runs", columns);
    let worlds = [
        ("by shares", false, USUAL, FEWER),
        ("by evidence", true, USUAL, FEWER),
        ("by shares, rougher than expected", false, ROUGH, FEWER_ROUGH),
    ];
    for (cell, (gates, is_by_evidence, world, fewer)) in (900..).zip(worlds) {
        let n = (experiments / fewer).max(100);
        let plan = plan(is_by_evidence);
        let all = run(n, cell, |chance| compare_all(world, &plan, chance));
        for (nth, before) in BEFORE.into_iter().enumerate() {
            let told: Vec<&Told> = all.iter().filter_map(|told| told.get(nth)).collect();
            // Nothing is promised of what nobody expects.
            rows(&mut table, [gates, &before.to_string()], &told, fewer == FEWER);
        }
    }
    table
}

/// What came of the forecasts of one cell.
fn rows(table: &mut Table, of_what: [&str; 2], told: &[&Told], is_promised: bool) {
    let mean = |of: fn(&Told) -> f64| told.iter().map(|told| of(told)).sum::<f64>() / told.len().max(1) as f64;
    let of = |place: fn(&Told) -> Option<Place>| told.iter().filter_map(|told| place(told)).collect();
    let places: [(&str, Vec<Place>, String); 3] = [
        ("time until it is through", of(|told| told.time), format!("×{:.2}", mean(|told| told.width))),
        ("devices done at half of it", of(|told| Some(told.half)), String::new()),
        ("devices done, when least is known", of(|told| Some(told.least)), String::new()),
    ];
    let row = |cells: [String; 4]| of_what.map(str::to_owned).into_iter().chain(cells);
    for (what, places, wide) in places {
        let part = |place: Place| share(&places, |is| *is == place);
        let seen = part(Place::Within);
        let sides = format!("{}, {}", percent(part(Place::Below)), percent(part(Place::Above)));
        let wanted = if is_promised { wanted(seen, places.len()) } else { None };
        table.row(row([what.to_owned(), percent(seen), sides, wide]), wanted);
    }
    let what = format!("gets through, expected in {}", percent(mean(|told| told.through.0)));
    let came = percent(share(told, |told| told.through.1));
    table.row(row([what, came, String::new(), String::new()]), None);
}

/// Eight of ten at least, and not so many that the range says nothing, within two standard errors of the simulation.
fn wanted(seen: f64, experiments: usize) -> Option<Wanted> {
    let (least, most) = RANGE;
    let error = |share: f64| 2.0 * (share * (1.0 - share) / experiments.max(1) as f64).sqrt();
    let is_met = seen >= least - error(least) && seen <= most + error(most);
    Some(Wanted { words: format!("{} to {}", percent(least), percent(most)), is_met })
}
