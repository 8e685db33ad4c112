//! The process as the kernel sees it, under the names that Prometheus's own libraries give it.

use fleet::{observe::gauges, system_time};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter},
};
use std::{fmt, fs};

/// How many ticks of a second the kernel counts a process's time in: part of its interface to programs, and the same on every
/// machine that Muster is built for.
const TICKS: f64 = 100.0;

/// This process.
#[derive(Debug)]
pub struct Process {
    /// When it began, in seconds since 1970.
    began: f64,
}

impl Process {
    /// As it begins.
    pub fn new() -> Self {
        Self { began: seconds() }
    }
}

/// The machine's time.
fn seconds() -> f64 {
    system_time().0 as f64 / 1e6
}

/// The processor time of `/proc/self/stat`, in seconds. Its second field is in brackets, and may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split_whitespace().collect();
    // In it and in the system for it: the 14th and the 15th, and what is left begins with the third.
    let ticks = |n: usize| fields.get(n - 3)?.parse::<f64>().ok();
    Some((ticks(14)? + ticks(15)?) / TICKS)
}

/// A number of `/proc/self/status`, by its name.
fn number(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// How many files may be open, by `/proc/self/limits`.
fn most_files(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let none: [(&str, &str); 0] = [];
        let mut gauge = |name: &str, told: &str, value: f64| gauges(&mut encoder, (name, told), [(none, value)]);
        gauge("process_start_time_seconds", "When the process began to serve.", self.began)?;
        gauge("muster_time_seconds", "This machine's time.", seconds())?;
        if let Some(most) = fs::read_to_string("/proc/self/limits").ok().as_deref().and_then(most_files) {
            gauge("process_max_fds", "Files that may be open.", most)?;
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            gauge("process_open_fds", "Files that are open.", open.count() as f64)?;
        }
        if let Ok(status) = fs::read_to_string("/proc/self/status") {
            if let Some(kib) = number(&status, "VmRSS") {
                gauge("process_resident_memory_bytes", "Memory that is in use.", kib * 1024.0)?;
            }
            if let Some(threads) = number(&status, "Threads") {
                gauge("process_threads", "Threads.", threads)?;
            }
        }
        let Some(used) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(cpu_seconds) else {
            return Ok(());
        };
        let told = "Processor time that was used.";
        let metric = encoder.encode_descriptor("process_cpu_seconds", told, None, MetricType::Counter)?;
        ConstCounter::new(used).encode(metric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_read_rightly() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 12345 1000000 2048 1";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds("7 (a) S 1"), None);
        let status = "Name:\tmuster\nVmRSS:\t   2048 kB\nThreads:\t9\n";
        assert_eq!((number(status, "VmRSS"), number(status, "Threads")), (Some(2048.0), Some(9.0)));
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files  1024  524288  files\n";
        assert_eq!(most_files(limits), Some(1024.0));
        assert_eq!(most_files("Max open files unlimited unlimited files"), None);
    }
}
