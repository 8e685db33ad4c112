//! The utilities, held against what the official compiler says.

mod css;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use self::css::Rule;
use super::{Outcome, Scene, node};
use crate::error::Error;
use crate::workspace::Workspace;
use crate::{css as build_css, exec, files};

/// Where the official compiler is installed.
const REFERENCE: &str = "style/reference";

/// Compares every class that the console uses, and a list of those that it may use tomorrow.
pub fn check(scene: &Scene<'_>) -> Result<Outcome, Error> {
    let workspace = scene.workspace;
    node::install(workspace, REFERENCE)?;
    let sheets = style::Sheets::read(&workspace.source("style"))?;
    let listed = Listed::read(workspace)?;
    let used = style::scan(&build_css::sources(workspace)?).into_iter().map(|found| found.class);
    let classes: BTreeSet<String> = used
        .chain(listed.required.iter().chain(&listed.optional).cloned())
        .filter(|class| !sheets.defines(class))
        .collect();
    let official = official(workspace, &sheets, &classes)?;
    let (mut equal, mut refused, mut wrong) = (0, Vec::new(), Vec::new());
    for class in &classes {
        let theirs = official.get(class).map(String::as_str).unwrap_or_default();
        match style::utility(&sheets, class).map(|ours| compare(&ours, theirs)) {
            Some(Ok(())) => equal += 1,
            Some(Err(difference)) => wrong.push(format!("{class}\n{difference}")),
            None if listed.required.contains(class) => wrong.push(format!("{class}\n  is refused")),
            None => refused.push(class.as_str()),
        }
    }
    println!("{equal} utilities are equal, {} are not; refused: {}", wrong.len(), refused.join(" "));
    if wrong.is_empty() {
        return Ok(Outcome::Passed);
    }
    Err(Error::Advice(format!("These utilities are not the official compiler's:\n{}", wrong.join("\n"))))
}

/// The classes of `classes.txt`.
struct Listed {
    /// They have to be there, and right.
    required: BTreeSet<String>,
    /// They have to be right if they are there.
    optional: BTreeSet<String>,
}

impl Listed {
    fn read(workspace: &Workspace) -> Result<Self, Error> {
        let text = files::read(&workspace.source(REFERENCE).join("classes.txt"))?;
        let mut listed = Self { required: BTreeSet::new(), optional: BTreeSet::new() };
        for line in String::from_utf8_lossy(&text).lines().filter(|line| !line.starts_with('#')) {
            let (list, words) = match line.strip_prefix('?') {
                Some(words) => (&mut listed.optional, words),
                None => (&mut listed.required, line),
            };
            list.extend(words.split_whitespace().map(String::from));
        }
        Ok(listed)
    }
}

/// What the official compiler makes of each class.
fn official(
    workspace: &Workspace,
    sheets: &style::Sheets,
    classes: &BTreeSet<String>,
) -> Result<BTreeMap<String, String>, Error> {
    let colors: Vec<&str> = sheets.colors().collect();
    let question =
        serde_json::json!({ "classes": classes, "colors": colors, "dark": style::DARK_FOR_REFERENCE }).to_string();
    let mut node = Command::new("node");
    node.arg("compile.mjs").current_dir(workspace.source(REFERENCE)).stdin(Stdio::piped()).stdout(Stdio::piped());
    let start = |source| Error::Start { command: exec::describe(&Command::new("node")), source };
    let mut child = node.spawn().map_err(start)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(question.as_bytes()).map_err(start)?;
    }
    let output = child.wait_with_output().map_err(start)?;
    if !output.status.success() {
        return Err(Error::Failed { command: exec::describe(&node), status: output.status.to_string() });
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|source| Error::Json { what: "the official compiler's answer".into(), source })
}

/// Compares selectors, conditions and declarations, all with the theme's variables resolved.
fn compare(ours: &style::Utility, theirs: &str) -> Result<(), String> {
    let ours = css::rules(&ours.css());
    let theirs = css::rules(theirs);
    if ours == theirs {
        return Ok(());
    }
    let spoken = |rules: &[Rule]| rules.iter().map(|rule| format!("    {rule}")).collect::<Vec<_>>().join("\n");
    Err(format!("  ours\n{}\n  theirs\n{}", spoken(&ours), spoken(&theirs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(class: &str, theirs: &str) -> Result<(), String> {
        let sheets = style::Sheets::from_text("", "");
        style::utility(&sheets, class).ok_or_else(|| "refused".to_owned()).and_then(|ours| compare(&ours, theirs))
    }

    #[test]
    fn equal_means_the_same_after_resolving() {
        let theirs = "@layer theme { :root, :host { --spacing: 0.25rem; } } @layer utilities { .p-4 { padding: calc(var(--spacing) * 4); } }";
        assert_eq!(compared("p-4", theirs), Ok(()));
        assert!(compared("p-3", theirs).is_err(), "the selector differs");
        assert!(compared("p-4", &theirs.replace("* 4", "* 5")).is_err(), "the value differs");
        assert!(compared("p-4", "@layer utilities;").is_err(), "they have no such class");
    }

    #[test]
    fn conditions_and_children_count() {
        let theirs = "@layer utilities { @media (width >= 48rem) { .md\\:hidden { display: none; } } }";
        assert_eq!(compared("md:hidden", theirs), Ok(()));
        assert!(compared("md:hidden", &theirs.replace("48", "40")).is_err());
        let theirs = "@layer utilities { :where(.space-y-4 > :not(:last-child)) { --tw-space-y-reverse: 0; \
            margin-block-start: calc(1rem * var(--tw-space-y-reverse)); margin-block-end: calc(1rem * calc(1 - var(--tw-space-y-reverse))); } }";
        assert_eq!(compared("space-y-4", theirs), Ok(()));
    }
}
