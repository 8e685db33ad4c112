//! Gives the parts of a query their meaning.

use super::{
    CertificateState, Comparison, Field, FleetQuery, MAX_ALTERNATIVES, MAX_CHARS, MAX_TERMS, Predicate, QueryErrors,
    Term,
    error::{Problem, excerpt},
    lex::{self, Head, RawTerm, RawValue},
    suggest::nearest,
    value::{component, firmware, is_word, serial, when, words},
};

/// Reads a query.
///
/// # Errors
/// Says everything that is wrong: where, why, and what to write instead.
pub fn parse(text: &str) -> Result<FleetQuery, QueryErrors> {
    if let Some(problem) = too_long(text) {
        return Err(QueryErrors(vec![problem.located(text)]));
    }
    let mut query = FleetQuery::default();
    let mut problems = Vec::new();
    let mut alternatives = 0;
    for (at, raw) in lex::terms(text).enumerate() {
        if at == MAX_TERMS {
            problems.push(Problem::new(
                raw.span,
                format!("a query has at most {MAX_TERMS} terms; write alternatives as model:A,B, or use a saved view"),
            ));
            break;
        }
        alternatives += raw.values.len();
        if alternatives > MAX_ALTERNATIVES {
            let message = format!("a query has at most {MAX_ALTERNATIVES} alternatives in all its terms; name fewer");
            problems.push(Problem::new(raw.span, message));
            break;
        }
        match term(raw) {
            Ok(term) => query.terms.push(term),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        return Ok(query);
    }
    Err(QueryErrors(problems.into_iter().map(|problem| problem.located(text)).collect()))
}

/// What is wrong with a text of more than [`MAX_CHARS`] characters, without reading further than that.
pub(super) fn too_long(text: &str) -> Option<Problem> {
    let (at, _) = text.char_indices().nth(MAX_CHARS)?;
    let message = format!("a query has at most {MAX_CHARS} characters; shorten this one");
    Some(Problem::new(at..text.len(), message))
}

/// The meaning of one term.
pub(super) fn term(raw: RawTerm<'_>) -> Result<Term, Problem> {
    if let Some(problem) = raw.head.as_ref().and_then(unknown_field) {
        // That the field is unknown matters more than what follows it.
        return Err(problem);
    }
    if let Some(problem) = raw.problem {
        return Err(problem);
    }
    let classes = raw.classes.iter().flat_map(|(classes, _)| classes);
    classes.chain(&raw.values).try_for_each(check_text)?;
    let predicate = match &raw.head {
        None => bare(&raw.values, raw.minus.is_some()),
        Some(head) => match Field::from_name(head.name) {
            Some(field) => fielded(&raw, head, field),
            None => Err(Problem::new(head.name_span.clone(), "this field is unknown")),
        },
    }?;
    Ok(Term { negated: raw.minus.is_some(), predicate, span: raw.span })
}

/// Whatever the value is for, it must hold something, and nothing that a database refuses.
fn check_text(value: &RawValue) -> Result<(), Problem> {
    let problem = |message: &str| Err(Problem::new(value.span.clone(), message));
    if value.text.contains(char::is_control) {
        return problem("this holds a control character; type it anew without it");
    }
    if value.text.trim().is_empty() {
        return problem("this value is empty; write what to look for");
    }
    if !value.quoted && value.text.contains('*') {
        return problem("a * can only stand at the end; write it in quotes if you mean the character");
    }
    Ok(())
}

fn unknown_field(head: &Head<'_>) -> Option<Problem> {
    if Field::from_name(head.name).is_some() {
        return None;
    }
    let span = head.name_span.clone();
    if let Some(name) = head.name.strip_prefix('!').filter(|name| Field::from_name(name).is_some()) {
        let message = format!("“!” is not in the language; write -{name}{} to turn a term round", head.op);
        return Some(Problem::new(span, message).instead(format!("-{name}")));
    }
    let names =
        Field::ALL.iter().flat_map(|field| std::iter::once(field.name()).chain(field.aliases().iter().copied()));
    let name = excerpt(head.name);
    Some(match nearest(head.name, names) {
        Some(near) => Problem::new(span, format!("unknown field “{name}”; did you mean “{near}”?")).instead(near),
        None => {
            let all = Field::ALL.iter().map(|field| field.name()).collect::<Vec<_>>().join(", ");
            let message = format!("unknown field “{name}”; the fields are {all}. Quote the word if it is no field");
            Problem::new(span, message)
        }
    })
}

/// Words without a field.
fn bare(values: &[RawValue], negated: bool) -> Result<Predicate, Problem> {
    for value in values.iter().filter(|value| !value.quoted) {
        let problem = |message: &str| Err(Problem::new(value.span.clone(), message));
        match value.text.as_str() {
            "AND" => return problem("terms need no AND, all of them must hold; leave it out"),
            "OR" => return problem("there is no OR between terms; write alternatives with a comma, as in model:A,B"),
            "NOT" => return problem("there is no NOT; write a minus before the term, as in -state:retired"),
            text if text.starts_with(['(', ')']) => {
                return problem("the language has no brackets; quote them if meant");
            }
            text if negated && text.starts_with('-') => return problem("one minus is enough"),
            _ => {}
        }
    }
    Ok(Predicate::Text(values.iter().map(|value| value.text.clone()).collect()))
}

fn fielded(raw: &RawTerm<'_>, head: &Head<'_>, field: Field) -> Result<Predicate, Problem> {
    let comparison = operator(raw, head, field)?;
    let values = raw.values.as_slice();
    if !matches!(field, Field::Serial | Field::Firmware) {
        refuse_stars(raw)?;
    }
    let texts = || values.iter().map(|value| value.text.clone()).collect::<Vec<_>>();
    Ok(match field {
        Field::Serial => Predicate::Serial(values.iter().map(serial).collect()),
        Field::Model => Predicate::Model(texts()),
        Field::Revision => Predicate::Revision(texts()),
        Field::Batch => Predicate::Batch(texts()),
        Field::Factory => Predicate::Factory(texts()),
        Field::Custodian => Predicate::Custodian(texts()),
        Field::Channel => Predicate::Channel(texts()),
        Field::Place => Predicate::Place(texts()),
        Field::Identifier => Predicate::Identifier(texts()),
        Field::Kind => Predicate::Kind(words(values)?),
        Field::State => Predicate::State(words(values)?),
        Field::Trust => Predicate::Trust(words(values)?),
        Field::Connection => Predicate::Connection(words(values)?),
        Field::Certificate => Predicate::Certificate(words(values)?),
        Field::Component => component(raw)?,
        Field::Firmware => firmware(comparison, values)?,
        Field::Seen if is_word(comparison, values, &["never", "none"]) => Predicate::NeverSeen,
        Field::Seen => Predicate::Seen(when(comparison, values, field)?),
        Field::Made => Predicate::Made(when(comparison, values, field)?),
        Field::CertificateEnds if is_word(comparison, values, &["none", "never"]) => {
            Predicate::Certificate(vec![CertificateState::None])
        }
        Field::CertificateEnds => Predicate::CertificateEnds(when(comparison, values, field)?),
    })
}

/// The comparison that an operator means; none for `:` and `=`.
fn operator(raw: &RawTerm<'_>, head: &Head<'_>, field: Field) -> Result<Option<Comparison>, Problem> {
    let comparison = match head.op {
        ":" | "=" | "==" | ":=" => return Ok(None),
        "<" | ":<" => Comparison::Less,
        "<=" | ":<=" => Comparison::LessOrEqual,
        ">" | ":>" => Comparison::Greater,
        ">=" | ":>=" => Comparison::GreaterOrEqual,
        op => return Err(unknown_operator(raw, head, op)),
    };
    if field.is_ordered() {
        return Ok(Some(comparison));
    }
    let message = format!("“{}” can't be compared with {}; use {}:", field.name(), head.op, field.name());
    Err(Problem::new(head.op_span.clone(), message).instead(":"))
}

fn unknown_operator(raw: &RawTerm<'_>, head: &Head<'_>, op: &str) -> Problem {
    let swapped = match op {
        "=<" => Some("<="),
        "=>" => Some(">="),
        _ => None,
    };
    if let Some(right) = swapped {
        return Problem::new(head.op_span.clone(), format!("“{op}” is written {right}")).instead(right);
    }
    if !matches!(op, "!=" | "!:" | "<>" | "!==") {
        let message = format!("“{}” is not an operator; use : < <= > or >=", excerpt(op));
        return Problem::new(head.op_span.clone(), message);
    }
    // To turn it round the minus moves to the front, so the beginning of the term is what must be replaced.
    let minus = if raw.minus.is_some() { "" } else { "-" };
    let is = if Field::from_name(head.name) == Some(Field::Component) { "=" } else { ":" };
    let message = format!("“{op}” is not in the language; write {minus}{}{is} instead", head.name);
    Problem::new(raw.span.start..head.op_span.end, message).instead(format!("{minus}{}{is}", head.name))
}

fn refuse_stars(raw: &RawTerm<'_>) -> Result<(), Problem> {
    let classes = raw.classes.iter().flat_map(|(classes, _)| classes);
    match classes.chain(&raw.values).find(|value| value.star) {
        Some(value) => {
            let message =
                "a * works for serial: and fw: only; write the whole value, or quote it if you mean the character";
            Err(Problem::new(value.span.clone(), message))
        }
        None => Ok(()),
    }
}
