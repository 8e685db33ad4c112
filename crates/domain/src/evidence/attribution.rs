//! What harmed devices have in common: so that a bad batch isn't taken for a bad release.
//!
//! Two questions are asked of each level (a revision, a batch, a region, a maker): are more of its devices harmed than the limit, and
//! are the harmed ones more often of it than devices are? The second is exact: under a release that harms everywhere alike, each
//! harmed device is of the level with the chance that any device is, so that their number is binomial. Both are e-values; what they
//! share is their minimum, which is one for "not both"; all levels together are tested in closed form (see [`super::adjusted`]). Of those
//! that are blamed the one counts that explains most: by which the likelihood of a rate of its own, and one of the rest, is largest.
//!
//! Harm of some is known earlier than that of others: of a batch that polls hourly, or that was told in an earlier wave. So whoever is
//! under way counts against the accusation: as unharmed in the level, as harmed outside of it. What comes out in the end can only be
//! more evidence than that, because it grows with the harmed of the level and falls with those of the rest. And the rest is fine when that
//! is proved, by the same count.

use super::{Factor, Level, RateTest, adjusted, rate::needed_for};

/// How many devices there were, and how many of them were harmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many were harmed.
    pub harmed: u64,
    /// Of how many.
    pub of: u64,
}

/// How many devices were told, how many of them were harmed, and of how many that isn't known yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// How many were harmed.
    pub harmed: u64,
    /// How many are under way, and may be harmed.
    pub open: u64,
    /// Of how many, those under way among them.
    pub of: u64,
}

impl From<Counts> for Told {
    /// Of devices whose outcomes are all known.
    fn from(counts: Counts) -> Self {
        Self { harmed: counts.harmed, open: 0, of: counts.of }
    }
}

/// A level that harm is found with.
#[derive(Clone, Debug, PartialEq)]
pub struct Blamed {
    /// The level.
    pub level: Level,
    /// How many of its devices were harmed.
    pub harmed: u64,
    /// Of how many.
    pub of: u64,
    /// Which share of all who were harmed it has, from 0 to 1.
    pub share_of_harm: f64,
    /// How strong the evidence is: an e-value, corrected for how many levels there are.
    pub e: f64,
}

/// Where harm comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribution {
    /// The level that it is found with, if there is one.
    pub blamed: Option<Blamed>,
    /// What is left without that level.
    pub rest: Counts,
    /// Whether it is proved that fewer of what is left are harmed than the limit, even if all who are under way are.
    pub rest_is_fine: bool,
}

/// What explains so nearly as much, in nats, that it can't be told which it is.
const NEAR: f64 = 2.0;

/// Where harm comes from: `limit` is the share that may be harmed, `error` the chance of blaming any level without reason, and that of
/// taking a rest for fine that isn't. Levels are of all factors; a level of [`Factor::All`] is passed over, and so is one that all devices
/// have, since there is nothing to compare it with. What is given as [`Counts`] is taken for known of every device.
#[must_use]
pub fn attribute<C: Copy + Into<Told>>(limit: f64, error: f64, all: C, levels: &[(Level, C)]) -> Attribution {
    let all: Told = all.into();
    let levels: Vec<(&Level, Told)> = levels
        .iter()
        .map(|(level, told)| (level, Into::<Told>::into(*told)))
        .filter(|(level, told)| level.factor != Factor::All && told.of > 0 && told.of < all.of)
        .collect();
    let e: Vec<f64> = levels.iter().map(|(_, told)| evidence(limit, error, all, *told)).collect();
    let found = levels.into_iter().zip(adjusted(&e)).filter(|(_, e)| *e >= needed_for(error));
    let found: Vec<Found<'_>> =
        found.map(|((level, told), e)| Found { level, told, e, explained: explained(all, told) }).collect();
    let blamed = most_likely(&found);
    let rest = blamed.map_or(all, |blamed| all.without(blamed.told));
    // Of no horizon: who is left was not known before.
    let test = RateTest { limit, error, horizon: 0 };
    let rest_is_fine = test.is_below(rest.harmed.saturating_add(rest.open), rest.of).is_enough();
    Attribution {
        blamed: blamed.map(|found| found.blamed(all)),
        rest: Counts { harmed: rest.harmed, of: rest.of },
        rest_is_fine,
    }
}

/// A level that there is evidence against.
struct Found<'a> {
    level: &'a Level,
    told: Told,
    e: f64,
    explained: f64,
}

impl Found<'_> {
    /// Whether devices can be held back by it: it is known when they poll.
    fn can_be_held_back(&self) -> bool {
        matches!(self.level.factor, Factor::Revision | Factor::Batch) && !self.level.level.is_empty()
    }

    fn blamed(&self, all: Told) -> Blamed {
        let share_of_harm = self.told.harmed as f64 / all.harmed.max(1) as f64;
        Blamed { level: self.level.clone(), harmed: self.told.harmed, of: self.told.of, share_of_harm, e: self.e }
    }
}

/// That which explains most; of near ties one that can be held back.
fn most_likely<'a, 'b>(found: &'a [Found<'b>]) -> Option<&'a Found<'b>> {
    let most = found.iter().map(|one| one.explained).fold(f64::NEG_INFINITY, f64::max);
    let near = || found.iter().filter(|one| one.explained >= most - NEAR);
    let is_any = near().any(Found::can_be_held_back);
    let candidates = near().filter(|one| one.can_be_held_back() == is_any);
    candidates.reduce(|best, one| {
        let ahead = one.explained - best.explained;
        // Of two that explain as much (all devices of a batch have one revision) the smaller one.
        let is_better = ahead > 1e-9 || (ahead > -1e-9 && one.told.of < best.told.of);
        if is_better { one } else { best }
    })
}

impl Told {
    const fn without(self, part: Self) -> Self {
        Self {
            harmed: self.harmed.saturating_sub(part.harmed),
            open: self.open.saturating_sub(part.open),
            of: self.of.saturating_sub(part.of),
        }
    }
}

/// Evidence that the level is above the limit, and that harm gathers in it.
fn evidence(limit: f64, error: f64, all: Told, level: Told) -> f64 {
    // Of no horizon: nobody plans how many devices of a level there will be.
    let test = |limit: f64| RateTest { limit, error, horizon: 0 };
    let is_high = test(limit).is_above(level.harmed, level.of).value;
    let share = level.of as f64 / all.of as f64;
    let may_be = all.harmed.saturating_add(all.without(level).open);
    f64::min(is_high, test(share).is_above(level.harmed, may_be).value)
}

/// How much likelier what was seen is with a rate of its own for the level, in nats.
fn explained(all: Told, level: Told) -> f64 {
    let part = |count: u64, of: u64| if count > 0 { count as f64 * (count as f64 / of as f64).ln() } else { 0.0 };
    let likelihood = |told: Told| part(told.harmed, told.of) + part(told.of.saturating_sub(told.harmed), told.of);
    likelihood(level) + likelihood(all.without(level)) - likelihood(all)
}

impl Attribution {
    /// It in a sentence: `18 of 20 failures are of batch 2026-11-A; without it 0.2 % failed.` None if no level is blamed. `what` is what
    /// happened to devices, in plural and as a verb: `("failures", "failed")`.
    #[must_use]
    pub fn sentence(&self, (harms, harmed): (&str, &str)) -> Option<String> {
        let blamed = self.blamed.as_ref()?;
        let all = blamed.harmed + self.rest.harmed;
        let rest = match self.rest.of {
            0 => "there are no others".to_owned(),
            of => format!("without it {:.1} % {harmed}", self.rest.harmed as f64 * 100.0 / of as f64),
        };
        Some(format!("{} of {all} {harms} are of {}; {rest}.", blamed.harmed, blamed.level.words()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Counts = Counts { harmed: 20, of: 2_000 };

    fn level(factor: Factor, name: &str, harmed: u64, of: u64) -> (Level, Counts) {
        (Level::of(factor, name), Counts { harmed, of })
    }

    fn told(name: &str, harmed: u64, open: u64, of: u64) -> (Level, Told) {
        (Level::of(Factor::Batch, name), Told { harmed, open, of })
    }

    fn name(attribution: &Attribution) -> Option<String> {
        attribution.blamed.as_ref().map(|blamed| blamed.level.words())
    }

    #[test]
    fn a_bad_batch_is_blamed_and_the_rest_is_fine() {
        let levels = [
            (Level::ALL, ALL),
            level(Factor::Revision, "B", 18, 800),
            level(Factor::Revision, "C", 2, 1_200),
            level(Factor::Batch, "2026-11-A", 18, 60),
            level(Factor::Batch, "2026-11-B", 2, 1_940),
            level(Factor::Maker, "lte=Quectel", 11, 1_000),
        ];
        let attribution = attribute(0.01, 0.05, ALL, &levels);
        assert!(attribution.rest_is_fine);
        assert_eq!(
            attribution.sentence(("failures", "failed")).as_deref(),
            Some("18 of 20 failures are of batch 2026-11-A; without it 0.1 % failed.")
        );
    }

    #[test]
    fn harm_that_is_everywhere_is_nobodys() {
        let levels = [level(Factor::Batch, "A", 11, 1_000), level(Factor::Batch, "B", 9, 1_000)];
        let attribution = attribute(0.005, 0.05, ALL, &levels);
        assert_eq!((attribution.blamed, attribution.rest, attribution.rest_is_fine), (None, ALL, false));
    }

    #[test]
    fn what_is_left_need_not_be_fine() {
        let all = Counts { harmed: 70, of: 1_000 };
        let attribution =
            attribute(0.01, 0.05, all, &[level(Factor::Batch, "A", 50, 100), level(Factor::Batch, "B", 20, 900)]);
        assert_eq!(name(&attribution).as_deref(), Some("batch A"));
        assert!(!attribution.rest_is_fine);
    }

    /// Bad everywhere, but of B nothing is known yet.
    #[test]
    fn a_level_whose_harm_is_known_first_is_not_blamed_for_that() {
        let all = Told { harmed: 50, open: 500, of: 1_000 };
        let attribution = attribute(0.02, 0.05, all, &[told("A", 50, 0, 500), told("B", 0, 500, 500)]);
        assert_eq!((attribution.blamed, attribution.rest_is_fine), (None, false));
        // Nor one that was told in an earlier wave, or polls more often.
        let all = Told { harmed: 41, open: 2_999, of: 4_000 };
        assert_eq!(attribute(0.02, 0.05, all, &[told("A", 40, 0, 1_000), told("B", 1, 2_999, 3_000)]).blamed, None);
        // Once it is known that B is fine, it is A; a few who are still under way may be anything.
        let all = Told { harmed: 51, open: 2, of: 1_000 };
        let attribution = attribute(0.02, 0.05, all, &[told("A", 50, 0, 500), told("B", 1, 2, 500)]);
        assert_eq!((name(&attribution).as_deref(), attribution.rest_is_fine), (Some("batch A"), false));
        let all = Told { harmed: 51, open: 2, of: 2_000 };
        let attribution = attribute(0.02, 0.05, all, &[told("A", 50, 0, 500), told("B", 1, 2, 1_500)]);
        assert_eq!((name(&attribution).as_deref(), attribution.rest_is_fine), (Some("batch A"), true));
    }

    /// Sixty without harm are no proof that fewer than 2 % are harmed.
    #[test]
    fn a_few_devices_are_no_proof_that_the_rest_is_fine() {
        let all = Counts { harmed: 50, of: 560 };
        let attribution = attribute(0.02, 0.05, all, &[level(Factor::Batch, "A", 50, 500)]);
        assert_eq!((name(&attribution).as_deref(), attribution.rest_is_fine), (Some("batch A"), false));
    }

    /// Forty parts that all devices have would each take a fortieth of what evidence there is.
    #[test]
    fn levels_that_all_devices_have_take_nothing_away() {
        let own = [level(Factor::Batch, "A", 9, 60)];
        let everywhere = (0..40).map(|n| level(Factor::Maker, &format!("part{n}=Acme"), 20, 2_000));
        let e = |levels: &[(Level, Counts)]| attribute(0.01, 0.05, ALL, levels).blamed.map(|blamed| blamed.e);
        let all: Vec<_> = own.iter().cloned().chain(everywhere).collect();
        assert!(e(&own).is_some() && e(&own) == e(&all), "{:?} {:?}", e(&own), e(&all));
    }

    /// A hair more is explained by where the batch was sold.
    #[test]
    fn of_near_ties_that_is_blamed_which_can_be_held_back() {
        let levels = [level(Factor::Region, "de", 18, 58), level(Factor::Batch, "A", 18, 60)];
        assert_eq!(name(&attribute(0.01, 0.05, ALL, &levels)).as_deref(), Some("batch A"));
        let levels = [level(Factor::Region, "de", 18, 20), level(Factor::Batch, "A", 18, 60)];
        assert_eq!(name(&attribute(0.01, 0.05, ALL, &levels)).as_deref(), Some("region de"));
    }

    #[test]
    fn a_batch_is_blamed_before_the_revision_that_is_all_of_it() {
        let levels = [level(Factor::Revision, "B", 18, 60), level(Factor::Batch, "A", 18, 59)];
        let blamed = attribute(0.01, 0.05, ALL, &levels).blamed;
        assert_eq!(blamed.map(|blamed| blamed.level.factor), Some(Factor::Batch));
        assert_eq!(attribute(0.01, 0.05, Counts::default(), &[]).blamed, None);
    }
}
