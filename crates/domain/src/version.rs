//! The order of firmware versions, as text keys that a database can compare.
//!
//! Versions come from devices and people, so every text has a place in the order:
//!
//! 1. texts that don't begin with a number (`kirkstone-9` before `kirkstone-10`), before all others;
//! 2. by epoch as Debian writes it (`1:0.9` is newer than `2.0`);
//! 3. by the numbers between the dots, however many; a missing one is 0 (`1.4` is `1.4.0`);
//! 4. a pre-release before its release, as in `SemVer` 2.0 section 11 (`1.4.0-rc.1`). After `~`, or stuck to the
//!    number (`1.4~rc10`, `1.4rc10`), numbers within a word count as numbers;
//! 5. other letters stuck to the number after the release (`1.4a` is newer than `1.4`);
//! 6. what follows `+` does not count (`SemVer` 2.0 section 10), unless it is a Debian or Ubuntu suffix
//!    (`1.4+deb12u2` is newer than `1.4+deb12u1`).
//!
//! A hyphen always begins a pre-release: `1.4-1` is older than `1.4`, as in `SemVer` and unlike a Debian revision.

use std::{cmp::Ordering, ops::Range};

/// How many characters of a version count. Longer texts are compared by their beginning, so that keys stay small.
pub const VERSION_MAX: usize = 128;

// The bytes that decide, lowest first. All lie below 'a', with which every number begins, so that a further number
// always sorts after whatever else may follow one.
const END_OF_WORD: char = ' ';
const TEXT: char = '!';
const SUFFIX: char = '!';
const PRE_RELEASE: char = '-';
const NUMBER_WORD: char = '0';
const RELEASE: char = '=';
const LETTER_WORD: char = 'A';
const LETTERS: char = '_';

/// Words that mean a pre-release even without a hyphen before them.
const EARLY: [&str; 5] = ["alpha", "beta", "dev", "pre", "rc"];

/// The key of a version: keys compared byte by byte (`COLLATE "C"` in PostgreSQL) have the order of the versions.
///
/// Equal keys mean equal precedence, not equal text: `v1.4`, `1.4.0` and `1.4.0+build7` share one key.
#[must_use]
pub fn version_key(version: &str) -> String {
    let version = cleaned(version);
    let Some((epoch, rest)) = numeric(&version) else {
        return if version.is_empty() { String::new() } else { format!("{TEXT}{}", natural(&version)) };
    };
    let (numbers, rest) = take_numbers(rest);
    let mut key = numbers_key(epoch, &numbers);
    push_tail(&mut key, rest);
    key
}

/// Compares two versions by their keys.
#[must_use]
pub fn compare(a: &str, b: &str) -> Ordering {
    version_key(a).cmp(&version_key(b))
}

/// Whether the text has a number to be ordered by, as `1.4`, `v1.4` and `1:1.4-rc1` have and `nightly` has not.
#[must_use]
pub fn is_numeric(version: &str) -> bool {
    numeric(&cleaned(version)).is_some()
}

/// The keys of all versions that begin with the numbers before the `*`: from the start, up to but without the end.
///
/// `1.4.*` holds `1.4`, `1.4.0-rc1` and `1.4.12`, and neither `1.40` nor `1.5.0-rc1`. None when the pattern isn't
/// numbers and dots that end in `.*`.
#[must_use]
pub fn prefix_range(pattern: &str) -> Option<Range<String>> {
    let pattern = cleaned(pattern.strip_suffix(".*")?);
    let (epoch, rest) = numeric(&pattern)?;
    let (mut numbers, rest) = take_numbers(rest);
    if !rest.is_empty() {
        return None;
    }
    let start = numbers_key(epoch, &numbers);
    let next = increment(numbers.pop()?);
    numbers.push(&next);
    let end = numbers_key(epoch, &numbers);
    Some(format!("{start}{PRE_RELEASE}")..format!("{end}{PRE_RELEASE}"))
}

/// Trimmed, shortened, and without characters that a database or a terminal can't hold.
fn cleaned(version: &str) -> String {
    let visible = |c: char| if c.is_whitespace() || c.is_control() { '_' } else { c };
    version.trim().chars().take(VERSION_MAX).map(visible).collect()
}

/// The epoch and what follows it, when the text (after a `v`) begins with a number.
fn numeric(version: &str) -> Option<(&str, &str)> {
    let version = version.strip_prefix(['v', 'V']).unwrap_or(version);
    if !begins_with_digit(version) {
        return None;
    }
    match version.split_once(':') {
        Some((epoch, rest)) if all_digits(epoch) && begins_with_digit(rest) => Some((epoch, rest)),
        _ => Some(("0", version)),
    }
}

fn begins_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Splits off the digits at the beginning.
fn take_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// Splits off the numbers between dots at the beginning.
fn take_numbers(text: &str) -> (Vec<&str>, &str) {
    let (number, mut rest) = take_digits(text);
    let mut numbers = vec![number];
    while let Some(after) = rest.strip_prefix('.').filter(|after| begins_with_digit(after)) {
        let (number, left) = take_digits(after);
        numbers.push(number);
        rest = left;
    }
    (numbers, rest)
}

/// Epoch and numbers, without the zeros at the end, which make no difference.
fn numbers_key(epoch: &str, numbers: &[&str]) -> String {
    let is_zero = |number: &str| number.bytes().all(|b| b == b'0');
    let used = numbers.iter().rposition(|number| !is_zero(number)).map_or(0, |last| last + 1);
    let mut key = String::new();
    push_number(&mut key, epoch);
    numbers.iter().take(used).for_each(|number| push_number(&mut key, number));
    key
}

/// Writes a number so that its text sorts like its value: a letter for how many digits (`a` is one), then the digits.
/// That is zero padding without the zeros, and it has no largest number.
fn push_number(key: &mut String, digits: &str) {
    let digits = match digits.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    match u8::try_from(digits.len()) {
        Ok(count @ 1..=25) => key.push(char::from(b'a' + count - 1)),
        _ => {
            key.push('z');
            push_number(key, &digits.len().to_string());
        }
    }
    key.push_str(digits);
}

/// Writes what follows the numbers: letters, pre-release, suffix.
fn push_tail(key: &mut String, tail: &str) {
    let (tail, build) = tail.split_once('+').unwrap_or((tail, ""));
    let (letters, pre) = match tail.find(['-', '~']) {
        Some(at) => (&tail[..at], Some(&tail[at..])),
        None => (tail, None),
    };
    let letters = letters.trim_start_matches(['.', '_']);
    let early = is_early(letters);
    if !letters.is_empty() && !early {
        key.extend([LETTERS.to_string(), natural(letters), END_OF_WORD.to_string()]);
    }
    key.push(if early || pre.is_some() { PRE_RELEASE } else { RELEASE });
    if early {
        push_words(key, letters, true);
    }
    if let Some(pre) = pre {
        push_words(key, &pre[1..], pre.starts_with('~'));
    }
    if build.starts_with("deb") || build.starts_with("ubuntu") {
        key.push(SUFFIX);
        key.push_str(&natural(build));
    }
}

/// Whether the text begins with a word that means a pre-release: `rc1`, `Beta`, not `prefix`.
fn is_early(text: &str) -> bool {
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    EARLY.iter().any(|word| text[..end].eq_ignore_ascii_case(word))
}

/// Writes the identifiers of a pre-release. Numbers come before words, fewer before more.
fn push_words(key: &mut String, words: &str, numbers_within: bool) {
    for word in words.split('.') {
        if all_digits(word) {
            key.push(NUMBER_WORD);
            push_number(key, word);
        } else {
            key.push(LETTER_WORD);
            key.push_str(&if numbers_within { natural(word) } else { word.to_owned() });
        }
        key.push(END_OF_WORD);
    }
}

/// A text whose runs of digits sort as numbers, before all letters.
fn natural(text: &str) -> String {
    let mut key = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c.is_ascii_digit() {
            let (digits, left) = take_digits(rest);
            key.push(NUMBER_WORD);
            push_number(&mut key, digits);
            rest = left;
        } else {
            key.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    key
}

/// The next decimal number.
fn increment(digits: &str) -> String {
    let kept = digits.trim_end_matches('9');
    let zeros = "0".repeat(digits.len() - kept.len());
    match kept.chars().last().and_then(|c| c.to_digit(10)) {
        Some(last) => format!("{}{}{zeros}", &kept[..kept.len() - 1], last + 1),
        None => format!("1{zeros}"),
    }
}

#[cfg(test)]
mod tests;
