//! Reading compiled CSS: nested blocks become a flat list of rules that can be compared.

use std::collections::BTreeMap;
use std::fmt;

use super::value;

/// A rule outside of any nesting, with its values resolved and its declarations sorted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    conditions: Vec<String>,
    selector: String,
    declarations: Vec<(String, String)>,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {{", self.conditions.join(" "), self.selector)?;
        for (name, value) in &self.declarations {
            write!(f, " {name}: {value};")?;
        }
        f.write_str(" }")
    }
}

/// The variables that the sheet itself defines.
pub type Variables = BTreeMap<String, String>;

/// The utilities of a sheet as flat rules, sorted. Its theme and registered properties are resolved.
pub fn rules(css: &str) -> Vec<Rule> {
    let mut reader = Reader { rest: css, variables: Variables::new(), rules: Vec::new() };
    reader.block(&[], "");
    let mut rules: Vec<Rule> = reader.rules;
    for rule in &mut rules {
        resolve(rule, &reader.variables);
    }
    rules.retain(|rule| !rule.declarations.is_empty());
    rules.sort();
    rules
}

/// Puts values in place of variables; what only carries a variable goes.
fn resolve(rule: &mut Rule, theme: &Variables) {
    let mut variables = theme.clone();
    variables.extend(rule.declarations.iter().filter(|(name, _)| name.starts_with("--")).cloned());
    rule.declarations.retain(|(name, _)| !name.starts_with("--"));
    for (_, text) in &mut rule.declarations {
        *text = value::resolve(text, &variables);
    }
    rule.declarations.sort();
}

struct Reader<'a> {
    rest: &'a str,
    variables: Variables,
    rules: Vec<Rule>,
}

impl Reader<'_> {
    /// Reads up to the end of a block whose head was read.
    fn block(&mut self, conditions: &[String], selector: &str) {
        let mut declarations = Vec::new();
        while let Some((head, sign)) = self.next_piece() {
            match sign {
                ';' => declarations.extend(declaration(&head)),
                '{' => self.inner(conditions, selector, &head),
                _ => {
                    declarations.extend(declaration(&head));
                    break;
                }
            }
        }
        self.keep(conditions, selector, declarations);
    }

    fn inner(&mut self, conditions: &[String], selector: &str, head: &str) {
        if head.starts_with("@layer properties") {
            // Initial values again, for browsers without `@property`.
            let kept = self.rules.len();
            self.block(conditions, selector);
            self.rules.truncate(kept);
        } else if head.starts_with("@layer") {
            self.block(conditions, selector);
        } else if head.starts_with('@') {
            let mut inner = conditions.to_vec();
            inner.push(head.to_owned());
            self.block(&inner, selector);
        } else {
            let nested = head.replace('&', selector);
            self.block(conditions, &nested);
        }
    }

    fn keep(&mut self, conditions: &[String], selector: &str, declarations: Vec<(String, String)>) {
        if let Some(property) = conditions.last().and_then(|last| last.strip_prefix("@property ")) {
            let initial = declarations.into_iter().find(|(name, _)| name == "initial-value");
            self.variables.extend(initial.map(|(_, value)| (property.to_owned(), value)));
        } else if selector.starts_with(":root") {
            self.variables.extend(declarations);
        } else if !declarations.is_empty() {
            self.rules.push(Rule { conditions: conditions.to_vec(), selector: selector.to_owned(), declarations });
        }
    }

    /// The text up to the next `{`, `}` or `;`, and that sign.
    fn next_piece(&mut self) -> Option<(String, char)> {
        while let Some(after) = self.rest.trim_start().strip_prefix("/*") {
            self.rest = after.split_once("*/").map_or("", |(_, rest)| rest);
        }
        let end = self.rest.find(['{', '}', ';'])?;
        let (head, rest) = self.rest.split_at(end);
        let sign = rest.chars().next()?;
        self.rest = &rest[1..];
        Some((head.split_whitespace().collect::<Vec<_>>().join(" "), sign))
    }
}

fn declaration(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once(':')?;
    if name.starts_with('@') {
        return None;
    }
    Some((name.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(css: &str) -> Vec<String> {
        rules(css).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn nesting_becomes_flat() {
        assert_eq!(
            read("@layer a { .x { color: red; &:hover { @media print { color: blue } } } }"),
            [" .x { color: red; }", "@media print .x:hover { color: blue; }"]
        );
    }

    #[test]
    fn themes_and_properties_are_resolved_away() {
        let css = "@layer properties; @layer utilities { .b { border-style: var(--s); --t: 2; order: var(--t) } } @property --s { initial-value: solid; } @layer properties { *, ::before { --s: solid; } }";
        assert_eq!(read(css), [" .b { border-style: solid; order: 2; }"]);
    }
}
