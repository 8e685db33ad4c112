//! What was measured, as a table for the documentation.

use std::time::Duration;

/// One line: a figure, and beside what it stands.
pub struct Row {
    /// What was measured.
    pub what: String,
    /// How much it was.
    pub here: String,
    /// The peer or the limit; empty where there is none.
    pub beside: String,
    /// How much that was.
    pub there: String,
    /// The ratio of the two, so that more is better for rates and less for times.
    pub ratio: Option<f64>,
    /// What is wanted; empty where nothing was agreed.
    pub wanted: &'static str,
}

impl Row {
    /// A rate beside another.
    pub fn rate(what: impl Into<String>, here: f64, (beside, there): (&str, f64), wanted: &'static str) -> Self {
        Self {
            what: what.into(),
            here: per_second(here),
            beside: beside.to_owned(),
            there: per_second(there),
            ratio: Some(here / there),
            wanted,
        }
    }

    /// A time beside what it may be, or beside another one.
    pub fn time(
        what: impl Into<String>,
        here: Duration,
        (beside, there): (&str, Duration),
        wanted: &'static str,
    ) -> Self {
        Self {
            what: what.into(),
            here: time(here),
            beside: beside.to_owned(),
            there: time(there),
            ratio: Some(here.as_secs_f64() / there.as_secs_f64()),
            wanted,
        }
    }
}

/// So many in so long.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// A time as people read it.
pub fn time(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    match ms {
        0.0..10.0 => format!("{ms:.2} ms"),
        10.0..10_000.0 => format!("{ms:.0} ms"),
        _ => format!("{:.1} s", ms / 1e3),
    }
}

/// A number with commas between its thousands.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A rate as people read it.
pub fn per_second(rate: f64) -> String {
    if rate < 100.0 {
        return format!("{rate:.1} /s");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is positive, and below 2^53")]
    let whole = rate.round() as usize;
    format!("{} /s", grouped(whole))
}

/// The value below which so many of a hundred lie.
pub fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

/// Prints the table in Markdown.
pub fn print(rows: &[Row]) {
    println!("| what | here | beside | there | ratio | wanted |");
    println!("|---|---|---|---|---|---|");
    for Row { what, here, beside, there, ratio, wanted } in rows {
        let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        println!("| {what} | {here} | {beside} | {there} | {ratio} | {wanted} |");
    }
}
