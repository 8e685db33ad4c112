//! The style sheets that are written by hand.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::error::Error;

/// Tokens and components.
#[derive(Debug, Clone)]
pub struct Sheets {
    tokens: String,
    components: String,
    classes: BTreeSet<String>,
    colors: BTreeSet<String>,
}

impl Sheets {
    /// Reads `tokens.css` and `components.css` from a folder.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).map_err(Error::read(&path))
        };
        Ok(Self::from_text(&read("tokens.css")?, &read("components.css")?))
    }

    /// Takes the texts of both.
    pub fn from_text(tokens: &str, components: &str) -> Self {
        Self {
            tokens: tokens.to_owned(),
            components: components.to_owned(),
            classes: class_names(&without_comments(components)),
            colors: color_names(&without_comments(tokens)),
        }
    }

    /// Whether `components.css` has rules for a class.
    pub fn defines(&self, class: &str) -> bool {
        self.classes.contains(class)
    }

    /// Whether a token is a colour.
    pub fn has_color(&self, name: &str) -> bool {
        self.colors.contains(name)
    }

    /// The colours' names, without the dashes.
    pub fn colors(&self) -> impl Iterator<Item = &str> {
        self.colors.iter().map(String::as_str)
    }

    pub(crate) fn tokens(&self) -> &str {
        &self.tokens
    }

    pub(crate) fn components(&self) -> &str {
        &self.components
    }
}

/// The names after a dot in selectors: a dot and then a letter, outside declarations and strings.
fn class_names(css: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut selector = String::new();
    let mut quote = None;
    for letter in css.chars() {
        match (quote, letter) {
            (Some(open), _) => {
                if letter == open {
                    quote = None;
                }
            }
            (None, '"' | '\'') => quote = Some(letter),
            (None, '{') => {
                names.extend(names_of_selector(&selector));
                selector.clear();
            }
            (None, '}' | ';') => selector.clear(),
            (None, _) => selector.push(letter),
        }
    }
    names
}

fn names_of_selector(selector: &str) -> Vec<String> {
    if selector.trim_start().starts_with('@') {
        return Vec::new();
    }
    let belongs = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    let starts =
        |name: &&str| name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_' || letter == '-');
    selector
        .split('.')
        .skip(1)
        .filter(starts)
        .filter_map(|rest| rest.split(|letter| !belongs(letter)).next().map(String::from))
        .collect()
}

/// The tokens that hold a colour: a pair of them, or another colour's name.
fn color_names(css: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for declaration in css.split([';', '{', '}']) {
        let Some((name, value)) = declaration.split_once(':') else { continue };
        let Some(name) = name.trim().strip_prefix("--") else { continue };
        let value = value.trim();
        let alias = value.strip_prefix("var(--").and_then(|rest| rest.strip_suffix(')'));
        if value.starts_with("light-dark(")
            || value.starts_with('#')
            || alias.is_some_and(|other| names.contains(other))
        {
            names.insert(name.to_owned());
        }
    }
    names
}

/// The same style sheet without its comments and blank lines.
pub(crate) fn without_comments(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    let mut quote = None;
    while let Some(letter) = rest.chars().next() {
        if quote.is_none() && rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
            continue;
        }
        match (quote, letter) {
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            _ => {}
        }
        out.push(letter);
        rest = &rest[letter.len_utf8()..];
    }
    let lines: Vec<&str> = out.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() { String::new() } else { lines.join("\n") + "\n" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_found_in_selectors_only() {
        let css = ".btn.small:hover > .i-s, a:not(.x)[data-a=\".no\"] { margin: .5em; content: \".no\" } @media (min-width: 1.5px) { .in{} }";
        let names: Vec<String> = class_names(css).into_iter().collect();
        assert_eq!(names, ["btn", "i-s", "in", "small", "x"]);
    }

    #[test]
    fn colours_are_told_from_sizes() {
        let names: Vec<String> = color_names(
            ":root { --ink: light-dark(#000, #fff); --row: 36px; --series-1: var(--ink); --gap: var(--row); }",
        )
        .into_iter()
        .collect();
        assert_eq!(names, ["ink", "series-1"]);
    }

    #[test]
    fn comments_go_and_strings_stay() {
        assert_eq!(without_comments("/* a */\n.a { content: '/* b */' } /* c"), ".a { content: '/* b */' }\n");
    }
}
