//! Charts: SVG without script. Colours come from the style sheet by class, or by the sentinel colours that plotters
//! draws with; horizontal positions are percentages, so a chart stretches and its letters don't. Each says its finding
//! in a sentence and has its numbers in a table.

pub mod bars;
pub mod columns;
pub mod course;
pub mod difference;
pub mod journey;
pub(crate) mod parts;
pub mod ranks;
pub mod spread;

use crate::components::text::count;
use leptos::prelude::*;

/// A number of a chart's table, and the list behind it where there is one.
pub(crate) type Cell = (i64, Option<String>);

/// The numbers behind a chart, folded away: in each row the words for it and one number of each unit.
#[must_use]
pub fn data_table(
    caption: &'static str,
    of: &'static str,
    units: &[&'static str],
    rows: Vec<(String, Vec<Cell>)>,
) -> impl IntoView + use<> {
    let units: Vec<_> = units.iter().map(|unit| view! { <th scope="col" class="num">{*unit}</th> }).collect();
    let cell = |(n, href): Cell| {
        let number = match href {
            Some(href) => view! { <a href=href>{count(n)}</a> }.into_any(),
            None => count(n).into_any(),
        };
        view! { <td class="num">{number}</td> }
    };
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(label, cells)| {
            let cells: Vec<_> = cells.into_iter().map(cell).collect();
            view! {
                <tr>
                    <th scope="row">{label}</th>
                    {cells}
                </tr>
            }
        })
        .collect();
    parts::numbers(caption, view! { <th scope="col">{of}</th> {units} }, rows)
}

/// A percentage for an SVG attribute.
pub(crate) fn percent(part: f64) -> String {
    format!("{:.2}%", part * 100.0)
}

/// The smallest of 1, 2, 5, 10, 20, 50 … that is not less.
pub(crate) fn nice(at_least: i64) -> i64 {
    let mut step = 1_i64;
    loop {
        for factor in [1, 2, 5] {
            let candidate = step.saturating_mul(factor);
            if candidate >= at_least || candidate == i64::MAX {
                return candidate;
            }
        }
        step = step.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nice_numbers() {
        assert_eq!([0, 1, 3, 7, 11, 101, 4_999, i64::MAX].map(nice), [1, 1, 5, 10, 20, 200, 5_000, i64::MAX]);
    }
}
