//! Documents of programs that are JSON, but not what was asked for: where, and why not.

use crate::problem::{FieldProblem, Problem};
use http::StatusCode;
use std::{error::Error, iter};

/// How many fields that nothing knows are told: the answer must not be many times as large as what was sent.
const STRANGERS: usize = 20;

/// What is not as it was asked for, with its place.
pub type Misplaced = serde_path_to_error::Error<serde_json::Error>;

/// It, among the causes of an error.
#[must_use]
pub fn found<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Misplaced> {
    iter::successors(Some(error), |error| (*error).source()).find_map(|error| error.downcast_ref())
}

/// Where a document is not what was asked for, and why not; `within` is the place of what was read in the whole.
#[must_use]
pub fn problem(within: &str, error: &Misplaced) -> Problem {
    problem_beside(within, error, &[])
}

/// The same, with the places of what nothing here knows: what is missing may be there by another name.
#[must_use]
pub fn problem_beside(within: &str, error: &Misplaced, unknown: &[String]) -> Problem {
    let told = error.inner().to_string();
    // The place is said by the path.
    let told = told.rsplit_once(" at line ").map_or(told.as_str(), |(told, _)| told);
    let missing = told.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    let path = Some(error.path().to_string()).filter(|path| path != ".");
    let message = missing.map_or_else(|| words(told), |_| "This is missing.".to_owned());
    let place: Vec<&str> = [Some(within), path.as_deref(), missing].into_iter().flatten().collect();
    let mut errors = vec![FieldProblem { field: joined(&place), message }];
    errors.extend(strangers(within, unknown));
    invalid(errors)
}

/// That a document says what nothing here knows, and where.
#[must_use]
pub fn unknown(within: &str, unknown: &[String]) -> Problem {
    invalid(strangers(within, unknown).collect())
}

fn strangers(within: &str, unknown: &[String]) -> impl Iterator<Item = FieldProblem> {
    let message = "There is no such field here.";
    unknown
        .iter()
        .take(STRANGERS)
        .map(move |path| FieldProblem { field: joined(&[within, path]), message: message.to_owned() })
}

/// A place as programs write it; the whole document where there is none.
fn joined(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "document".to_owned() } else { parts.join(".") }
}

fn invalid(errors: Vec<FieldProblem>) -> Problem {
    let all: Vec<String> = errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
    let detail = format!("The document is not what is asked for here. {}", all.join(" "));
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
    Problem { errors, ..problem }.of_kind("invalid", "Something in the request is wrong")
}

/// What a reader of JSON says, in words for whoever wrote it: kinds of values by their names in JSON.
#[must_use]
pub fn words(told: &str) -> String {
    let (what, expected) = told.rsplit_once(", expected ").map_or((told, None), |(what, kind)| (what, Some(kind)));
    let what = match what {
        "invalid type: map" => "invalid type: object",
        "invalid type: sequence" => "invalid type: array",
        what => what,
    };
    let expected = expected.map(kind_words);
    // The fields of an object may be listed in their order, too, but there are not so few of them.
    let is_list = what.starts_with("invalid length ") && expected.as_deref() == Some("an object");
    let what = if is_list { "invalid type: array" } else { what };
    let expected = expected.map(|kind| format!(", expected {kind}")).unwrap_or_default();
    let said = format!("{}{expected}.", what.trim_end_matches('.')).replace('`', "");
    let mut letters = said.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn kind_words(kind: &str) -> String {
    let objects = ["struct ", "internally tagged enum ", "adjacently tagged enum ", "struct variant ", "map"];
    match kind {
        "u8" | "u16" | "u32" => "a whole number from 0 on that is not so large".to_owned(),
        "u64" | "usize" => "a whole number from 0 on".to_owned(),
        "i8" | "i16" | "i32" => "a whole number that is not so large".to_owned(),
        "i64" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "an array".to_owned(),
        "a map" => "an object".to_owned(),
        "string or map" => "a string or an object".to_owned(),
        kind if objects.iter().any(|object| kind.starts_with(object)) => "an object".to_owned(),
        // The names of tuples are the program's own.
        kind if kind.starts_with("tuple ") => "an array".to_owned(),
        kind if kind.starts_with("enum ") => "a string".to_owned(),
        kind => kind.to_owned(),
    }
}
