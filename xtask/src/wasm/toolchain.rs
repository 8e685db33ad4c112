//! Which compiler makes WASM on this machine: a pure decision over what was found.
//!
//! The standard library for wasm32 comes from the active toolchain, or from rustup, or
//! (where rustup cannot download) from packages of Debian.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;

use super::probe;
use crate::error::Error;
use crate::packages;
use crate::workspace::Workspace;

/// The target triple of the browser.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// What Debian calls the newest compiler, its cargo and its `rust-lld` (only recommended by the compiler), the library's source,
/// and the linker that `rust-lld` points to there.
pub const DEBIAN_PACKAGES: [&str; 5] = ["rustc-web", "cargo-web", "rust-web-llvm", "rust-web-src", "lld-22"];

/// For how long a failed download is not tried again.
pub const RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// What was asked for on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// Whatever works first.
    Auto,
    /// The active toolchain; its target is added by rustup.
    Rustup,
    /// Debian's packages.
    Debian,
}

impl Choice {
    /// The word that the command line uses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Rustup => "rustup",
            Self::Debian => "debian",
        }
    }
}

/// A compiler that is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toolchain {
    /// The one that also builds the server.
    Active,
    /// Debian's, which compiles the standard library along.
    Debian,
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "the active Rust toolchain",
            Self::Debian => "Debian's rustc-web",
        })
    }
}

/// The active toolchain's standard library for wasm32.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Library {
    /// A small program compiled and linked.
    Works,
    /// It is not there.
    Missing,
    /// Something is there, and a small program did not compile: what the compiler said.
    Broken(String),
}

/// The program `rustup`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rustup {
    /// Not installed.
    Absent,
    /// Installed.
    Ready,
    /// Installed, and could not add the target this long ago.
    FailedAgo(Duration),
}

/// Debian's packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Debian {
    /// This system has no apt.
    Foreign,
    /// These packages are missing.
    Missing(Vec<String>),
    /// They are all installed and of use.
    Ready,
    /// They are all installed, and of no use: why.
    Useless(String),
}

/// All that the decision depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The active toolchain's library.
    pub library: Library,
    /// Whether rustup can be asked.
    pub rustup: Rustup,
    /// What Debian offers.
    pub debian: Debian,
    /// Whether packages may be installed.
    pub root: bool,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Compile.
    Use(Toolchain),
    /// `rustup target add`, after `rustup target remove` when what is there is broken.
    AddTarget {
        /// Whether to remove it first.
        renew: bool,
    },
    /// `apt-get install`.
    Install(Vec<String>),
    /// Nothing more can be done here; a sentence for a person.
    Say(String),
}

/// Decides what to do next.
pub fn decide(facts: &Facts, choice: Choice) -> Plan {
    match choice {
        Choice::Rustup => by_rustup(facts, true).unwrap_or_else(|| Plan::Say(rustup_advice(facts))),
        Choice::Debian => by_debian(facts).unwrap_or_else(|| Plan::Say(debian_advice(facts))),
        Choice::Auto => by_rustup(facts, false)
            .or_else(|| by_debian(facts))
            .unwrap_or_else(|| Plan::Say(format!("{}\n{}", rustup_advice(facts), debian_advice(facts)))),
    }
}

fn by_rustup(facts: &Facts, insist: bool) -> Option<Plan> {
    let renew = match facts.library {
        Library::Works => return Some(Plan::Use(Toolchain::Active)),
        Library::Missing => false,
        Library::Broken(_) => true,
    };
    match facts.rustup {
        Rustup::Absent => None,
        Rustup::FailedAgo(ago) if ago < RETRY_AFTER && !insist => None,
        Rustup::Ready | Rustup::FailedAgo(_) => Some(Plan::AddTarget { renew }),
    }
}

fn by_debian(facts: &Facts) -> Option<Plan> {
    match &facts.debian {
        Debian::Ready => Some(Plan::Use(Toolchain::Debian)),
        Debian::Missing(packages) if facts.root => Some(Plan::Install(packages.clone())),
        Debian::Foreign | Debian::Missing(_) | Debian::Useless(_) => None,
    }
}

fn rustup_advice(facts: &Facts) -> String {
    let add = format!("rustup target add {TARGET}");
    match (&facts.library, facts.rustup) {
        (Library::Broken(why), Rustup::Absent) => format!(
            "The Rust toolchain has a broken library for the browser ({why}). Reinstall it, or install rustup and type: {add}"
        ),
        (_, Rustup::Absent) => {
            format!(
                "The Rust toolchain cannot compile for the browser. Install rustup (https://rustup.rs), then type: {add}"
            )
        }
        (_, Rustup::Ready | Rustup::FailedAgo(_)) => {
            format!("rustup could not add the browser's target. Where the network lets it download, type: {add}")
        }
    }
}

fn debian_advice(facts: &Facts) -> String {
    match &facts.debian {
        Debian::Foreign => "Debian's packages are no way out here: this system has no apt-get.".into(),
        Debian::Missing(packages) => format!("Or let Debian serve it; type: {}", packages::advice(packages)),
        Debian::Useless(why) => format!(
            "Debian's packages are installed, but of no use ({why}). Type: {}",
            packages::advice(&DEBIAN_PACKAGES.map(String::from))
        ),
        Debian::Ready => "Debian's packages are ready; type: cargo xtask build --wasm-toolchain debian".into(),
    }
}

/// Finds a compiler, and makes one ready where that is possible.
pub fn find(workspace: &Workspace, choice: Choice) -> Result<Toolchain, Error> {
    let mut choice_left = choice;
    let mut tried_install = false;
    loop {
        let facts = probe::facts(workspace, choice_left)?;
        match decide(&facts, choice_left) {
            Plan::Use(toolchain) => return Ok(toolchain),
            Plan::AddTarget { renew } => {
                if let Err(error) = probe::add_target(workspace, choice, renew) {
                    if choice == Choice::Rustup {
                        return Err(error);
                    }
                    println!("{error} Trying Debian's packages; rustup is asked again in a day.");
                    choice_left = Choice::Debian;
                }
            }
            Plan::Install(_) if tried_install => return Err(Error::Advice(debian_advice(&facts))),
            Plan::Install(packages) => {
                tried_install = true;
                packages::install(&packages)?;
            }
            Plan::Say(sentence) => return Err(Error::Advice(sentence)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn facts(library: Library, rustup: Rustup, debian: Debian, root: bool) -> Facts {
        Facts { library, rustup, debian, root }
    }

    fn missing() -> Debian {
        Debian::Missing(DEBIAN_PACKAGES.map(String::from).to_vec())
    }

    fn broken() -> Library {
        Library::Broken("error[E0514]".into())
    }

    fn said(plan: Plan) -> String {
        match plan {
            Plan::Say(sentence) => sentence,
            other => format!("not a sentence: {other:?}"),
        }
    }

    #[test]
    fn what_works_is_used() {
        for rustup in [Rustup::Absent, Rustup::Ready, Rustup::FailedAgo(HOUR)] {
            for debian in [Debian::Foreign, missing(), Debian::Ready] {
                let facts = facts(Library::Works, rustup, debian, false);
                assert_eq!(decide(&facts, Choice::Auto), Plan::Use(Toolchain::Active));
                assert_eq!(decide(&facts, Choice::Rustup), Plan::Use(Toolchain::Active));
            }
        }
    }

    #[test]
    fn rustup_is_asked_before_debian() {
        let facts = facts(Library::Missing, Rustup::Ready, Debian::Ready, true);
        assert_eq!(decide(&facts, Choice::Auto), Plan::AddTarget { renew: false });
    }

    #[test]
    fn a_broken_library_is_renewed() {
        let facts = facts(broken(), Rustup::Ready, missing(), true);
        assert_eq!(decide(&facts, Choice::Auto), Plan::AddTarget { renew: true });
    }

    #[test]
    fn a_fresh_failure_of_rustup_is_remembered_for_a_day() {
        let after = |ago| facts(Library::Missing, Rustup::FailedAgo(ago), Debian::Ready, false);
        assert_eq!(decide(&after(HOUR), Choice::Auto), Plan::Use(Toolchain::Debian));
        assert_eq!(decide(&after(RETRY_AFTER), Choice::Auto), Plan::AddTarget { renew: false });
        assert_eq!(decide(&after(HOUR), Choice::Rustup), Plan::AddTarget { renew: false }, "who insists is heard");
    }

    #[test]
    fn root_installs_only_what_is_missing() {
        let facts = facts(Library::Missing, Rustup::Absent, Debian::Missing(vec!["lld-22".into()]), true);
        assert_eq!(decide(&facts, Choice::Auto), Plan::Install(vec!["lld-22".into()]));
        assert_eq!(decide(&facts, Choice::Debian), Plan::Install(vec!["lld-22".into()]));
    }

    #[test]
    fn who_is_not_root_gets_the_line_to_type() {
        let sentence = said(decide(&facts(Library::Missing, Rustup::Absent, missing(), false), Choice::Auto));
        assert!(
            sentence.contains(
                "apt-get install -y --no-install-recommends rustc-web cargo-web rust-web-llvm rust-web-src lld-22"
            ),
            "{sentence}"
        );
        assert!(sentence.contains("rustup target add wasm32-unknown-unknown"), "{sentence}");
    }

    #[test]
    fn elsewhere_the_sentence_speaks_of_rustup() {
        let sentence =
            said(decide(&facts(Library::Missing, Rustup::FailedAgo(HOUR), Debian::Foreign, true), Choice::Auto));
        assert!(sentence.contains("could not add the browser's target"), "{sentence}");
        let sentence = said(decide(&facts(broken(), Rustup::Absent, Debian::Foreign, true), Choice::Auto));
        assert!(sentence.contains("E0514") && sentence.contains("Reinstall"), "{sentence}");
    }

    #[test]
    fn useless_packages_are_not_installed_again() {
        let useless = Debian::Useless("rustc 1.85 is too old".into());
        let sentence = said(decide(&facts(Library::Missing, Rustup::Absent, useless, true), Choice::Debian));
        assert!(sentence.contains("1.85 is too old") && sentence.contains("apt-get"), "{sentence}");
    }

    #[test]
    fn debian_on_demand_ignores_a_working_toolchain() {
        let facts = facts(Library::Works, Rustup::Ready, Debian::Ready, false);
        assert_eq!(decide(&facts, Choice::Debian), Plan::Use(Toolchain::Debian));
    }

    #[test]
    fn debian_on_demand_elsewhere_is_a_sentence() {
        let sentence = said(decide(&facts(Library::Works, Rustup::Ready, Debian::Foreign, true), Choice::Debian));
        assert!(sentence.contains("no apt-get"), "{sentence}");
    }
}
