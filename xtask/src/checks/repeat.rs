//! Tests that fail are run once more, by themselves: a busy machine may miss a moment, what fails twice is broken, and what passes
//! then is named in the summary. The journeys in a browser are held by the same rule.

use std::process::Command;

use super::Outcome;
use crate::error::Error;
use crate::exec;

/// What says how many tests run at once.
pub const THREADS: &str = "RUST_TEST_THREADS";

/// What more tests than this have in common is no moment that was missed.
const MOST: usize = 5;

/// Runs `cargo test` with what its programs are told. Which tests passed at their second try alone.
pub fn tests(cargo: &mut Command, told: &[&str]) -> Result<Vec<String>, Error> {
    let first = exec::heard(cargo.arg("--").args(told))?;
    if first.status.success() {
        return Ok(Vec::new());
    }
    let failed = Error::Failed { command: exec::describe(cargo), status: first.status.to_string() };
    let Some(again) = to_repeat(&first.output, &first.errors) else { return Err(failed) };
    println!("\nOnce more, one after the other: {}", again.join(", "));
    let second = exec::heard(cargo.arg("--exact").args(&again).env(THREADS, "1"))?;
    if second.status.success() && passed(&second.output) >= again.len() { Ok(again) } else { Err(failed) }
}

/// How a step ended whose tests ran, these of them twice.
pub fn outcome(again: Vec<String>) -> Outcome {
    if again.is_empty() { Outcome::Passed } else { Outcome::PassedAtSecondTry(again) }
}

/// The names of the tests that failed, where they are few, and where every program with tests that failed says which of them did: one
/// that crashed or was killed does not.
fn to_repeat(output: &str, errors: &str) -> Option<Vec<String>> {
    let programs = output.lines().filter(|line| line.starts_with("test result: FAILED.")).count();
    if programs == 0 || Some(programs) != programs_that_failed(errors) {
        return None;
    }
    let (mut names, mut is_list) = (Vec::new(), false);
    for line in output.lines() {
        match line.strip_prefix("    ") {
            Some(name) if is_list => names.push(name.to_owned()),
            _ => is_list = line == "failures:",
        }
    }
    (1..=MOST).contains(&names.len()).then_some(names)
}

/// How many programs with tests cargo says have failed, after all of them ran.
fn programs_that_failed(errors: &str) -> Option<usize> {
    let mut told = errors.lines().filter_map(|line| line.strip_prefix("error: ")?.split_once(" target"));
    let (number, _) = told.rfind(|(_, rest)| rest.ends_with("failed:"))?;
    number.parse().ok()
}

/// How many tests passed.
fn passed(output: &str) -> usize {
    let told = output.lines().filter_map(|line| line.strip_prefix("test result: ok. ")?.split_once(" passed"));
    told.filter_map(|(number, _)| number.parse::<usize>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "running 2 tests\ntest a::b ... FAILED\ntest c ... ok\n\nfailures:\n\n---- a::b stdout ----\n    indented\n\n\
                       failures:\n    a::b\n\ntest result: FAILED. 1 passed; 1 failed; 0 ignored\n";

    fn errors(programs: usize) -> String {
        let s = if programs == 1 { "" } else { "s" };
        format!(
            "error: test failed, to rerun pass `-p one --lib`\nerror: {programs} target{s} failed:\n    `-p one --lib`\n"
        )
    }

    #[test]
    fn few_failures_are_repeated_by_name() {
        assert_eq!(to_repeat(ONE, &errors(1)), Some(vec!["a::b".to_owned()]));
        let two = ONE.repeat(2);
        assert_eq!(to_repeat(&two, &errors(2)).map(|names| names.len()), Some(2));
    }

    #[test]
    fn what_says_not_what_failed_is_not_repeated() {
        assert_eq!(to_repeat(ONE, &errors(2)), None, "another program crashed");
        assert_eq!(to_repeat("running 2 tests\n", &errors(1)), None, "it crashed");
        assert_eq!(to_repeat(ONE, "error: could not compile `one`\n"), None, "nothing ran");
        assert_eq!(to_repeat(&ONE.repeat(6), &errors(6)), None, "they are many");
    }

    #[test]
    fn those_that_passed_are_counted() {
        assert_eq!(
            passed("test result: ok. 2 passed; 0 failed\n\ntest result: ok. 0 passed;\ntest result: ok. 1 passed;"),
            3
        );
        assert_eq!(passed(ONE), 0);
    }
}
