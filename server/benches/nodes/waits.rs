//! What sessions of the database wait for, by looking again and again while something is measured.

use crate::{net::DATABASE, postgres::PORT};
use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Child, Command, Stdio},
};

/// What sessions that are at work wait for. Those that wait for nothing are on a processor, or would be.
const LOOK: &str = "SELECT coalesce(wait_event_type || ' ' || wait_event, 'a processor') FROM pg_stat_activity \
                    WHERE datname = 'muster' AND state <> 'idle' AND pid <> pg_backend_pid();";
/// How often is looked at most, and the time in between, in seconds.
const LOOKS: usize = 100;
const BETWEEN: f64 = 0.1;

/// Somebody who looks.
pub struct Watch(Child);

impl Watch {
    /// Begins to look.
    pub fn begin() -> Self {
        let url = format!("postgresql://muster@{DATABASE}:{PORT}/muster");
        let mut psql = Command::new("psql");
        psql.args(["-X", "-t", "-A", "-q", &url]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut psql = psql.spawn().unwrap();
        let script = format!("{LOOK}\nSELECT 'looked' FROM pg_sleep({BETWEEN});\n").repeat(LOOKS);
        psql.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        Self(psql)
    }

    /// Ends it. What was seen is added to that.
    pub fn end(mut self, waits: &mut Waits) {
        let _ = self.0.kill();
        let said = self.0.wait_with_output().unwrap();
        for line in String::from_utf8_lossy(&said.stdout).lines() {
            if line == "looked" { waits.looks += 1 } else { *waits.seen.entry(line.to_owned()).or_default() += 1 }
        }
    }
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Waits {
    looks: u32,
    seen: BTreeMap<String, u32>,
}

impl Waits {
    /// What most sessions waited for, and how many did in the mean.
    pub fn most(&self) -> Option<(&str, f64)> {
        let (what, n) = self.seen.iter().max_by_key(|(_, n)| **n)?;
        Some((what, f64::from(*n) / f64::from(self.looks.max(1))))
    }
}
