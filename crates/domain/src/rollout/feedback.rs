//! What a device says of an update, as hawkBit's clients say it.

use crate::words::words;

words! {
    /// How far a device says that it is: `status.execution`.
    Execution {
        /// It is finished, one way or the other.
        Closed => "closed", "Closed";
        /// It installs.
        Proceeding => "proceeding", "Installing";
        /// It downloads.
        Download => "download", "Downloading";
        /// It has downloaded.
        Downloaded => "downloaded", "Downloaded";
        /// It has it planned.
        Scheduled => "scheduled", "Scheduled";
        /// It goes on.
        Resumed => "resumed", "Resumed";
        /// It won't, at present.
        Rejected => "rejected", "Rejected";
        /// It stopped.
        Canceled => "canceled", "Cancelled";
    }
}

words! {
    /// How it came out: `status.result.finished`.
    Finished {
        /// Well.
        Success => "success", "Success";
        /// Badly.
        Failure => "failure", "Failure";
        /// Not known.
        None => "none", "Not known";
    }
}

/// One feedback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// How far the device says that it is.
    pub execution: Execution,
    /// How it came out.
    pub finished: Finished,
    /// A code of the client's; none when it gave none.
    pub code: Option<i64>,
    /// What it said, a line each.
    pub details: Vec<String>,
}

impl Feedback {
    /// Up to how many characters the reason of a failure has.
    pub const REASON_MAX: usize = 400;

    /// Whether it closes the action, and well.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!((self.execution, self.finished), (Execution::Closed, Finished::Success | Finished::None))
    }

    /// Whether it closes the action badly.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        matches!((self.execution, self.finished), (Execution::Closed, Finished::Failure))
    }

    /// Why it failed, in the device's words: the last line that says something, cut.
    #[must_use]
    pub fn reason(&self) -> String {
        let said = self.details.iter().rev().map(|line| line.trim()).find(|line| !line.is_empty());
        said.unwrap_or("The device gave no reason.").chars().take(Self::REASON_MAX).collect()
    }

    /// By what failures are put together: the client's code, or else what it said without what differs from device to device
    /// (numbers, paths in angle brackets).
    #[must_use]
    pub fn cluster(&self) -> String {
        if let Some(code) = self.code {
            return code.to_string();
        }
        let mut out = String::new();
        for c in self.reason().chars().take(120) {
            let c = if c.is_ascii_digit() { '#' } else { c };
            if c != '#' || !out.ends_with('#') {
                out.push(c);
            }
        }
        out
    }
}
