//! Every check of the project, one after the other, until one fails.

mod browser;
mod node;
mod nodes;
mod package;
mod repeat;
mod rust;
mod tailwind;
mod verifiers;

use std::time::{Duration, Instant};

use clap::Args;

use crate::WasmArgs;
use crate::clock;
use crate::error::Error;
use crate::wasm::toolchain::Choice;
use crate::workspace::Workspace;

/// What `cargo xtask test` understands.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Only what needs neither a browser nor another program: formatting, lints, Rust's tests
    #[arg(long)]
    quick: bool,
    /// Only these steps, by name
    #[arg(long, value_name = "NAME", num_args = 1.., value_parser = names())]
    only: Vec<String>,
    #[command(flatten)]
    wasm: WasmArgs,
}

/// What a step works with.
struct Scene<'a> {
    workspace: &'a Workspace,
    /// The workspace whose crates are linted as they are compiled.
    linted: Workspace,
    wasm: Choice,
}

/// How a step ended, when it did not fail.
enum Outcome {
    Passed,
    /// These tests failed once, and passed when they were run again.
    PassedAtSecondTry(Vec<String>),
    Skipped(&'static str),
}

/// One check.
struct Step {
    name: &'static str,
    about: &'static str,
    quick: bool,
    run: fn(&Scene<'_>) -> Result<Outcome, Error>,
}

const STEPS: [Step; 12] = [
    Step { name: "packages", about: "what the checks need is installed", quick: false, run: node::packages },
    Step { name: "format", about: "cargo fmt --check", quick: true, run: rust::format },
    Step { name: "site", about: "style sheet and browser's program", quick: true, run: rust::site },
    Step { name: "lint", about: "clippy, warnings are errors", quick: true, run: rust::lint },
    Step { name: "rust", about: "cargo test", quick: true, run: rust::test },
    Step { name: "verifiers", about: "other programs read our certificates", quick: false, run: verifiers::check },
    Step { name: "package", about: "the Debian package on a fresh Debian", quick: false, run: package::check },
    Step { name: "nodes", about: "three nodes, and what goes wrong", quick: false, run: nodes::check },
    Step { name: "tailwind", about: "utilities against the official compiler", quick: false, run: tailwind::check },
    Step { name: "budget", about: "what the browser loads", quick: false, run: browser::budget },
    Step { name: "e2e-sqlite", about: "the console in a browser, on SQLite", quick: false, run: browser::on_sqlite },
    Step {
        name: "e2e-postgres",
        about: "the console in a browser, on PostgreSQL",
        quick: false,
        run: browser::on_postgres,
    },
];

/// What is done only where it is asked for by name: it starts a Debian of its own, which not every machine lets it.
const ASKED: [&str; 1] = ["package"];

fn names() -> Vec<&'static str> {
    STEPS.iter().map(|step| step.name).collect()
}

/// Runs the steps that were asked for.
pub fn run(workspace: &Workspace, args: &TestArgs) -> Result<(), Error> {
    let wanted = |step: &&Step| {
        let is_asked_for = ASKED.contains(&step.name);
        if args.only.is_empty() {
            (step.quick || !args.quick) && !is_asked_for
        } else {
            args.only.iter().any(|name| name == step.name)
        }
    };
    let scene = Scene { workspace, linted: workspace.linted(), wasm: args.wasm.wasm_toolchain };
    let mut table = Vec::new();
    for step in STEPS.iter().filter(wanted) {
        println!("\n── {} · {}", step.name, step.about);
        let started = Instant::now();
        let result = (step.run)(&scene);
        let failed = result.is_err();
        table.push(Row { step, took: started.elapsed(), result });
        if failed {
            break;
        }
    }
    conclude(table)
}

struct Row {
    step: &'static Step,
    took: Duration,
    result: Result<Outcome, Error>,
}

/// Prints the table, and fails when a step did.
fn conclude(table: Vec<Row>) -> Result<(), Error> {
    let (mut passed, mut skipped, mut failure) = (0, 0, None);
    println!();
    for Row { step, took, result } in table {
        let word = match result {
            Ok(Outcome::Passed) => {
                passed += 1;
                "passed".to_owned()
            }
            Ok(Outcome::PassedAtSecondTry(tests)) => {
                passed += 1;
                format!("passed, at the second try: {}", tests.join(", "))
            }
            Ok(Outcome::Skipped(why)) => {
                skipped += 1;
                format!("skipped: {why}")
            }
            Err(error) => {
                failure = Some((step, error));
                "FAILED".to_owned()
            }
        };
        println!("{:<14} {:>12}   {word}", step.name, clock::spoken(took));
    }
    let failed = usize::from(failure.is_some());
    let summary = format!("{passed} passed, {failed} failed, {skipped} skipped");
    let Some((step, error)) = failure else {
        println!("{summary}");
        return Ok(());
    };
    println!("{error}\nTo repeat just this step: cargo xtask test --only {}", step.name);
    Err(Error::Advice(summary))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique() {
        assert_eq!(names().into_iter().collect::<BTreeSet<_>>().len(), STEPS.len());
    }

    #[test]
    fn a_failure_names_itself_in_the_summary() {
        let row = |at: usize, result| Row { step: &STEPS[at], took: Duration::ZERO, result };
        let table = vec![row(0, Ok(Outcome::Passed)), row(1, Err(Error::Advice("no".into())))];
        assert!(conclude(table).is_err_and(|error| error.to_string() == "1 passed, 1 failed, 0 skipped"));
        assert!(conclude(vec![row(0, Ok(Outcome::Skipped("why")))]).is_ok());
    }
}
