//! How strong the evidence of a wave is: towards a halt, and towards the next wave.
//!
//! Both ask for the share of devices that are harmed of all that were told, and may be asked at any time (see
//! [`crate::evidence::RateTest`]). Who is under way may come out either way: towards a halt it counts as unharmed, towards the next
//! wave as harmed. So what comes late changes no answer that was given, however late harm shows.
//!
//! A device has one outcome: it failed, or it went silent, or neither. Each is counted of all that were told (that is what
//! the cumulative incidence of competing risks comes to once all have an outcome: Aalen & Johansen 1978); whoever was kept from its
//! update or had its offer taken back is in neither. A wave halts by either of two tests, so that each has half of the chance of a
//! false halt; it goes on only by both, so that each has the whole chance of a false advance.

use super::{Gate, gate::Evidence as Counts};
use crate::{
    bucket::PARTS,
    evidence::{Evidence, RateTest, interval},
    words::words,
};

words! {
    /// What happens to devices.
    Harm {
        /// They fail, or go back by themselves.
        Failed => "failed", "Failed";
        /// They are not heard from any more.
        Silent => "silent", "Silent";
    }
}

impl Harm {
    /// What so many devices do: `fail`, `go silent`.
    #[must_use]
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Failed => "fail",
            Self::Silent => "go silent",
        }
    }

    /// What so many devices did: `failed`, `went silent`.
    #[must_use]
    pub const fn past(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Silent => "went silent",
        }
    }

    /// A device without it: `without a failure`, `that is not silent`.
    const fn without(self) -> &'static str {
        match self {
            Self::Failed => "without a failure",
            Self::Silent => "that are heard from",
        }
    }
}

/// What is known of one harm in a wave, and how strong that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weighed {
    /// What harm.
    pub harm: Harm,
    /// Which share the gate allows, in parts of [`PARTS`].
    pub limit: u32,
    /// How many were harmed for certain, what is to be tried again among them.
    pub harmed: u64,
    /// How many may turn out to be: they are under way.
    pub open: u64,
    /// How many were told.
    pub told: u64,
    /// How many were told before somebody let it go on in spite of what was seen: they count no more.
    pub before: u64,
    /// How many can be told in all.
    pub horizon: u64,
    /// That more than the limit are harmed.
    pub above: Evidence,
    /// That fewer are.
    pub below: Evidence,
    /// How many more devices with a good outcome would be enough for the next wave, those under way among them; none when this wave
    /// can't give it any more.
    pub more: Option<u64>,
}

impl Weighed {
    fn of(harm: Harm, limit: u32, since: &Since, tests: (RateTest, RateTest), known: (u64, u64)) -> Self {
        let ((halt, advance), (by_now, for_good)) = (tests, known);
        let (told, open) = (since.told, since.open);
        // Whoever was under way when it was accepted is of another lot: of these what is harmed since may be all. So is whoever was
        // silent then and came back. That one is out of what is accepted of silent ones, so if it goes silent again that counts.
        let returned = if harm == Harm::Failed { since.returned } else { 0 };
        let harmed = by_now.saturating_sub(since.selected).saturating_sub(returned).min(told);
        let may_be = for_good.saturating_add(open).min(told);
        let of_new = halt.is_above(harmed, told);
        let below = advance.is_below(may_be, told);
        let bad = for_good.min(told);
        Self {
            harm,
            limit,
            harmed,
            open,
            told,
            before: since.before,
            horizon: advance.horizon,
            above: if since.before == 0 { of_new } else { since.of_both(&halt, of_new, by_now) },
            below,
            more: if below.is_enough() { Some(0) } else { more(&advance, bad, told, told - may_be) },
        }
    }

    /// Which share the gate allows, from 0 to 1.
    #[must_use]
    pub fn limit_share(&self) -> f64 {
        share(self.limit)
    }

    /// Whether a wave of this size could not be enough even if nobody were harmed.
    #[must_use]
    pub fn is_too_small(&self) -> bool {
        let fewest = RateTest::fewest_unharmed(share(self.limit), 1.0 / self.below.needed);
        fewest.is_none_or(|fewest| fewest > self.horizon)
    }

    /// In which range the share is that are harmed, from 0 to 1: with at most this chance of ever being wrong, whatever becomes of
    /// those under way.
    #[must_use]
    pub fn range(&self, error: f64) -> (f64, f64) {
        let (low, _) = interval(self.harmed, self.told, error);
        let (_, high) = interval(self.harmed.saturating_add(self.open).min(self.told), self.told, error);
        (low, high)
    }

    /// What is missing for the next wave, in words; none when nothing is.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        let (limit, verb) = (percent(self.limit), self.harm.verb());
        let so_far = format!(
            "evidence {} of {} that fewer than {limit} % {verb}",
            tenths(self.below.value),
            tenths(self.below.needed)
        );
        match self.more {
            Some(0) => None,
            Some(1) => Some(format!("{so_far}: 1 more device {} would be enough", self.harm.without())),
            Some(n) => Some(format!("{so_far}: {n} more devices {} would be enough", self.harm.without())),
            None if self.before > 0 => Some(format!("{so_far}, which those who were told since it went on can’t show")),
            None if self.is_too_small() => {
                Some(format!("{so_far}, which a wave of {} devices is too small to show", self.horizon))
            }
            None => Some(format!("{so_far}, which this wave can’t show any more")),
        }
    }

    /// How it stands, in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let fewer = format!("fewer than {} % {}", percent(self.limit), self.harm.verb());
        let without = self.harm.without();
        match self.more {
            _ if self.above.is_enough() => self.halts(),
            Some(0) => format!("Enough is known: {fewer}."),
            Some(1) => format!("Not enough is known yet: 1 more device {without} would prove that {fewer}."),
            Some(n) => format!("Not enough is known yet: {n} more devices {without} would prove that {fewer}."),
            None if self.before > 0 => format!("Those who were told since it went on can’t prove that {fewer}."),
            None if self.is_too_small() => {
                format!("A wave of {} devices is too small to prove that {fewer}.", self.horizon)
            }
            None => format!("This wave can’t prove any more that {fewer}."),
        }
    }

    /// Why everything stops, in a sentence.
    #[must_use]
    pub fn halts(&self) -> String {
        let (limit, told, harmed) = (percent(self.limit), self.told, self.harmed);
        format!(
            "{harmed} of {told} devices that were told {} ({} %): evidence {} of {} that more than {limit} % do.",
            self.harm.past(),
            tenths(if told == 0 { 0.0 } else { harmed as f64 * 100.0 / told as f64 }),
            tenths(self.above.value),
            tenths(self.above.needed),
        )
    }
}

/// Who was told since somebody let it go on in spite of what was seen. By when a device has its outcome it is no fair sample: failures
/// come early, silence late; so whoever was told before is not counted again, whatever becomes of it.
struct Since {
    /// How many were told since.
    told: u64,
    /// How many were told before.
    before: u64,
    /// How many of all that were told are under way.
    open: u64,
    /// How many were under way then.
    selected: u64,
    /// How many were silent then and came back since.
    returned: u64,
}

impl Since {
    fn of(evidence: &Counts, accepted: &Counts) -> Self {
        let before = told_of(accepted);
        let told = told_of(evidence).saturating_sub(before);
        let (selected, returned) = (accepted.under_way, accepted.returned);
        Self { told, before, open: evidence.under_way, selected, returned }
    }

    /// The mean of what those say who were told since and what all say together, of which only what was accepted is taken out: so a
    /// wave that was told whole before it was let go on is still watched. Fewer harmed of as many devices is less evidence, so that
    /// holds as the other does.
    fn of_both(&self, halt: &RateTest, of_new: Evidence, fresh: u64) -> Evidence {
        let all = self.told.saturating_add(self.before);
        let whole = RateTest { horizon: halt.horizon.saturating_add(self.before), ..*halt };
        let of_all = whole.is_above(fresh.min(all), all);
        Evidence { value: f64::midpoint(of_new.value, of_all.value), needed: of_new.needed }
    }
}

const fn told_of(counts: &Counts) -> u64 {
    counts.settled().saturating_add(counts.under_way)
}

/// How many more outcomes would be enough if all of them were good, of which `good` are known.
fn more(advance: &RateTest, for_good: u64, told: u64, good: u64) -> Option<u64> {
    let is_enough = |of: u64| advance.is_below(for_good, of).is_enough();
    // Of those under way all may come out well.
    let (mut low, mut high) = (for_good.saturating_add(good), advance.horizon.max(told));
    if !is_enough(high) {
        return None;
    }
    while low < high {
        let middle = low.midpoint(high);
        if is_enough(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(high.saturating_sub(for_good).saturating_sub(good).max(1))
}

/// A share from 0 to 1.
fn share(parts: u32) -> f64 {
    f64::from(parts) / f64::from(PARTS)
}

/// A share in percent, as short as it goes.
fn percent(parts: u32) -> String {
    let text = format!("{}.{:03}", parts / 1_000, parts % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number with one decimal where that says something: `6.2`, `20`, `0.04`, `1,000+`.
#[must_use]
pub fn tenths(value: f64) -> String {
    match value {
        value if value >= 1_000.0 => "over 1000".to_owned(),
        value if value >= 100.0 || (value - value.round()).abs() < 0.05 && value >= 1.0 => format!("{value:.0}"),
        value if value >= 0.1 => format!("{value:.1}"),
        value if value >= 0.01 => format!("{value:.2}"),
        _ => "0".to_owned(),
    }
}

impl Gate {
    /// What is known of each harm in a wave and how strong that is, without what somebody let go on in spite of; none where the gate
    /// goes by bare shares.
    #[must_use]
    pub fn weigh(&self, evidence: &Counts, accepted: &Counts) -> Option<[Weighed; 2]> {
        let fresh = evidence.without(accepted);
        let since = Since::of(evidence, accepted);
        // Fixed when the wave was frozen: who joined later is judged like all others, and planned with by nobody.
        let horizon = evidence.total.saturating_sub(evidence.joined).saturating_sub(told_of(accepted));
        let [failing, silence] = self.tests(horizon)?;
        let failed = (fresh.failed.saturating_add(fresh.retried), fresh.failed);
        Some([
            Weighed::of(Harm::Failed, self.failed_limit, &since, failing, failed),
            Weighed::of(
                Harm::Silent,
                self.silent_limit,
                &since,
                silence,
                // Those who were accepted come back, and others go silent: for the next wave all who are silent count.
                (fresh.silent, evidence.silent),
            ),
        ])
    }

    /// By which tests a wave of so many devices is halted and let through, for those who fail and those who go silent; none where the
    /// gate goes by bare shares.
    pub(super) fn tests(&self, horizon: u64) -> Option<[(RateTest, RateTest); 2]> {
        let rates = self.evidence?;
        let tests = |limit: u32| {
            let test = |error: f64| RateTest { limit: share(limit), error, horizon };
            (test(share(rates.false_halt) / 2.0), test(share(rates.false_advance)))
        };
        Some([tests(self.failed_limit), tests(self.silent_limit)])
    }

    /// How many devices of a wave have to come out well before the next one is opened by evidence, if all do; none where the gate goes
    /// by bare shares, and `u64::MAX` where no number is enough.
    #[must_use]
    pub fn proves_from(&self) -> Option<u64> {
        let rates = self.evidence?;
        let fewest = |limit| RateTest::fewest_unharmed(share(limit), share(rates.false_advance)).unwrap_or(u64::MAX);
        Some(fewest(self.failed_limit).max(fewest(self.silent_limit)))
    }
}
