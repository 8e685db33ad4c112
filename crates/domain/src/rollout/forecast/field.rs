//! One run of a rollout: who polls, who is told, and what becomes of them, in steps of time that fit each wave.
//!
//! A device polls once in each of its intervals, at a moment that is as likely as any other; of those who have not come yet so
//! many come in a step (binomial). Who is told has an outcome later ([`super::send`]). Gates are asked whenever what they know has
//! changed. A wave that waits for a person alone is opened at once.

use super::{
    Basis, HORIZON,
    chance::Chance,
    hours::Hours,
    judge::{Judge, Word},
    past::Natures,
    run::{Due, End, Open, Room, Run},
    send::{Release, Told},
    times::Times,
    wave::Wave,
};
use crate::rollout::Evidence;

/// How many steps a run has at most.
const STEPS_MAX: usize = 20_000;
/// Devices that come within less are told as if it took so long, in minutes.
const SHORTEST: f64 = 0.1;

/// What runs have in common.
pub(super) struct Field<'a> {
    pub(super) basis: Basis<'a>,
    hours: Hours<'a>,
    waves: Vec<Wave>,
    judges: Vec<Judge<'a>>,
    times: Times,
    natures: Natures,
    rooms: Vec<Room>,
}

impl<'a> Field<'a> {
    pub(super) fn new(basis: &Basis<'a>) -> Self {
        let plan = basis.plan;
        let times = Times::of(basis.past);
        let planned = || plan.waves.iter().zip(basis.crowds);
        Self {
            basis: *basis,
            hours: Hours::new(&plan.windows, basis.start),
            waves: planned().map(|(wave, crowd)| Wave::of(plan, wave, crowd, &times)).collect(),
            judges: planned().map(|(wave, crowd)| Judge::of(&wave.gate, crowd.total)).collect(),
            natures: basis.past.natures(&times, basis.seed()),
            times,
            rooms: Vec::new(),
        }
    }

    /// Lets it run for the `nth` time, with a release that bricks this share of the devices.
    pub(super) fn run(&mut self, nth: u64, bricks: f64) -> Run {
        let mut chance = Chance::new(self.basis.seed(), nth);
        let nature = self.natures.of(nth);
        let mut run = Run::default();
        self.open_next(&mut run, 0);
        let mut now = 0;
        for _ in 0..STEPS_MAX {
            run.settle(now);
            if let Some(end) = self.decided(&mut run, now) {
                run.end = end;
                break;
            }
            let until = self.next(&run, now);
            if until > HORIZON {
                break;
            }
            let came = self.come(&mut run, (now, until), &mut chance);
            let release = Release { nature, times: &self.times, bricks };
            self.tell(&mut run, now, &came, release, &mut chance);
            now = until;
        }
        if matches!(run.end, End::Stuck(_)) {
            run.end = End::Stuck(run.open.len().saturating_sub(1));
        }
        run.ended = now;
        // Who is under way goes on.
        run.settle(usize::MAX);
        run.verified.sort_unstable();
        self.rooms.extend(run.open.drain(..).map(|open| open.due.into_room()));
        run
    }

    fn open_next(&mut self, run: &mut Run, now: usize) {
        let Some(wave) = self.waves.get(run.open.len()) else { return };
        run.opened.push(now);
        run.open.push(Open {
            opened: now,
            waiting: wave.classes.iter().map(|class| (class.n, 0)).collect(),
            evidence: Evidence { total: wave.total, ..Evidence::default() },
            due: Due::new(now, wave.step, self.rooms.pop().unwrap_or_default()),
            is_news: true,
        });
    }

    /// Asks the gates, and opens what they let open. How it ends, if it does.
    fn decided(&mut self, run: &mut Run, now: usize) -> Option<End> {
        loop {
            let last = run.open.len().checked_sub(1)?;
            let opened = self.hours.at(run.open.last()?.opened);
            let mut is_ready = false;
            let planned = self.basis.plan.waves.iter().zip(&mut self.judges);
            for (n, (wave, (planned, judge))) in run.open.iter_mut().zip(planned).enumerate() {
                let waits_for_time = n == last && now >= wave.opened + planned.gate.open_minutes as usize;
                if !wave.is_news && !waits_for_time {
                    continue;
                }
                wave.is_news = false;
                match judge.ask(&wave.evidence, n == last, opened, self.hours.at(now)) {
                    Word::Halt => return Some(End::Halted(n)),
                    word => is_ready |= n == last && word == Word::Ready,
                }
            }
            if !is_ready {
                return None;
            }
            if run.open.len() == self.waves.len() {
                return Some(End::Through);
            }
            self.open_next(run, now);
        }
    }

    /// Until when the next step of time lasts; beyond what is looked at if nothing more is to come.
    fn next(&mut self, run: &Run, now: usize) -> usize {
        let Some((last, before)) = run.open.split_last() else { return HORIZON + 1 };
        let gate = self.basis.plan.waves.get(before.len()).map(|wave| last.opened + wave.gate.open_minutes as usize);
        let event = last.due.next().into_iter().chain(gate.filter(|at| *at > now)).min();
        let event = event.unwrap_or(HORIZON + 1).max(now + 1);
        // A step ends where outcomes of its wave are known.
        let ends = |(open, wave): (&Open, &Wave)| open.opened + ((now - open.opened) / wave.step + 1) * wave.step;
        let waits = run.open.iter().zip(&self.waves).filter(|(open, _)| open.is_waited_for());
        let Some(step) = waits.map(ends).min() else {
            // Those of waves before count where nothing else happens.
            let others = before.iter().filter_map(|wave| wave.due.next()).min().unwrap_or(event);
            return event.min(others.max(now + 1));
        };
        match self.hours.next_open(now) {
            begin if begin > now => begin.min(event),
            _ => step.min(event),
        }
    }

    /// Who polls in a step of time and may be told.
    fn come(&mut self, run: &mut Run, (from, until): (usize, usize), chance: &mut Chance) -> Vec<Came> {
        let mut came = Vec::new();
        let minutes = self.hours.open_between(from, until);
        if minutes <= 0.0 {
            return came;
        }
        let is_limited = self.basis.plan.rate_per_minute.is_some();
        for (n, (open, wave)) in run.open.iter_mut().zip(&self.waves).enumerate() {
            let before = self.hours.open_between(open.opened, from);
            for (nth, (class, (fresh, again))) in wave.classes.iter().zip(&mut open.waiting).enumerate() {
                let left = class.interval - before;
                let first = chance.binomial(*fresh, if left <= minutes { 1.0 } else { minutes / left });
                let more = chance.binomial(*again, minutes / class.interval);
                if first + more == 0 {
                    continue;
                }
                *fresh -= first;
                *again -= more;
                let lasts = if is_limited || first == 0 { minutes } else { left.max(SHORTEST).min(minutes) };
                came.push(Came { wave: n, class: nth, lasts, n: first + more });
            }
        }
        let most = self.basis.plan.rate_per_minute.map(|rate| (f64::from(rate) * minutes).round() as u64);
        turn_away(run, &mut came, most);
        came
    }

    /// Tells them.
    fn tell(&self, run: &mut Run, from: usize, came: &[Came], release: Release<'_>, chance: &mut Chance) {
        for came in came.iter().filter(|came| came.n > 0) {
            run.count(from, came.lasts, came.n);
            let class = self.waves.get(came.wave).and_then(|wave| wave.classes.get(came.class));
            let Some((open, class)) = run.open.get_mut(came.wave).zip(class) else { continue };
            run.bricked += release.send(open, &Told { class, from, lasts: came.lasts, n: came.n }, chance);
        }
    }
}

/// Devices of a wave that poll in a step of time, and in how many of its minutes.
struct Came {
    wave: usize,
    class: usize,
    lasts: f64,
    n: u64,
}

/// Lets no more be told than may be; each class loses the same share, and comes again.
fn turn_away(run: &mut Run, came: &mut [Came], most: Option<u64>) {
    let all: u64 = came.iter().map(|came| came.n).sum();
    let Some(most) = most.filter(|most| *most < all) else { return };
    let may = |n: u64| u64::try_from(u128::from(n) * u128::from(most) / u128::from(all)).unwrap_or(n);
    let mut before = 0;
    for came in came {
        let told = may(before + came.n) - may(before);
        before += came.n;
        let waiting = run.open.get_mut(came.wave).and_then(|wave| wave.waiting.get_mut(came.class));
        if let Some((_, again)) = waiting {
            *again += came.n - told;
        }
        came.n = told;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        rollout::{
            Plan, WaveSize,
            forecast::{Crowd, Past, run::NEAR},
            tests::plan,
        },
        time::Timestamp,
    };

    #[test]
    fn a_plan_that_misses_devices_after_ninety_days_is_foreseen_in_little_room() {
        let plan = Plan { timeout_minutes: 90 * 24 * 60, ..plan(vec![WaveSize::Rest]) };
        let crowds = [Crowd { total: 5_000, polling: vec![(60, 5_000)], ..Crowd::default() }];
        let past = Past::default();
        let basis = Basis { plan: &plan, crowds: &crowds, past: &past, size: 1, start: Timestamp(0) };
        let mut field = Field::new(&basis);
        for nth in 0..5 {
            let run = field.run(nth, 0.02);
            assert!(run.bricked > 0 && run.verified.iter().map(|(.., n)| n).sum::<u64>() > 4_000);
        }
        // As many places as there were in a run.
        assert!(!field.rooms.is_empty());
        assert!(field.rooms.iter().all(|room| !room.is_empty() && room.len() <= NEAR), "{:?}", field.waves[0].step);
    }
}
