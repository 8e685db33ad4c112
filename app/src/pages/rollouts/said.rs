//! A plan in words: line by line, as it is read out to who approves it, shown on its page, and compared with another one.

use super::{
    number,
    typed::{percent, span_text},
};
use domain::{
    id::ReleaseId,
    rollout::{Advance, Frozen, Gate, Plan, Reaction, Wave, WaveSize},
};
use std::collections::HashMap;

/// What releases are called.
pub(in crate::pages) type Titles = HashMap<ReleaseId, String>;

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

fn title(titles: &Titles, id: ReleaseId) -> String {
    titles.get(&id).cloned().unwrap_or_else(|| format!("release {id}"))
}

/// `1 device`, `2,000 devices`.
pub(super) fn devices(n: u64) -> String {
    format!("{} {}", number(n), if n == 1 { "device" } else { "devices" })
}

/// For whom: the query, and how many it meant when it was frozen.
pub(in crate::pages) fn target(plan: &Plan, frozen: Option<&Frozen>) -> String {
    let query = if plan.target.trim().is_empty() { "every device" } else { plan.target.as_str() };
    match frozen {
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
    let sample = match gate.min_sample {
        1 => "1 device".to_owned(),
        n => format!("{} devices", number(n)),
    };
    format!("{what} once {} % of this one, {sample} at least, have an outcome{open}.", percent(gate.done))
}

/// What a wave's gate stops.
pub(in crate::pages) fn stops(gate: &Gate) -> String {
    let above = |parts: u32, of: &str, what: &str| match parts {
        0 => format!("any{of} {what}"),
        parts => format!("more than {} %{of} {what}", percent(parts)),
    };
    let failed = above(gate.failed_limit, " of those with an outcome", "failed");
    format!("Stops everything when {failed}, or {}.", above(gate.silent_limit, "", "went silent"))
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
        let gate = vec![goes_on(&wave.gate, n + 1 == plan.waves.len()), stops(&wave.gate)];
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
        line("Silent", format!("after {} without progress", span_text(plan.timeout_minutes))),
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
    all.push(line("Order by", plan.salt.clone()));
    all
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
    let counts = |line: &&Line| !matches!(line.term.as_str(), "Name" | "Order by");
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
