//! Bringing values to one spelling: variables resolved, sums worked out, zeros without units.

use super::css::Variables;

/// Variables may hold variables; deeper than this is a circle.
const DEPTH: usize = 8;

/// The value with known variables and calculations worked out.
pub fn resolve(text: &str, variables: &Variables) -> String {
    let mut value = text.to_owned();
    for _ in 0..DEPTH {
        let next = calculate(&substitute(&value, variables));
        if next == value {
            break;
        }
        value = next;
    }
    spell(&value)
}

/// Replaces each `var()` by its value or its fallback; one that has neither stays.
fn substitute(text: &str, variables: &Variables) -> String {
    replace_calls(text, "var(", |inner| {
        let (name, fallback) = inner.split_once(',').map_or((inner, None), |(name, fallback)| (name, Some(fallback)));
        variables.get(name.trim()).cloned().or_else(|| fallback.map(|text| text.trim().to_owned()))
    })
}

/// Works out each `calc()` whose operands are plain.
fn calculate(text: &str) -> String {
    replace_calls(text, "calc(", work_out)
}

/// Applies a function to the inside of each innermost-first call; nothing leaves it alone.
fn replace_calls(text: &str, name: &str, apply: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        let (before, call) = rest.split_at(at);
        out.push_str(before);
        let inner = &call[name.len()..];
        let Some(end) = closing(inner) else { break };
        let whole = &call[..name.len() + end + 1];
        let part_of_a_name = out.ends_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '-');
        let replaced = if part_of_a_name { None } else { apply(&inner[..end]) };
        match replaced {
            Some(value) => out.push_str(&value),
            None => out.push_str(&format!(
                "{name}{})",
                replace_calls(&inner[..end], name, &apply as &dyn Fn(&str) -> Option<String>)
            )),
        }
        rest = &call[whole.len()..];
    }
    out + rest
}

/// Where the bracket closes that was opened before the text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 0 => return Some(at),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// `a * b / c - d`, from left to right as far as the operands allow it.
fn work_out(inner: &str) -> Option<String> {
    let words: Vec<&str> = inner.split_whitespace().collect();
    let (first, rest) = words.split_first()?;
    let mut left = quantity(first)?;
    for pair in rest.chunks(2) {
        let [sign, right] = pair else { return None };
        let right = quantity(right)?;
        left = match *sign {
            "*" if left.1.is_empty() || right.1.is_empty() => {
                (left.0 * right.0, if left.1.is_empty() { right.1 } else { left.1 })
            }
            "/" if right.1.is_empty() && right.0 != 0.0 => (left.0 / right.0, left.1),
            "-" if rest.len() == 2 && left.1 == right.1 => (left.0 - right.0, left.1),
            "+" if rest.len() == 2 && left.1 == right.1 => (left.0 + right.0, left.1),
            _ => return None,
        };
    }
    Some(format!("{}{}", number(left.0), left.1))
}

/// `1.5rem` as 1.5 and `rem`.
fn quantity(word: &str) -> Option<(f64, &str)> {
    let end =
        word.find(|letter: char| !(letter.is_ascii_digit() || letter == '.' || letter == '-')).unwrap_or(word.len());
    let (value, unit) = word.split_at(end);
    Some((value.parse().ok()?, unit))
}

/// At most four decimals.
fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.to_owned() }
}

/// One space after a comma, plain numbers, and no unit on a zero.
fn spell(value: &str) -> String {
    let spaced = value.replace(',', ", ");
    let words: Vec<String> = spaced.split_whitespace().map(word).collect();
    words.join(" ").replace("( ", "(").replace(" )", ")")
}

fn word(word: &str) -> String {
    let (word, comma) = word.strip_suffix(',').map_or((word, ""), |word| (word, ","));
    match quantity(word) {
        Some((value, unit)) if value == 0.0 && matches!(unit, "px" | "rem" | "em") => format!("0{comma}"),
        Some((value, unit)) if unit.chars().all(|letter| letter.is_ascii_alphabetic() || letter == '%') => {
            format!("{}{unit}{comma}", number(value))
        }
        _ => format!("{word}{comma}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str) -> String {
        let variables = [("--spacing", "0.25rem"), ("--reverse", "0"), ("--loop", "var(--loop)")];
        resolve(text, &variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    #[test]
    fn values_come_to_one_spelling() {
        assert_eq!(resolved("calc(var(--spacing) * 4)"), "1rem");
        assert_eq!(resolved("calc(1 / 3 * 100%)"), resolved("33.33333%"));
        assert_eq!(resolved("calc(1.25 / 0.875)"), "1.4286");
        assert_eq!(resolved("calc(calc(var(--spacing) * 4) * calc(1 - var(--reverse)))"), "1rem");
        assert_eq!(resolved("repeat(2,minmax(0px,1fr))"), resolved("repeat(2, minmax(0px, 1fr))"));
        assert_eq!(resolved("0px"), "0");
        assert_eq!(resolved("var(--none, 2px)"), "2px");
        assert_eq!(resolved("var(--none,) tabular-nums var(--none,)"), "tabular-nums");
    }

    #[test]
    fn what_is_not_known_stays() {
        assert_eq!(resolved("var(--ink)"), "var(--ink)");
        assert_eq!(resolved("calc(infinity * 1px)"), "calc(infinity * 1px)");
        assert_eq!(resolved("calc(1rem + 2px)"), "calc(1rem + 2px)");
        assert_eq!(resolved("var(--loop)"), "var(--loop)");
    }
}
