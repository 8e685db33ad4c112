//! Finding the classes that Rust sources use.
//!
//! Read are the values of `class=…` and the names of `class:name=…`, in `view!` and elsewhere
//! (so `let class = …` counts). In an expression every string counts, save one that something is
//! compared with or matched against. Strings elsewhere are left alone: a class that a function
//! returns has to be a component, because all components are in the sheet anyway.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Literal, TokenStream, TokenTree};

use crate::source::Source;

/// A class and the first place that uses it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// The class.
    pub class: String,
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

/// Every class that the sources use, once, in alphabetical order.
///
/// A source that is not Rust has no classes; the compiler has more to say about it.
pub fn scan(sources: &[Source]) -> Vec<Found> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for source in sources {
        let Ok(tokens) = source.text.parse::<TokenStream>() else { continue };
        let mut scanner = Scanner { file: &source.name, found: Vec::new() };
        scanner.read(tokens);
        for found in scanner.found {
            if seen.insert(found.class.clone()) {
                all.push(found);
            }
        }
    }
    all.sort();
    all
}

struct Scanner<'a> {
    file: &'a str,
    found: Vec<Found>,
}

impl Scanner<'_> {
    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            if starts_attribute(&tokens, at) {
                at = self.attribute(&tokens, at + 1);
                continue;
            }
            if let TokenTree::Group(group) = &tokens[at] {
                self.read(group.stream());
            }
            at += 1;
        }
    }

    /// What follows the word `class`. Returns where to go on.
    fn attribute(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        if is_punct(tokens.get(at), ':') && !is_punct(tokens.get(at + 1), ':') {
            return self.named(tokens, at + 1);
        }
        if !is_punct(tokens.get(at), '=') || is_punct(tokens.get(at + 1), '=') {
            return at;
        }
        let end = value_end(tokens, at + 1);
        self.value(&tokens[at + 1..end]);
        end
    }

    /// `class:name-of-it=condition`: pieces up to the equals sign.
    fn named(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let mut name = String::new();
        let mut end = at;
        while let Some(token) = tokens.get(end) {
            match token {
                TokenTree::Ident(_) | TokenTree::Literal(_) => name.push_str(&token.to_string()),
                TokenTree::Punct(punct) if matches!(punct.as_char(), '-' | ':') => name.push(punct.as_char()),
                _ => break,
            }
            end += 1;
        }
        if is_punct(tokens.get(end), '=')
            && let Some(first) = tokens.get(at)
        {
            self.add(&name, first.span().start().line);
        }
        end
    }

    /// Every string of an attribute's value.
    fn value(&mut self, tokens: &[TokenTree]) {
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Literal(literal) if !is_compared(tokens, at) => self.literal(literal),
                TokenTree::Group(group) => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    // A method's argument is a question, not an answer: `.get("x")`.
                    if !(group.delimiter() == Delimiter::Parenthesis && follows_method(tokens, at)) {
                        self.value(&inner);
                    }
                }
                _ => {}
            }
        }
    }

    fn literal(&mut self, literal: &Literal) {
        let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) else { return };
        for word in text.value().split_whitespace().filter(|word| !word.contains(['{', '}'])) {
            self.add(word, literal.span().start().line);
        }
    }

    fn add(&mut self, class: &str, line: usize) {
        self.found.push(Found { class: class.to_owned(), file: self.file.to_owned(), line });
    }
}

fn starts_attribute(tokens: &[TokenTree], at: usize) -> bool {
    // `data-class` is another attribute, and `part.class` is a field.
    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
    let part_of_a_name = is_punct(before, '-') || is_punct(before, '.');
    matches!(&tokens[at], TokenTree::Ident(word) if word == "class") && !part_of_a_name
}

/// Where an attribute's value ends: before the next attribute, or before the tag's end.
fn value_end(tokens: &[TokenTree], start: usize) -> usize {
    if matches!(tokens.get(start), Some(TokenTree::Literal(_))) {
        return start + 1;
    }
    let mut at = start;
    while let Some(token) = tokens.get(at) {
        let ends = match token {
            TokenTree::Punct(punct) => match punct.as_char() {
                ';' | ',' => true,
                '>' => !at
                    .checked_sub(1)
                    .is_some_and(|before| is_punct(tokens.get(before), '=') || is_punct(tokens.get(before), '-')),
                '/' => is_punct(tokens.get(at + 1), '>'),
                _ => false,
            },
            TokenTree::Ident(_) => at > start && begins_next_attribute(tokens, at),
            _ => false,
        };
        if ends {
            return at;
        }
        at += 1;
    }
    at
}

/// `name=`, `on:click=`, `data-x=` after a finished value, but not `==`.
fn begins_next_attribute(tokens: &[TokenTree], at: usize) -> bool {
    let after_value = at.checked_sub(1).and_then(|before| tokens.get(before));
    if !matches!(after_value, Some(TokenTree::Group(_) | TokenTree::Literal(_) | TokenTree::Ident(_))) {
        return false;
    }
    let mut next = at + 1;
    while let Some(TokenTree::Punct(punct)) = tokens.get(next)
        && matches!(punct.as_char(), ':' | '-')
        && matches!(tokens.get(next + 1), Some(TokenTree::Ident(_)))
    {
        next += 2;
    }
    is_punct(tokens.get(next), '=') && !is_punct(tokens.get(next + 1), '=') && !is_punct(tokens.get(next + 1), '>')
}

/// `x == "a"`, `"a" != x`, `"a" => …`, `"a" | "b" => …`.
fn is_compared(tokens: &[TokenTree], at: usize) -> bool {
    let pair = |first: usize, a: &[char]| {
        is_punct(tokens.get(first + 1), '=') && a.iter().any(|&sign| is_punct(tokens.get(first), sign))
    };
    let before = at >= 2 && pair(at - 2, &['=', '!']);
    let after = pair(at + 1, &['=', '!']) || (is_punct(tokens.get(at + 1), '=') && is_punct(tokens.get(at + 2), '>'));
    before || after || is_punct(tokens.get(at + 1), '|')
}

fn follows_method(tokens: &[TokenTree], at: usize) -> bool {
    at >= 2 && matches!(tokens[at - 1], TokenTree::Ident(_)) && is_punct(tokens.get(at - 2), '.')
}

fn is_punct(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(text: &str) -> Vec<String> {
        let source = Source { name: "x.rs".into(), text: format!("fn x() {{ {text} }}") };
        scan(&[source]).into_iter().map(|found| found.class).collect()
    }

    #[test]
    fn literals_and_names() {
        assert_eq!(classes(r#"view! { <a class="b a" id="no" class:is-on=move || on/> }"#), ["a", "b", "is-on"]);
        assert_eq!(classes(r#"view! { <a class:md:hidden=x class=("px-2", y) title="no"/> }"#), ["md:hidden", "px-2"]);
    }

    #[test]
    fn expressions_end_where_the_next_attribute_begins() {
        assert_eq!(classes(r#"view! { <a class=if x { "a" } else { "b" } title="no">"no"</a> }"#), ["a", "b"]);
        assert_eq!(
            classes(r#"view! { <a class=move || tone(x) on:click=f data-y="no">"no"</a> }"#),
            Vec::<String>::new()
        );
        assert_eq!(classes(r#"view! { <a class={match k { "no" | "nor" => "a", _ => "b" }}>"no"</a> }"#), ["a", "b"]);
        assert_eq!(classes(r#"view! { <a class=format!("btn {kind}")/> <b class="c"/> }"#), ["btn", "c"]);
    }

    #[test]
    fn questions_are_no_answers() {
        assert_eq!(classes(r#"let class = if kind == "no" || map.get("nor") { "yes" } else { "" };"#), ["yes"]);
    }

    #[test]
    fn fields_are_no_attributes() {
        assert!(classes(r#"match x { _ if a.class == b.class => format!("{} swapped", y), _ => z }"#).is_empty());
    }

    #[test]
    fn other_strings_and_comparisons_are_left_alone() {
        assert!(
            classes(r#"/* class="no" */ let x = "class=no"; if class == "no" {} view! { <a data-class="no"/> }"#)
                .is_empty()
        );
    }
}
