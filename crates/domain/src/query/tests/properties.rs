use crate::{
    component::ComponentClass,
    custody::CustodianKind,
    device::{Connection, Lifecycle, Trust},
    query::*,
};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{select, subsequence},
};

/// Texts that look like queries more often than chance would have it.
fn query_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => select(Field::ALL).prop_map(|field| field.name().to_owned()),
        4 => "[:=<>!,\"\\\\*. -]{1,2}",
        2 => select(vec!["lte", "active", "none", "never", "1.4", "7d", "5m", "2026-11", "AND", "d8:80:39:4e:71:0c"])
            .prop_map(str::to_owned),
        1 => "\\PC{1,3}",
        1 => any::<char>().prop_map(String::from),
    ];
    vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn some<T: Clone + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = Vec<T>> {
    subsequence(all, 1..=all.len())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9_-]{1,8}",
        "\\PC{1,12}",
        "[ \"\\\\,*:=<>()-]{0,6}x",
        select(vec!["none", "NONE", "never", "AND", "OR", "-x", "a*", "lte", "1.4.*", "86 194105 033718 0"])
            .prop_map(str::to_owned),
    ]
    .prop_filter("values hold something", |text| !text.trim().is_empty() && !text.contains(char::is_control))
}

fn when() -> impl Strategy<Value = When> {
    let comparison =
        || select(vec![Comparison::Less, Comparison::LessOrEqual, Comparison::Greater, Comparison::GreaterOrEqual]);
    let age = prop_oneof![
        0..=Age::LONGEST.0,
        (0..=100_u64).prop_map(|days| days * 86_400),
        (0..=100_u64).prop_map(|years| years * 365 * 86_400)
    ];
    let date = (1970..=9999, 1..=12_u32, 1..=28_u32, 0..3_u8).prop_map(|(year, month, day, part)| {
        let text = format!("{year:04}-{month:02}-{day:02}");
        Calendar::parse(&text[..[4, 7, 10][usize::from(part)]]).unwrap()
    });
    prop_oneof![
        (comparison(), age).prop_map(|(comparison, age)| When::Age(comparison, Age(age))),
        (comparison(), date.clone()).prop_map(|(comparison, date)| When::Date(comparison, date)),
        date.prop_map(When::During),
    ]
}

fn predicate() -> impl Strategy<Value = Predicate> {
    let texts = || vec(text(), 1..4);
    let prefix = "[0-9]{1,2}(\\.[0-9]{1,2}){0,2}";
    prop_oneof![
        texts().prop_map(Predicate::Text),
        vec(prop_oneof![text().prop_map(SerialMatch::Exact), text().prop_map(SerialMatch::Prefix)], 1..3)
            .prop_map(Predicate::Serial),
        texts().prop_map(Predicate::Model),
        texts().prop_map(Predicate::Revision),
        texts().prop_map(Predicate::Batch),
        texts().prop_map(Predicate::Factory),
        texts().prop_map(Predicate::Custodian),
        texts().prop_map(Predicate::Channel),
        texts().prop_map(Predicate::Place),
        texts().prop_map(Predicate::Identifier),
        some(CustodianKind::ALL).prop_map(Predicate::Kind),
        some(Lifecycle::ALL).prop_map(Predicate::State),
        some(Trust::ALL).prop_map(Predicate::Trust),
        some(Connection::ALL).prop_map(Predicate::Connection),
        some(CertificateState::ALL).prop_map(Predicate::Certificate),
        vec(
            prop_oneof![
                Just(FirmwareMatch::None),
                text().prop_map(FirmwareMatch::Exact),
                prefix.prop_map(FirmwareMatch::Prefix),
                prefix.prop_map(|prefix| FirmwareMatch::Prefix(format!("1:{prefix}"))),
            ],
            1..3
        )
        .prop_map(Predicate::Firmware),
        text().prop_map(|text| Predicate::FirmwareOrder(Comparison::Less, format!("1.{text}"))),
        when().prop_map(Predicate::Seen),
        Just(Predicate::NeverSeen),
        when().prop_map(Predicate::Made),
        when().prop_map(Predicate::CertificateEnds),
        some(ComponentClass::ALL).prop_map(|classes| Predicate::Component { classes, texts: Vec::new() }),
        (prop::option::of(some(ComponentClass::ALL)), texts())
            .prop_map(|(classes, texts)| Predicate::Component { classes: classes.unwrap_or_default(), texts }),
    ]
}

fn query() -> impl Strategy<Value = FleetQuery> {
    let term = (any::<bool>(), predicate()).prop_map(|(negated, predicate)| Term { negated, ..Term::new(predicate) });
    vec(term, 0..6).prop_map(|terms| FleetQuery { terms })
}

/// What must be so for any text.
fn check_any(text: &str) -> Result<(), TestCaseError> {
    match parse(text) {
        Ok(query) => {
            for term in &query.terms {
                let alone = text.get(term.span.clone()).map(|text| parse(text).map(|query| query.terms));
                prop_assert_eq!(alone, Some(Ok(vec![term.clone()])));
                let _ = explain(term);
            }
            prop_assert_eq!(parse(&query.to_string()), Ok(query.clone()), "{} is {}", text, query);
        }
        Err(errors) => {
            prop_assert!(!errors.0.is_empty());
            for error in &errors.0 {
                prop_assert!(text.get(error.span.clone()).is_some_and(|span| !span.is_empty()), "{error:?}");
                prop_assert_eq!(error.column, text[..error.span.start].chars().count() + 1);
                prop_assert_eq!(error.corrected(text).is_some(), error.suggestion.is_some());
            }
        }
    }
    check_tokens(text)
}

fn check_tokens(text: &str) -> Result<(), TestCaseError> {
    let tokens = tokens(text);
    let mut at = 0;
    for token in &tokens {
        prop_assert!(at <= token.span.start && token.span.start < token.span.end, "{tokens:?}");
        prop_assert!(text.get(at..token.span.start).is_some_and(|gap| gap.trim().is_empty()), "{tokens:?}");
        prop_assert!(text.get(token.span.clone()).is_some(), "{tokens:?}");
        at = token.span.end;
    }
    prop_assert!(text[at..].trim().is_empty());
    let wrong = tokens.iter().any(|token| token.kind == TokenKind::Error);
    prop_assert_eq!(wrong, parse(text).is_err(), "{:?}", tokens);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        check_any(&text)?;
    }

    #[test]
    fn anything_like_a_query_is_read_or_refused(text in query_like()) {
        check_any(&text)?;
    }

    #[test]
    fn what_is_written_reads_back(query in query()) {
        let text = query.to_string();
        prop_assume!(text.chars().count() <= MAX_CHARS);
        let read = parse(&text);
        prop_assert_eq!(read.as_ref(), Ok(&query), "{}", text);
        for term in &read.unwrap().terms {
            prop_assert_eq!(&text[term.span.clone()], term.to_string());
        }
    }

    #[test]
    fn completion_fits_wherever_the_cursor_is(text in query_like(), cursor in 0..80_usize) {
        let found = complete(&text, cursor);
        let cursor = text.floor_char_boundary(cursor);
        prop_assert!(found.replace.start <= cursor && cursor <= found.replace.end);
        prop_assert!(text.get(found.replace.clone()).is_some());
    }

    #[test]
    fn every_choice_makes_a_query(query in query(), at in any::<prop::sample::Index>()) {
        let text = format!("{query} ");
        prop_assume!(text.chars().count() < MAX_CHARS - 40);
        let found = complete(&text, text.len());
        let chosen = found.items[at.index(found.items.len())].text.clone();
        let next = complete(&format!("{text}{chosen}"), text.len() + chosen.len());
        for item in next.items {
            let chosen = format!("{text}{chosen}{}", item.text);
            prop_assert!(parse(&chosen).is_ok(), "{}", chosen);
        }
    }

    #[test]
    fn terms_come_and_go(query in query(), at in 0..7_usize) {
        prop_assert!(query.without_term(at).terms.len() + 1 >= query.terms.len());
        if let Some(term) = query.terms.get(at) {
            let with = query.without_term(at).with_term(term.clone());
            prop_assert!(with.terms.contains(term));
        }
    }
}
