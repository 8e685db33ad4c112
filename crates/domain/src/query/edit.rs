//! Changes to a query, as its chips and the charts' links make them.

use super::{FleetQuery, Predicate, Term};

impl Term {
    /// A term that must hold.
    #[must_use]
    pub const fn new(predicate: Predicate) -> Self {
        Self { negated: false, predicate, span: 0..0 }
    }

    /// The same term turned round.
    #[must_use]
    pub fn turned(self) -> Self {
        Self { negated: !self.negated, ..self }
    }
}

impl FleetQuery {
    /// The query without the term at this index; the same query when there is none.
    #[must_use]
    pub fn without_term(&self, index: usize) -> Self {
        let kept = self.terms.iter().enumerate().filter(|(at, _)| *at != index);
        Self { terms: kept.map(|(_, term)| term.clone()).collect() }.respanned()
    }

    /// The query with one more term; the same query when it has the term already.
    #[must_use]
    pub fn with_term(&self, term: Term) -> Self {
        let mut terms = self.terms.clone();
        if !terms.contains(&term) {
            terms.push(term);
        }
        Self { terms }.respanned()
    }

    /// The query in which this term stands in place of all others about the same field.
    #[must_use]
    pub fn with_only(&self, term: Term) -> Self {
        let field = term.predicate.field();
        let others = self.terms.iter().filter(|other| other.predicate.field() != field);
        Self { terms: others.cloned().collect() }.with_term(term)
    }

    /// The same terms, their spans where the canonical form has them.
    fn respanned(mut self) -> Self {
        let mut at = 0;
        for term in &mut self.terms {
            let end = at + term.to_string().len();
            term.span = at..end;
            at = end + 1;
        }
        self
    }
}
