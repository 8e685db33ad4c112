//! libconfig's language, in which SWUpdate's descriptions are written. Read into the values of JSON, in which they may
//! be written, too: groups are objects, lists and arrays are arrays.

use crate::Refused;
use serde_json::{Map, Number, Value};
use std::{iter::Peekable, str::Chars};

/// How deep groups and lists may stand in each other.
const DEPTH: usize = 64;

/// Reads a whole text: the settings of the outermost group.
pub(crate) fn read(text: &str) -> Result<Value, Refused> {
    let mut parser = Parser { chars: text.chars().peekable(), line: 1 };
    parser.settings(None, 0).map(Value::Object).map_err(|why| Refused::Syntax { line: parser.line, why })
}

struct Parser<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
}

type Outcome<T> = Result<T, &'static str>;

impl Parser<'_> {
    /// `name = value;` until a group's end, or the text's. Whether `;`, `,` or nothing ends a setting is free.
    fn settings(&mut self, end: Option<char>, depth: usize) -> Outcome<Map<String, Value>> {
        let mut settings = Map::new();
        loop {
            self.blank()?;
            if self.chars.peek().copied() == end {
                self.next();
                return Ok(settings);
            }
            let name = self.name()?;
            self.blank()?;
            if !matches!(self.next(), Some('=' | ':')) {
                return Err("behind a name there must be “=” or “:”");
            }
            let value = self.value(depth)?;
            // libconfig refuses it, too: nobody could say which one counts.
            if settings.insert(name, value).is_some() {
                return Err("a name stands twice in one group");
            }
            self.blank()?;
            self.chars.next_if(|next| matches!(next, ';' | ','));
        }
    }

    fn name(&mut self) -> Outcome<String> {
        let starts = |next: &char| next.is_ascii_alphabetic() || *next == '*';
        let goes_on = |next: &char| next.is_ascii_alphanumeric() || matches!(next, '-' | '_' | '*');
        let mut name = String::new();
        match self.chars.next_if(starts) {
            Some(first) => name.push(first),
            None if self.chars.peek() == Some(&'@') => return Err("“@include” and the like are not allowed"),
            None if self.chars.peek().is_none() => return Err("a group is not closed"),
            None => return Err("there must be a name of a setting, which begins with a letter"),
        }
        while let Some(next) = self.chars.next_if(goes_on) {
            name.push(next);
        }
        Ok(name)
    }

    fn value(&mut self, depth: usize) -> Outcome<Value> {
        if depth == DEPTH {
            return Err("groups and lists are nested too deep");
        }
        self.blank()?;
        match self.chars.peek() {
            Some('{') => {
                self.next();
                self.settings(Some('}'), depth + 1).map(Value::Object)
            }
            Some('(') => self.list(')', depth + 1),
            Some('[') => self.list(']', depth + 1),
            Some('"') => self.string().map(Value::String),
            Some(_) => self.scalar(),
            None => Err("a value is missing"),
        }
    }

    /// A list, or an array, whose values must be of one kind and simple.
    fn list(&mut self, end: char, depth: usize) -> Outcome<Value> {
        self.next();
        let mut values: Vec<Value> = Vec::new();
        loop {
            self.blank()?;
            if self.chars.next_if_eq(&end).is_some() {
                return Ok(Value::Array(values));
            }
            let value = self.value(depth)?;
            let fits =
                values.first().is_none_or(|first| std::mem::discriminant(first) == std::mem::discriminant(&value));
            if end == ']' && (value.is_array() || value.is_object() || !fits) {
                return Err("the values of an array must be of one kind and simple; a list is written with ( )");
            }
            values.push(value);
            self.blank()?;
            if self.chars.next_if_eq(&',').is_none() && self.chars.peek() != Some(&end) {
                return Err("the values of a list must be separated by “,”, and the list be closed");
            }
        }
    }

    /// A string; those that follow each other are one.
    fn string(&mut self) -> Outcome<String> {
        let mut text = String::new();
        while self.chars.next_if_eq(&'"').is_some() {
            loop {
                match self.next() {
                    Some('"') => break,
                    Some('\\') => text.push(self.escape()?),
                    Some(other) => text.push(other),
                    None => return Err("a string is not closed"),
                }
            }
            self.blank()?;
        }
        if text.contains('\0') { Err("a string holds a zero") } else { Ok(text) }
    }

    fn escape(&mut self) -> Outcome<char> {
        match self.next() {
            Some(plain @ ('"' | '\\')) => Ok(plain),
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some('f') => Ok('\u{c}'),
            Some('a') => Ok('\u{7}'),
            Some('b') => Ok('\u{8}'),
            Some('v') => Ok('\u{b}'),
            Some('x') => {
                let digits = [self.next(), self.next()].map(|digit| digit.and_then(|digit| digit.to_digit(16)));
                let [Some(high), Some(low)] = digits else { return Err("behind “\\x” there must be two digits") };
                // Above that, it would be a part of a character.
                char::from_u32(high << 4 | low).filter(char::is_ascii).ok_or("“\\x” reaches to 7f")
            }
            _ => Err("an escape is none of \\\\ \\\" \\n \\r \\t \\f \\a \\b \\v \\xNN"),
        }
    }

    /// A truth value or a number.
    fn scalar(&mut self) -> Outcome<Value> {
        let mut word = String::new();
        let belongs = |next: &char| next.is_ascii_alphanumeric() || matches!(next, '+' | '-' | '.');
        while let Some(next) = self.chars.next_if(belongs) {
            word.push(next);
        }
        match word.to_ascii_lowercase().as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            word => number(word).map(Value::Number).ok_or("there must be a value: a string, a number, true or false"),
        }
    }

    /// Spaces and comments.
    fn blank(&mut self) -> Outcome<()> {
        loop {
            match self.chars.peek() {
                Some(next) if next.is_ascii_whitespace() || *next == '\u{c}' => {
                    self.next();
                }
                Some('#') => self.skip_line(),
                Some('/') => {
                    self.next();
                    match self.next() {
                        Some('/') => self.skip_line(),
                        Some('*') => self.skip_comment()?,
                        _ => return Err("a lone “/” begins no comment"),
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    fn skip_line(&mut self) {
        while !matches!(self.next(), None | Some('\n')) {}
    }

    fn skip_comment(&mut self) -> Outcome<()> {
        let mut star = false;
        loop {
            match self.next() {
                Some('/') if star => return Ok(()),
                Some(other) => star = other == '*',
                None => return Err("a comment is not closed"),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let next = self.chars.next();
        self.line += usize::from(next == Some('\n'));
        next
    }
}

/// A number in lower case: decimal or hexadecimal with `l` or `ll` behind it, or a floating one.
fn number(word: &str) -> Option<Number> {
    let whole = word.strip_suffix("ll").or_else(|| word.strip_suffix('l')).unwrap_or(word);
    if let Some(digits) = whole.strip_prefix("0x") {
        let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        return plain.then(|| u64::from_str_radix(digits, 16).ok()).flatten().map(Number::from);
    }
    let digits = whole.strip_prefix(['+', '-']).unwrap_or(whole);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return whole.parse::<i64>().ok().map(Number::from);
    }
    let floating = word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e'));
    let value = word.parse::<f64>().ok().filter(|_| floating && word.contains(['.', 'e']))?;
    Number::from_f64(value)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn every_kind_of_value_is_read() {
        let text = r#"
            // The manual's own example, and more.
            window : { title = "My " /* two */ "\"Application\"\n"; pos = { x = -350, y = +250; } };
            list = ( ( "abc", 123, true ), 1.234, ( /* an empty list */ ) )
            a-list_of* = ["x", "y",]; big = 9223372036854775807L; hex = 0x1FC3LL
            misc : { much = 27.1828; small = 1e-3; half = .5; on = TRUE; off = False; } # end
        "#;
        let expected = json!({
            "window": { "title": "My \"Application\"\n", "pos": { "x": -350, "y": 250 } },
            "list": [["abc", 123, true], 1.234, []],
            "a-list_of*": ["x", "y"],
            "big": i64::MAX,
            "hex": 0x1fc3,
            "misc": { "much": 27.1828, "small": 1e-3, "half": 0.5, "on": true, "off": false },
        });
        assert_eq!(read(text).unwrap(), expected);
        assert_eq!(read(" # nothing").unwrap(), json!({}));
        assert_eq!(read("e = \"\\x41\\t\\\\\";").unwrap(), json!({ "e": "A\t\\" }));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line, word) in [
            ("a = 1;\nb = ;", 2, "value"),
            ("a = 1;\na = 2;", 2, "twice"),
            ("a = { b = 1;", 1, "not closed"),
            ("a = \"x", 1, "string is not closed"),
            ("/* a", 1, "comment"),
            ("a = [ 1, \"x\" ];", 1, "one kind"),
            ("a = [ (1) ];", 1, "one kind"),
            ("a = ( 1 2 );", 1, "separated"),
            ("a 1;", 1, "“=”"),
            ("1a = 1;", 1, "letter"),
            ("a = 1.2.3;", 1, "value"),
            ("a = 0xg;", 1, "value"),
            ("a = inf;", 1, "value"),
            ("a = 99999999999999999999;", 1, "value"),
            ("a = \"\\xe9\";", 1, "7f"),
            ("a = \"\\x00\";", 1, "zero"),
            ("a = \"\\q\";", 1, "escape"),
            ("\n@include \"x\"", 2, "include"),
            ("a = 1; }", 1, "name"),
        ] {
            let Err(Refused::Syntax { line: found, why }) = read(text) else { panic!("{text} was read") };
            assert!(found == line && why.contains(word), "{text}: {found} {why}");
        }
        let deep = "a = ".to_owned() + &"(".repeat(100_000);
        assert!(matches!(read(&deep), Err(Refused::Syntax { why, .. }) if why.contains("deep")));
    }

    fn write(value: &Value) -> String {
        match value {
            Value::Object(group) => {
                let settings: String =
                    group.iter().map(|(name, value)| format!("{name} = {};\n", write(value))).collect();
                format!("{{ {settings} }}")
            }
            Value::Array(values) => format!("( {} )", values.iter().map(write).collect::<Vec<_>>().join(", ")),
            Value::String(text) => {
                let escaped: String = text
                    .chars()
                    .map(|one| if "\"\\".contains(one) { format!("\\{one}") } else { one.into() })
                    .collect();
                format!("\"{escaped}\"")
            }
            other => other.to_string(),
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let simple = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[^\\x00]{0,12}".prop_map(Value::from),
        ];
        simple.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map("[a-z*][a-zA-Z0-9_*-]{0,6}", inner, 0..5)
                    .prop_map(|group| Value::Object(group.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(value in any_value()) {
            let text = format!("root = {};", write(&value));
            prop_assert_eq!(read(&text).unwrap(), json!({ "root": value }));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[\\PC\n]{0,80}", like in "[a{}()\\[\\]=:;,\"\\\\/*#@ x0-9\n]{0,60}") {
            let _ = read(&text);
            let _ = read(&like);
        }
    }
}
