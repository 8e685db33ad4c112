//! Who used how much of the processors, by what the kernel counts for each process and for the machine.

use std::{collections::BTreeMap, fs, time::Duration};

/// How many of the kernel's ticks are a second: 100 wherever Linux runs a server (`USER_HZ`).
const TICKS: u64 = 100;

/// Whose processes are counted: what they are called, and what they were started as. What those started counts for them.
pub type Whose = [(&'static str, Vec<u32>)];

/// The time that processors spent since some moment.
#[derive(Clone, Debug, Default)]
pub struct Used {
    /// For each of those that are counted, and at last for this process, which calls.
    pub by: Vec<(&'static str, Duration)>,
    /// Together with all others, and what the kernel did for nobody.
    pub busy: Duration,
    /// And without work to do.
    pub idle: Duration,
}

impl Used {
    /// Until now, since the machine began.
    pub fn so_far(whose: &Whose) -> Self {
        let all = processes();
        let of = |roots: &[u32]| {
            let under = all.keys().filter(|pid| is_under(&all, **pid, roots));
            Duration::from_millis(under.map(|pid| all[pid].ticks).sum::<u64>() * 1_000 / TICKS)
        };
        let (busy, idle) = machine();
        let mut by: Vec<_> = whose.iter().map(|(name, roots)| (*name, of(roots))).collect();
        // All others were started by it.
        by.push(("who calls", own()));
        Self { by, busy, idle }
    }

    /// What came since that.
    pub fn since(&self, before: &Self) -> Self {
        let by = self.by.iter().zip(&before.by).map(|((name, now), (_, then))| (*name, now.saturating_sub(*then)));
        Self {
            by: by.collect(),
            busy: self.busy.saturating_sub(before.busy),
            idle: self.idle.saturating_sub(before.idle),
        }
    }

    /// Both together.
    pub fn and(&self, more: &Self) -> Self {
        if self.by.is_empty() {
            return more.clone();
        }
        let by = self.by.iter().zip(&more.by).map(|((name, one), (_, other))| (*name, *one + *other));
        Self { by: by.collect(), busy: self.busy + more.busy, idle: self.idle + more.idle }
    }

    /// What nobody who is counted used.
    pub fn others(&self) -> Duration {
        self.busy.saturating_sub(self.by.iter().map(|(_, used)| *used).sum())
    }

    /// Which part of the machine was busy.
    pub fn share(&self) -> f64 {
        self.busy.as_secs_f64() / (self.busy + self.idle).as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

struct Process {
    parent: u32,
    /// Its own, and with those of its children that have ended.
    own: u64,
    ticks: u64,
}

/// All processes that can be seen.
fn processes() -> BTreeMap<u32, Process> {
    let numbered = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    // One that has ended meanwhile counts for its parent.
    numbered
        .filter_map(|pid: u32| Some((pid, process(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?)))
        .collect()
}

/// What `/proc/PID/stat` says (proc_pid_stat(5)): its parent, and the ticks of it and of its children that have ended.
fn process(stat: &str) -> Option<Process> {
    // What it is called stands in brackets and may hold anything; the third field follows.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let own = field(14)? + field(15)?;
    Some(Process { parent: u32::try_from(field(4)?).ok()?, own, ticks: own + field(16)? + field(17)? })
}

/// What this process used, without those that it started.
fn own() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    Duration::from_millis(process(&stat).unwrap().own * 1_000 / TICKS)
}

/// Whether a process is one of these, or was started below one.
fn is_under(all: &BTreeMap<u32, Process>, pid: u32, roots: &[u32]) -> bool {
    let mut at = pid;
    loop {
        if roots.contains(&at) {
            return true;
        }
        let Some(process) = all.get(&at).filter(|process| process.parent != at) else { return false };
        at = process.parent;
    }
}

/// What all processors did and did not do, by the first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal.
fn machine() -> (Duration, Duration) {
    let stat = fs::read_to_string("/proc/stat").unwrap();
    let ticks =
        stat.lines().next().unwrap().split_whitespace().skip(1).take(8).map(|ticks| ticks.parse::<u64>().unwrap());
    let (mut busy, mut idle) = (0, 0);
    for (at, ticks) in ticks.enumerate() {
        if matches!(at, 3 | 4) { idle += ticks } else { busy += ticks }
    }
    (Duration::from_millis(busy * 1_000 / TICKS), Duration::from_millis(idle * 1_000 / TICKS))
}
