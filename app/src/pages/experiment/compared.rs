//! Comparisons as a table: what is compared, two numbers of it, the difference as an interval and in words, and how it stands.

use super::{interval, scale::Scale};
use crate::components::{status::Status, table::frame};
use domain::rollout::Better;
use fleet::rollout::IntervalView;
use leptos::prelude::*;

/// How a table of comparisons is called, and what its columns are.
pub(super) struct Heads {
    /// What there is a row for, and how the last column is called.
    pub of: (&'static str, &'static str),
    /// What the two numbers are.
    pub numbers: [String; 2],
    /// What the table is, in a sentence.
    pub caption: &'static str,
    /// Which way is better, where it is the same in all rows.
    pub better: Option<Better>,
}

/// How the difference of a row stands.
pub(super) struct Stands<'a> {
    pub scale: Scale<'a>,
    /// How far the table's scale goes.
    pub reach: f64,
    pub interval: Option<&'a IntervalView>,
    pub status: Status,
}

/// The table.
pub(super) fn table(heads: Heads, rows: Vec<AnyView>) -> impl IntoView {
    let Heads { of: (first, last), numbers: [one, other], caption, better } = heads;
    frame(
        caption,
        view! {
            <table class="table evidence cards contrasts">
                <caption class="sr">{caption}</caption>
                <thead>
                    <tr>
                        <th scope="col">{first}</th>
                        <th scope="col" class="num">{one}</th>
                        <th scope="col" class="num">{other}</th>
                        {interval::head(better)}
                        <th scope="col" class="num">"Difference"</th>
                        <th scope="col">{last}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

/// A row: what is compared in two lines, the two numbers under their words, and how the difference stands; what nothing is compared
/// with is the control.
pub(super) fn row(
    (what, about): (impl IntoView + 'static, String),
    [(one, of_one), (other, of_other)]: [(AnyView, String); 2],
    stands: Option<&Stands<'_>>,
) -> AnyView {
    let difference = match stands {
        None => view! {
            <td class="iv full hide-phone"></td>
            <td class="num quiet hide-phone" data-l="Difference">"–"</td>
            <td class="quiet" data-l="Verdict">"The control"</td>
        }
        .into_any(),
        Some(Stands { scale, reach, interval, status }) => view! {
            {interval::cell(*scale, *reach, *interval, status.tone)}
            <td class="num" data-l="Difference">{scale.between(*interval)}</td>
            <td data-l="Verdict">{status.cell()}</td>
        }
        .into_any(),
    };
    view! {
        <tr>
            <th scope="row" class="two"><b>{what}</b><small>{about}</small></th>
            <td class="num" data-l=of_one>{one}</td>
            <td class="num" data-l=of_other>{other}</td>
            {difference}
        </tr>
    }
    .into_any()
}
