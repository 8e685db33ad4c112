//! Debian's control files: stanzas of fields, as deb822(5) describes them. What two readers could understand in two ways is
//! refused.

use super::DebRefused;

/// One stanza: its fields in their order, with the lines that go on below the first one.
#[derive(Debug, Default)]
pub(super) struct Stanza<'a> {
    /// In which line it begins, from 1.
    pub(super) line: usize,
    fields: Vec<Field<'a>>,
}

#[derive(Debug)]
struct Field<'a> {
    name: &'a str,
    value: &'a str,
    /// The lines below, without the space that they begin with.
    lines: Vec<&'a str>,
}

impl<'a> Stanza<'a> {
    /// The first line of a field.
    pub(super) fn value(&self, name: &str) -> Option<&'a str> {
        self.field(name).map(|field| field.value)
    }

    /// The lines below the first one of a field.
    pub(super) fn lines(&self, name: &str) -> &[&'a str] {
        self.field(name).map_or(&[], |field| field.lines.as_slice())
    }

    fn field(&self, name: &str) -> Option<&Field<'a>> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }
}

/// Passes each stanza of a file on, in their order.
pub(super) fn stanzas<'a>(
    path: &str,
    text: &'a str,
    mut to: impl FnMut(Stanza<'a>) -> Result<(), DebRefused>,
) -> Result<(), DebRefused> {
    let mut stanza = Stanza::default();
    for (n, raw) in text.split('\n').enumerate() {
        let wrong = |why| DebRefused::Syntax { path: path.to_owned(), line: n + 1, why };
        let line = raw.strip_suffix('\r').unwrap_or(raw);
        if line.chars().any(|c| c.is_control() && c != '\t') {
            return Err(wrong("a control character stands in it"));
        }
        if line.is_empty() {
            if !stanza.fields.is_empty() {
                to(std::mem::take(&mut stanza))?;
            }
        } else if let Some(more) = line.strip_prefix([' ', '\t']) {
            let last = stanza.fields.last_mut();
            last.ok_or_else(|| wrong("it goes on from no field"))?.lines.push(more.trim());
        } else {
            let (name, value) = line.split_once(':').ok_or_else(|| wrong("it is no field"))?;
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) || name.starts_with(['#', '-']) {
                return Err(wrong("this can't be a field's name"));
            }
            if stanza.field(name).is_some() {
                return Err(wrong("the field is there twice"));
            }
            if stanza.fields.is_empty() {
                stanza.line = n + 1;
            }
            stanza.fields.push(Field { name, value: value.trim(), lines: Vec::new() });
        }
    }
    if stanza.fields.is_empty() { Ok(()) } else { to(stanza) }
}
