//! The fleet in ranks: one mark for so many devices, in columns of eight.

use super::nice;
use crate::components::{status::Tone, text::count};
use leptos::prelude::*;
use std::fmt::Write as _;

/// Marks in a full picture.
const MARKS: i64 = 480;
/// Marks in a column.
const COLUMN: i64 = 8;
/// Pixels from mark to mark.
const STEP: i64 = 16;

/// One kind of device in the picture.
pub struct Rank {
    /// The word for it, in the sentence.
    pub word: &'static str,
    /// How many there are.
    pub value: i64,
    /// How it is drawn.
    pub tone: Tone,
}

/// The picture: what one mark stands for, and the marks.
#[must_use]
pub fn ranks(ranks: &[Rank]) -> (i64, AnyView) {
    let total: i64 = ranks.iter().map(|rank| rank.value.max(0)).sum();
    // A kind with few devices still gets its mark, so leave room for one more of each.
    let room = MARKS - i64::try_from(ranks.len()).unwrap_or(0);
    let unit = nice(total.div_euclid(room) + i64::from(total.rem_euclid(room) > 0)).max(1);
    let marks: Vec<(Tone, i64)> = ranks.iter().map(|rank| (rank.tone, marks_of(rank.value, unit))).collect();
    let drawn: i64 = marks.iter().map(|(_, n)| n).sum();
    let columns = (drawn + COLUMN - 1) / COLUMN;
    let mut picture = String::new();
    let tones = marks.iter().flat_map(|(tone, n)| std::iter::repeat_n(*tone, usize::try_from(*n).unwrap_or(0)));
    for (i, tone) in (0_i64..).zip(tones) {
        draw(&mut picture, tone, STEP / 2 + STEP * (i / COLUMN), STEP / 2 + STEP * (i % COLUMN));
    }
    let width = STEP * columns.max(MARKS / COLUMN);
    let sentence = sentence(ranks, unit);
    let view = view! {
        <svg
            class="muster"
            viewBox=format!("0 0 {width} {}", STEP * COLUMN)
            role="img"
            aria-label=sentence
            inner_html=picture
        ></svg>
    };
    (unit, view.into_any())
}

fn marks_of(value: i64, unit: i64) -> i64 {
    if value <= 0 { 0 } else { ((value + unit / 2) / unit).max(1) }
}

fn draw(picture: &mut String, tone: Tone, x: i64, y: i64) {
    // Writing into a string can't fail.
    let _ = match tone {
        Tone::Warn => write!(picture, r#"<path class="w" d="M{x} {}l5 8.6h-10z"/>"#, y - 5),
        Tone::Hold => write!(picture, r#"<rect class="h" x="{}" y="{}" width="8" height="8" rx="1"/>"#, x - 4, y - 4),
        Tone::Bad => write!(picture, r#"<path class="b" d="M{x} {y}m-3.5-3.5l7 7m0-7l-7 7"/>"#),
        _ => write!(picture, r#"<circle class="a" cx="{x}" cy="{y}" r="4"/>"#),
    };
}

fn sentence(ranks: &[Rank], unit: i64) -> String {
    let parts: Vec<String> = ranks.iter().map(|rank| format!("{} {}", count(rank.value), rank.word)).collect();
    let each =
        if unit == 1 { "one mark for each device".to_owned() } else { format!("one mark for {} devices", count(unit)) };
    format!("The fleet in ranks, {each}: {}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_still_seen() {
        assert_eq!([marks_of(0, 100), marks_of(1, 100), marks_of(149, 100), marks_of(150, 100)], [0, 1, 1, 2]);
    }

    #[test]
    fn a_mark_stands_for_a_round_number() {
        for (total, expected) in [(0, 1), (400, 1), (2_000, 5), (48_213, 200), (1_000_000, 5_000)] {
            let (unit, _) = ranks(&[
                Rank { word: "trusted", value: total, tone: Tone::Ok },
                Rank { word: "suspect", value: 0, tone: Tone::Warn },
            ]);
            assert_eq!(unit, expected, "{total}");
        }
    }
}
