//! What becomes of devices that are told: who fails, who is not heard from again, and when that is known.
//!
//! Few devices are looked at one by one. Of many it is drawn how many fail and how many go silent, and the times of all are spread
//! evenly over what devices take; so a million cost what a hundred do.

use super::{
    chance::Chance,
    past::Nature,
    run::{Open, Outcomes},
    times::Times,
    wave::Class,
};

/// Up to how many devices are looked at one by one, and of more of them up to how many that are late or harmed. A gate may wait for the
/// slowest of a small wave, and how slow that is, is chance.
const FEW: u64 = 64;
const FEW_OF_MANY: u64 = 8;
/// Into how many parts more of them are put by their time, each as many: those on which gates wait, and the others.
const PARTS: usize = 16;
const PARTS_OF_FEW: usize = 4;

/// What is sent in a run.
#[derive(Clone, Copy)]
pub(super) struct Release<'a> {
    pub(super) nature: Nature,
    pub(super) times: &'a Times,
    /// The share of devices that it bricks.
    pub(super) bricks: f64,
}

/// Devices that are told from a minute on, for so many minutes.
pub(super) struct Told<'a> {
    pub(super) class: &'a Class,
    pub(super) from: usize,
    pub(super) lasts: f64,
    pub(super) n: u64,
}

/// What becomes of a device.
#[derive(Clone, Copy)]
enum Fate {
    Verified,
    Failed,
    Silent,
}

impl Fate {
    fn of(self, n: u64) -> Outcomes {
        match self {
            Self::Verified => Outcomes { verified: n, ..Outcomes::default() },
            Self::Failed => Outcomes { failed: n, ..Outcomes::default() },
            Self::Silent => Outcomes { silent: n, ..Outcomes::default() },
        }
    }

    /// How long after it runs the release, or would, it is known what became of it.
    const fn known_after(self, class: &Class) -> f64 {
        match self {
            Self::Verified => class.lives,
            Self::Failed => 0.0,
            Self::Silent => class.noticed,
        }
    }
}

impl Release<'_> {
    /// Notes what becomes of them. How many are bricked.
    pub(super) fn send(&self, open: &mut Open, told: &Told<'_>, chance: &mut Chance) -> u64 {
        open.evidence.under_way += told.n;
        if told.n <= FEW { self.send_few(open, told, chance) } else { self.send_many(open, told, chance) }
    }

    fn send_few(&self, open: &mut Open, told: &Told<'_>, chance: &mut Chance) -> u64 {
        let (mut bricked, mut notes) = (0, open.due.notes(told.from));
        let late = self.misses_one(told.class);
        for _ in 0..told.n {
            let is_bricked = self.bricks > 0.0 && chance.unit() < self.bricks;
            bricked += u64::from(is_bricked);
            let luck = chance.unit();
            let fate = if is_bricked || luck < self.nature.harmed * self.nature.silent {
                Fate::Silent
            } else if luck < self.nature.harmed {
                Fate::Failed
            } else {
                Fate::Verified
            };
            let at = told.from as f64 + told.lasts * chance.unit();
            let mut known = at + self.runs(told.class, chance.unit()) + fate.known_after(told.class);
            if matches!(fate, Fate::Verified) {
                let mut misses = late;
                while chance.unit() < misses {
                    known += told.class.interval;
                    misses = self.nature.missed;
                }
            }
            notes.note(known, fate.of(1));
        }
        bricked
    }

    fn send_many(&self, open: &mut Open, told: &Told<'_>, chance: &mut Chance) -> u64 {
        let bricked = chance.binomial(told.n, self.bricks);
        let harmed = chance.binomial(told.n - bricked, self.nature.harmed);
        let silent = chance.binomial(harmed, self.nature.silent);
        let verified = told.n - bricked - harmed;
        let late = chance.binomial(verified, self.misses_one(told.class));
        let mut notes = open.due.notes(told.from);
        let middle = told.from as f64 + told.lasts / 2.0;
        let all = [
            (Fate::Verified, verified - late, 0.0, PARTS),
            (Fate::Verified, late, told.class.interval, PARTS_OF_FEW),
            (Fate::Failed, harmed - silent, 0.0, PARTS_OF_FEW),
            (Fate::Silent, bricked + silent, 0.0, PARTS_OF_FEW),
        ];
        for (fate, n, later, parts) in all {
            let known = middle + fate.known_after(told.class) + later;
            if n <= FEW_OF_MANY {
                for _ in 0..n {
                    notes.note(known + self.runs(told.class, chance.unit()), fate.of(1));
                }
                continue;
            }
            let within = chance.unit();
            chance.share_out(n, parts, |part, n| {
                let share = (part as f64 + within) / parts as f64;
                notes.note(known + self.runs(told.class, share), fate.of(n));
            });
        }
        bricked
    }

    /// How likely a device misses a poll between its offer and what is seen of it last.
    fn misses_one(&self, class: &Class) -> f64 {
        1.0 - (1.0 - self.nature.missed).powf(class.polls)
    }

    /// How long after its offer it is known of a device that it runs the release, if it is slower than this share of all.
    fn runs(&self, class: &Class, share: f64) -> f64 {
        let takes = self.times.at(share) * self.nature.slower;
        if self.times.is_timed { takes } else { class.seen_after(takes) }
    }
}
