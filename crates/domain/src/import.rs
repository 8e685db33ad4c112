//! Imports: which files can be brought in, and how far one has come.

use crate::words::words;

words! {
    /// What kind of file is imported.
    ImportFormat {
        /// A factory manifest as CSV.
        Csv => "csv", "Factory manifest (CSV)";
        /// A factory manifest as JSON Lines.
        Jsonl => "jsonl", "Factory manifest (JSON Lines)";
        /// An EPCIS 2.0 document.
        Epcis => "epcis", "EPCIS 2.0 document";
    }
}

words! {
    /// How far an import has come.
    ImportState {
        /// The file is here and waits for its turn.
        Received => "received", "Waiting";
        /// The file is being read; nothing is changed yet.
        Checking => "checking", "Checking";
        /// What the file says is being entered.
        Applying => "applying", "Applying";
        /// Finished.
        Done => "done", "Done";
        /// Something in the file is wrong; nothing was changed.
        Refused => "refused", "Refused";
        /// It could not be finished; its message says how far it came.
        Failed => "failed", "Failed";
        /// Somebody stopped it before anything was changed.
        Cancelled => "cancelled", "Cancelled";
    }
}

impl ImportState {
    /// Whether nothing more will happen.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Refused | Self::Failed | Self::Cancelled)
    }
}

words! {
    /// How much something in a file matters.
    Severity {
        /// It can't be taken.
        Bad => "bad", "Bad";
        /// It has no place here and was left out; the rest was taken.
        Left => "left", "Left out";
    }
}
