//! Pages of a short list that is read whole: batches, custodians, users.

use crate::{
    components::{table::Pager, text::count},
    context::Ctx,
};

/// So many rows on a page.
const ROWS: usize = 100;

/// Which page of how many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Paging {
    page: usize,
    total: usize,
    rows: usize,
}

impl Paging {
    /// The page that the address asks for; one that doesn't exist is the last.
    pub(super) fn of(ctx: &Ctx, total: usize) -> Self {
        Self::with_rows(ctx, total, ROWS)
    }

    /// The same with so many rows on a page.
    pub(super) fn with_rows(ctx: &Ctx, total: usize, rows: usize) -> Self {
        let asked = ctx.query_value("page").and_then(|page| page.parse().ok()).unwrap_or(1);
        Self::new(asked, total, rows)
    }

    fn new(asked: usize, total: usize, rows: usize) -> Self {
        Self { page: asked.clamp(1, total.div_ceil(rows).max(1)), total, rows }
    }

    /// How many rows stand on the pages before.
    pub(super) const fn from(self) -> usize {
        (self.page - 1) * self.rows
    }

    fn to(self) -> usize {
        (self.from() + self.rows).min(self.total)
    }

    /// What stands below the list.
    pub(super) fn pager(self, ctx: &Ctx) -> Pager {
        let at = |page: usize| ctx.href_with(&[("page", (page > 1).then(|| page.to_string()).as_deref())]);
        let words = |n: usize| count(i64::try_from(n).unwrap_or(i64::MAX));
        let summary = match self.total {
            0 => "none".to_owned(),
            total => format!("{} to {} of {}", words(self.from() + 1), words(self.to()), words(total)),
        };
        Pager {
            summary,
            previous: (self.page > 1).then(|| at(self.page - 1)),
            next: (self.to() < self.total).then(|| at(self.page + 1)),
        }
    }
}

/// The rows of a page.
pub(super) fn slice<T>(rows: &[T], paging: Paging) -> &[T] {
    rows.get(paging.from()..paging.to().min(rows.len())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_do_not_exist_are_the_last() {
        let rows: Vec<usize> = (0..250).collect();
        assert_eq!(slice(&rows, Paging::new(3, 250, ROWS)), (200..250).collect::<Vec<_>>());
        assert_eq!(Paging::new(99, 250, ROWS).page, 3);
        assert_eq!(slice(&rows, Paging::new(0, 250, ROWS)).len(), 100);
        assert!(slice::<usize>(&[], Paging::new(7, 0, ROWS)).is_empty());
    }
}
