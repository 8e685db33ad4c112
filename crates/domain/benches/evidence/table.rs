//! Tables as they stand in docs/BENCHMARKS.md.

use std::fmt;

/// A table with a title; its last two columns say what is wanted and whether it was met.
pub struct Table {
    title: &'static str,
    columns: &'static [&'static str],
    rows: Vec<(Vec<String>, Option<Wanted>)>,
}

/// A figure that is wanted.
pub struct Wanted {
    pub words: String,
    pub is_met: bool,
}

impl Table {
    pub const fn new(title: &'static str, columns: &'static [&'static str]) -> Self {
        Self { title, columns, rows: Vec::new() }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>, wanted: Option<Wanted>) {
        self.rows.push((cells.into_iter().collect(), wanted));
    }

    /// How many wanted figures were not met.
    pub fn missed(&self) -> usize {
        self.rows.iter().filter(|(_, wanted)| wanted.as_ref().is_some_and(|wanted| !wanted.is_met)).count()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "**{}**\n", self.title)?;
        writeln!(f, "| {} | wanted | met |", self.columns.join(" | "))?;
        writeln!(f, "|{}", "---|".repeat(self.columns.len() + 2))?;
        for (cells, wanted) in &self.rows {
            let (words, met) = match wanted {
                Some(wanted) => (wanted.words.as_str(), if wanted.is_met { "yes" } else { "no" }),
                None => ("", ""),
            };
            writeln!(f, "| {} | {words} | {met} |", cells.join(" | "))?;
        }
        Ok(())
    }
}

/// A share in percent.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        percent if percent >= 10.0 => format!("{percent:.0} %"),
        percent if percent >= 1.0 || percent == 0.0 => format!("{percent:.1} %"),
        percent => format!("{percent:.2} %"),
    }
}

/// That a share of wrong decisions is not above what it may be, by more than two standard errors of the simulation.
pub fn at_most(error: f64, seen: f64, experiments: u64) -> Option<Wanted> {
    let most = error + 2.0 * (error * (1.0 - error) / experiments as f64).sqrt();
    Some(Wanted { words: format!("≤ {}", percent(error)), is_met: seen <= most })
}

/// That power is within ten points of what a test at the planned end has.
pub fn within_ten(power: f64, fixed: f64) -> Option<Wanted> {
    Some(Wanted { words: format!("≥ {}", percent((fixed - 0.1).max(0.0))), is_met: power >= fixed - 0.1 })
}
