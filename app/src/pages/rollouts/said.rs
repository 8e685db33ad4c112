//! A plan in words: line by line, as it is read out to who approves it, shown on its page, and compared with another one.

mod experiment;

pub(in crate::pages) use experiment::{experiment, matters, of_experiment};

use super::typed::{percent, span_text};
use domain::{
    id::ReleaseId,
    rollout::{Advance, Frozen, Gate, Plan, Reaction, Wave, WaveSize},
    words::counted,
};
use std::collections::HashMap;

/// What stands for things in a plan whose own words say nothing to people.
#[derive(Clone, Debug, Default)]
pub(in crate::pages) struct Titles {
    /// What releases are called.
    pub releases: HashMap<ReleaseId, String>,
    /// Other rollouts by what makes their order.
    pub orders: HashMap<String, String>,
}

/// One thing that a plan says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pages) struct Line {
    /// What it is about.
    pub term: String,
    /// What is said of it.
    pub words: String,
}

fn line(term: impl Into<String>, words: impl Into<String>) -> Line {
    Line { term: term.into(), words: words.into() }
}

pub(in crate::pages) fn title(titles: &Titles, id: ReleaseId) -> String {
    titles.releases.get(&id).cloned().unwrap_or_else(|| format!("release {id}"))
}

/// `1 device`, `2,000 devices`.
pub(super) fn devices(n: u64) -> String {
    counted(n, "device")
}

/// `1 outcome`, `2,000 outcomes`.
pub(super) fn outcomes(n: u64) -> String {
    counted(n, "outcome")
}

/// Those whom the target means and who are left out of it; nothing where there are none.
pub(super) fn left_out(n: u64) -> String {
    match n {
        0 => String::new(),
        1 => "1 more runs it already or can’t get it, and is left out.".to_owned(),
        n => format!("{} more run it already or can’t get it, and are left out.", super::number(n)),
    }
}

/// For whom: the query, and how many it meant when it was frozen.
pub(in crate::pages) fn target(plan: &Plan, frozen: Option<&Frozen>) -> String {
    let query = if plan.target.trim().is_empty() { "every device" } else { plan.target.as_str() };
    match frozen {
        Some(frozen) if frozen.left_out > 0 => {
            let (in_it, out) = (devices(frozen.count), super::number(frozen.left_out));
            format!("{in_it}, frozen without {out} that run it already or can’t get it of: {query}")
        }
        Some(frozen) => format!("{}, frozen of: {query}", devices(frozen.count)),
        None => query.to_owned(),
    }
}

/// Who is in a wave, in words.
pub(in crate::pages) fn size(wave: &Wave) -> String {
    match &wave.size {
        WaveSize::Share(parts) => format!("{} % of the target", percent(*parts)),
        WaveSize::Devices(n) => format!("the next {}", devices(*n)),
        WaveSize::Query(text) => format!("those of {text}"),
        WaveSize::Rest => "all that are left".to_owned(),
    }
}

/// When what comes after a wave begins.
pub(in crate::pages) fn goes_on(gate: &Gate, is_last: bool) -> String {
    let what = match (gate.advance, is_last) {
        (Advance::Auto, false) => "The next wave opens by itself",
        (Advance::Auto, true) => "It is complete",
        (Advance::Manual, false) => "Somebody may open the next wave",
        (Advance::Manual, true) => "Somebody may complete it",
    };
    let open = match gate.open_minutes {
        0 => String::new(),
        minutes => format!(" and it was open for {}", span_text(minutes)),
    };
    let known = format!("{what} once {} % of this one", percent(gate.done));
    if let Some(rates) = gate.evidence {
        return format!(
            "{known} have an outcome{open}, and the evidence is enough that fewer than {} % fail and fewer than {} % go silent: \
             wrong in {} % of such waves at most.",
            percent(gate.failed_limit),
            percent(gate.silent_limit),
            percent(rates.false_advance)
        );
    }
    let sample = devices(gate.min_sample);
    format!("{known}, {sample} at least, have an outcome{open}.")
}

/// What a wave's gate stops.
pub(in crate::pages) fn stops(gate: &Gate) -> String {
    let above = |parts: u32, of: &str, what: &str| match parts {
        0 => format!("any{of} {what}"),
        parts => format!("more than {} %{of} {what}", percent(parts)),
    };
    if let Some(rates) = gate.evidence {
        return format!(
            "Stops everything by evidence that more than {} % fail, or more than {} % go silent: wrong in {} % of such waves at \
             most. If that is so of one hardware revision or one batch alone, only that is held back.",
            percent(gate.failed_limit),
            percent(gate.silent_limit),
            percent(rates.false_halt)
        );
    }
    let failed = above(gate.failed_limit, " of those with an outcome", "failed");
    let silent = above(gate.silent_limit, "", "went silent");
    let sooner = match gate.min_sample {
        0 | 1 => String::new(),
        n => format!("; before {} have an outcome, when that is so of the whole wave", super::number(n)),
    };
    format!("Stops everything when {failed}, or {silent}{sooner}.")
}

/// That a wave of so many devices can't prove what its gate wants; none where it can.
pub(in crate::pages) fn too_small(gate: &Gate, offered: u64) -> Option<String> {
    let from = gate.proves_from().filter(|from| *from > offered)?;
    Some(format!(
        "A wave of {} can’t prove that: it takes {} without harm. Once it is done, somebody decides.",
        devices(offered),
        devices(from)
    ))
}

/// What happens when a gate's limit is passed.
pub(in crate::pages) fn reaction(plan: &Plan, titles: &Titles) -> String {
    match plan.reaction {
        Reaction::Pause => "Halts: nobody else is offered it, and who is under way goes on.".to_owned(),
        Reaction::AbortKeep => "Ends for good: devices keep what they have.".to_owned(),
        Reaction::AbortRevert => {
            let to = plan.revert_to.map_or_else(|| "nothing that is named".to_owned(), |id| title(titles, id));
            format!("Ends for good: devices that have it go back to {to}.")
        }
    }
}

/// What is said of each wave: its name, who is in it, and its gate.
pub(in crate::pages) fn waves(plan: &Plan, frozen: Option<&Frozen>) -> Vec<(Line, Vec<String>)> {
    let of_wave = |(n, wave): (usize, &Wave)| {
        let frozen = frozen.and_then(|frozen| frozen.waves.get(n));
        let count = frozen.map_or_else(String::new, |frozen| format!("{}: ", devices(frozen.count)));
        let who = format!("{count}{}", size(wave));
        let mut gate = vec![goes_on(&wave.gate, n + 1 == plan.waves.len()), stops(&wave.gate)];
        gate.extend(frozen.and_then(|frozen| too_small(&wave.gate, frozen.offered(plan))));
        (line(format!("{}. {}", n + 1, wave.name), who), gate)
    };
    plan.waves.iter().enumerate().map(of_wave).collect()
}

/// What is said of each cohort.
pub(in crate::pages) fn cohorts(plan: &Plan, frozen: Option<&Frozen>, titles: &Titles) -> Vec<Line> {
    let Some(cohorts) = &plan.cohorts else { return Vec::new() };
    let of = cohorts.wave.map_or_else(|| "every wave".to_owned(), |wave| format!("wave {}", wave + 1));
    let said = |(n, variant): (usize, &domain::rollout::Variant)| {
        let gets = match variant.release {
            Some(release) => format!("gets {}", title(titles, release)),
            None => "gets nothing, for comparison".to_owned(),
        };
        let count = frozen.map_or_else(String::new, |frozen| {
            let n: u64 = frozen.waves.iter().filter_map(|wave| wave.cohorts.get(n + 1)).sum();
            format!(", {}", devices(n))
        });
        line(format!("Cohort {}", variant.name), format!("{} % of {of}{count}: {gets}", percent(variant.share)))
    };
    cohorts.variants.iter().enumerate().map(said).collect()
}

/// What is said of the rest: when, how quickly, how often, and what follows.
pub(in crate::pages) fn rules(plan: &Plan, titles: &Titles) -> Vec<Line> {
    let windows =
        if plan.windows.open.is_empty() { "at any time".to_owned() } else { plan.windows.lines().replace('\n', "; ") };
    let starts = plan.start_at.map_or_else(
        || "as soon as it is approved".to_owned(),
        |at| format!("on {} UTC, if it is approved by then", at.minute_words()),
    );
    let mut all = vec![line("Starts", starts), line("Window", windows)];
    if !plan.windows.open.is_empty() {
        let zone = if plan.windows.zone.is_empty() { "UTC" } else { &plan.windows.zone };
        all.push(line("Time zone", format!("the device’s own; {zone} for those that report none")));
    }
    all.extend([
        line(
            "Rate",
            plan.rate_per_minute
                .map_or_else(|| "no limit".to_owned(), |rate| format!("at most {} a minute", devices(rate.into()))),
        ),
        line(
            "Silent",
            match (span_text(plan.timeout_minutes), plan.late_by_habit) {
                (span, false) => format!("after {span} without progress"),
                (span, true) => {
                    format!("once it stays away much longer than it usually does, after {span} at the latest")
                }
            },
        ),
        line("Verified", format!("by its own report, and {} of life after it", span_text(plan.soak_minutes))),
        line(
            "Tries again",
            match plan.retries {
                0 => "never".to_owned(),
                1 => "once".to_owned(),
                n => format!("up to {n} times"),
            },
        ),
        line("At a limit", reaction(plan, titles)),
    ]);
    if let Some(release) = plan.revert_to {
        all.push(line("Goes back to", title(titles, release)));
    }
    all.push(line("New devices", if plan.joins { "join when they come to match" } else { "do not join" }));
    all.push(line(
        "Downgrades",
        if plan.downgrades { "yes: devices that run something newer get it, too" } else { "no" },
    ));
    if plan.confirmation_required {
        all.push(line(
            "Asks",
            "each device’s user first: nothing is installed, and no gate counts it, before that one agrees",
        ));
    }
    all.push(line("Order", order(plan, titles)));
    all
}

/// Who comes first of those in a wave that takes a part of the target.
fn order(plan: &Plan, titles: &Titles) -> String {
    match titles.orders.get(&plan.salt) {
        Some(other) => format!("that of rollout “{other}”, as before: the same devices come first"),
        None => "one of its own, drawn at random".to_owned(),
    }
}

/// Everything that a plan says, in one list: what is compared.
pub(in crate::pages) fn all(plan: &Plan, frozen: Option<&Frozen>, titles: &Titles) -> Vec<Line> {
    let mut lines = vec![
        line("Name", plan.name.clone()),
        line("Release", title(titles, plan.release)),
        line("Target", target(plan, frozen)),
    ];
    // How many devices waves and cohorts come to follows from the target.
    for (n, (wave, (_, gate))) in plan.waves.iter().zip(waves(plan, None)).enumerate() {
        lines.push(line(format!("Wave {}", n + 1), format!("{}, {}", wave.name, size(wave))));
        lines.push(line(format!("Gate of wave {}", n + 1), gate.join(" ")));
    }
    lines.extend(cohorts(plan, None, titles));
    lines.extend(experiment(plan));
    lines.extend(rules(plan, titles));
    lines
}

/// What differs between two plans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pages) struct Difference {
    /// What it is about.
    pub term: String,
    /// What the earlier plan says of it; none when it says nothing.
    pub before: Option<String>,
    /// What the later one says; none when it says nothing.
    pub now: Option<String>,
}

/// What of two plans differs, in the order in which the later one says it. What differs always is left out: names, and what
/// makes the order.
pub(in crate::pages) fn differences(before: &[Line], now: &[Line]) -> Vec<Difference> {
    let counts = |line: &&Line| !matches!(line.term.as_str(), "Name" | "Order");
    let said = |lines: &[Line], term: &str| lines.iter().find(|line| line.term == term).map(|line| line.words.clone());
    let changed = now.iter().filter(counts).filter_map(|line| {
        let before = said(before, &line.term);
        let is_same = before.as_ref() == Some(&line.words);
        (!is_same).then(|| Difference { term: line.term.clone(), before, now: Some(line.words.clone()) })
    });
    let gone = before.iter().filter(counts).filter(|line| said(now, &line.term).is_none());
    let gone = gone.map(|line| Difference { term: line.term.clone(), before: Some(line.words.clone()), now: None });
    changed.chain(gone).collect()
}

#[cfg(test)]
mod tests;
