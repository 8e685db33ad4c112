use crate::{
    component::ComponentClass,
    custody::CustodianKind,
    device::{Connection, Lifecycle, Trust},
    query::*,
    time::{DAY, HOUR, Timestamp},
};

fn texts(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

/// The predicate of a query of one term.
fn one(text: &str) -> Predicate {
    let query = parse(text).unwrap_or_else(|errors| panic!("{text}: {errors}"));
    assert_eq!(query.terms.len(), 1, "{text}");
    assert_eq!(query.terms[0].span, 0..text.len(), "{text}");
    query.terms[0].predicate.clone()
}

fn wrong(text: &str) -> QueryError {
    parse(text).expect_err(text).0.remove(0)
}

#[test]
fn the_example_of_the_design() {
    let text = "model:GW-200 state:active batch:2026-11-A fw<1.4 component:lte=Quectel cert.expires<30d seen<7d \
                custodian:\"Acme\" -trust:quarantined";
    let query = parse(text).unwrap();
    let expected = [
        Predicate::Model(texts(&["GW-200"])),
        Predicate::State(vec![Lifecycle::Active]),
        Predicate::Batch(texts(&["2026-11-A"])),
        Predicate::FirmwareOrder(Comparison::Less, "1.4".into()),
        Predicate::Component { classes: vec![ComponentClass::Lte], texts: texts(&["Quectel"]) },
        Predicate::CertificateEnds(When::Age(Comparison::Less, Age(30 * 86_400))),
        Predicate::Seen(When::Age(Comparison::Less, Age(7 * 86_400))),
        Predicate::Custodian(texts(&["Acme"])),
        Predicate::Trust(vec![Trust::Quarantined]),
    ];
    assert_eq!(query.terms.iter().map(|term| term.predicate.clone()).collect::<Vec<_>>(), expected);
    assert_eq!(query.terms.iter().map(|term| term.negated).collect::<Vec<_>>(), [vec![false; 8], vec![true]].concat());
    assert_eq!(&text[query.terms[8].span.clone()], "-trust:quarantined");
    assert_eq!(query.to_string(), text.replace('"', ""));
    assert_eq!(serde_json::from_str::<FleetQuery>(&serde_json::to_string(&query).unwrap()).unwrap(), query);
}

#[test]
fn names_lists_and_quotes() {
    assert_eq!(parse("").unwrap(), FleetQuery::default());
    assert_eq!(parse(" \t\n").unwrap(), FleetQuery::default());
    assert_eq!(one("MODEL=GW-200,CAM-80"), Predicate::Model(texts(&["GW-200", "CAM-80"])));
    assert_eq!(one(r#"held_by:"Acme, \"B\\V\"",Nordlys"#), Predicate::Custodian(texts(&[r#"Acme, "B\V""#, "Nordlys"])));
    assert_eq!(one("client:Acme"), one("custodian:Acme"));
    assert_eq!(one("place:hall:2=b"), Predicate::Place(texts(&["hall:2=b"])));
    assert_eq!(one("GW2C,GW2D*"), Predicate::Text(texts(&["GW2C", "GW2D"])));
    assert_eq!(one("\"state:active\""), Predicate::Text(texts(&["state:active"])));
    assert_eq!(
        one(r#"serial:GW2C*,GW2C-1,"a*""#),
        Predicate::Serial(vec![
            SerialMatch::Prefix("GW2C".into()),
            SerialMatch::Exact("GW2C-1".into()),
            SerialMatch::Exact("a*".into())
        ])
    );
}

#[test]
fn words_in_any_case_and_with_any_hyphen() {
    for text in ["state:in-transit,in_repair", "Lifecycle:IN_TRANSIT,In-Repair"] {
        assert_eq!(one(text), Predicate::State(vec![Lifecycle::InTransit, Lifecycle::InRepair]));
    }
    assert_eq!(one("kind:repair"), Predicate::Kind(vec![CustodianKind::RepairCentre]));
    assert_eq!(one("conn:silent"), Predicate::Connection(vec![Connection::Silent]));
    assert_eq!(one("cert:expiring"), Predicate::Certificate(vec![CertificateState::Expiring]));
}

#[test]
fn pasted_identifiers_are_words() {
    assert_eq!(one("d8:80:39:4e:71:0c"), Predicate::Text(texts(&["d8:80:39:4e:71:0c"])));
    assert_eq!(one("86 194105 033718 0"), Predicate::Text(texts(&["86 194105 033718 0"])));
    assert_eq!(one("mac:d8:80:39:4e:71:0c"), Predicate::Identifier(texts(&["d8:80:39:4e:71:0c"])));
    assert_eq!(parse("86 194105 033718 1").unwrap().terms.len(), 4);
}

#[test]
fn firmware() {
    let list = vec![FirmwareMatch::None, FirmwareMatch::Exact("none".into()), FirmwareMatch::Prefix("1.4".into())];
    assert_eq!(one("fw:none,\"none\",1.4.*"), Predicate::Firmware(list.clone()));
    assert_eq!(list[2].key_range(), crate::version::prefix_range("1.4.*"));
    assert!(list[2].key_range().is_some() && list[0].key_range().is_none());
    assert_eq!(one("fw>=1.4~rc1"), Predicate::FirmwareOrder(Comparison::GreaterOrEqual, "1.4~rc1".into()));
    assert_eq!(one("fw:<1.4"), one("fw<1.4"));
}

#[test]
fn components() {
    let of = |classes: &[ComponentClass], items: &[&str]| Predicate::Component {
        classes: classes.to_vec(),
        texts: texts(items),
    };
    assert_eq!(one("component:lte"), of(&[ComponentClass::Lte], &[]));
    assert_eq!(one("component:LTE,secure-element"), of(&[ComponentClass::Lte, ComponentClass::SecureElement], &[]));
    assert_eq!(one("component=EG25-G"), of(&[], &["EG25-G"]));
    assert_eq!(one("component:lte:Quectel"), one("component:lte=Quectel"));
    assert_eq!(one("part:ethernet=d8:80:39:4e:71:0c"), of(&[ComponentClass::Ethernet], &["d8:80:39:4e:71:0c"]));
    assert_eq!(
        one("component:lte,wlan=\"Mu rata\",x"),
        of(&[ComponentClass::Lte, ComponentClass::Wlan], &["Mu rata", "x"])
    );
}

#[test]
fn times_become_ranges() {
    let now = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
    let range = |text: &str| one(text).time_range(now).unwrap();
    let at = |text: &str| Some(Timestamp::parse(text).unwrap());
    assert_eq!(range("seen<7d"), TimeRange { from: Some(now.plus(-7 * DAY + 1)), until: None });
    assert_eq!(range("seen<=7d").from, Some(now.plus(-7 * DAY)));
    assert_eq!(range("seen>30d"), TimeRange { from: None, until: Some(now.plus(-30 * DAY)) });
    assert_eq!(range("made>=2026-01-01"), TimeRange { from: at("2026-01-01"), until: None });
    assert_eq!(range("made>2026-01-01").from, at("2026-01-02"));
    assert_eq!(range("made<=2026-12").until, at("2027-01-01"));
    assert_eq!(range("made:2026-11"), TimeRange { from: at("2026-11-01"), until: at("2026-12-01") });
    assert_eq!(range("made:2024"), TimeRange { from: at("2024-01-01"), until: at("2025-01-01") });
    assert_eq!(range("cert.expires<30d"), TimeRange { from: None, until: Some(now.plus(30 * DAY)) });
    assert_eq!(range("expires>1y").from, Some(now.plus(365 * DAY + 1)));
    assert_eq!(range("cert.expires:9999-12-31").until, Some(Timestamp::parse("9999-12-31").unwrap().plus(DAY)));
    assert_eq!(range("seen<90min"), range("seen<5400s"));
    assert!(range("seen<2h").contains(now.plus(-HOUR)) && !range("seen<2h").contains(now.plus(-2 * HOUR)));
    assert_eq!(one("seen:never"), Predicate::NeverSeen);
    assert_eq!(one("cert.expires:none"), one("cert:none"));
    assert_eq!(CertificateState::None.ends(now), None);
    assert_eq!(CertificateState::Expiring.ends(now).unwrap().until, Some(now.plus(30 * DAY)));
}

#[test]
fn one_way_to_write_each() {
    for (text, canonical) in [
        ("  MODEL=A ,B", "error"),
        ("held-by:\"Acme\"", "custodian:Acme"),
        ("seen<4w  made<3mo", "seen<28d made<90d"),
        ("seen<365d", "seen<1y"),
        ("seen<0d", "seen<0s"),
        ("seen:none", "seen:never"),
        ("fw:=1.4.*", "fw:1.4.*"),
        ("component:lte:x", "component:lte=x"),
        ("state:in_transit", "state:in-transit"),
        ("GW2C*", "GW2C"),
    ] {
        let written = parse(text).map_or_else(|_| "error".to_owned(), |query| query.to_string());
        assert_eq!(written, canonical, "{text}");
    }
}

/// A wrong query, the column, the beginning of the message, and the query with the suggestion taken.
const WRONG: &[(&str, usize, &str, Option<&str>)] = &[
    ("modle:GW-200", 1, "unknown field “modle”; did you mean “model”?", Some("model:GW-200")),
    ("a ä banana:1", 5, "unknown field “banana”; the fields are serial, model", None),
    ("state:activ", 7, "“activ” is not a state; did you mean “active”?", Some("state:active")),
    (
        "kind:stock",
        6,
        "“stock” is not a kind of custodian; use one of factory, distributor, client, repair-centre",
        None,
    ),
    ("model!=GW-200", 1, "“!=” is not in the language; write -model: instead", Some("-model:GW-200")),
    ("-model!=GW-200", 1, "“!=” is not in the language; write model: instead", Some("model:GW-200")),
    ("component!=Quectel", 1, "“!=” is not in the language", Some("-component=Quectel")),
    ("!model:GW-200", 1, "“!” is not in the language", Some("-model:GW-200")),
    ("model<GW-200", 6, "“model” can't be compared with <; use model:", Some("model:GW-200")),
    ("fw=<1.4", 3, "“=<” is written <=", Some("fw<=1.4")),
    ("fw><1.4", 3, "“><” is not an operator", None),
    ("fw<banana", 4, "“banana” has no order", None),
    ("fw<1.4.*", 4, "a pattern has no order", None),
    ("fw:1.4*", 4, "a * stands for whole numbers", Some("fw:1.4.*")),
    ("fw<1.4,1.5", 8, "this field takes one value", None),
    ("seen<5m", 6, "“m” may be minutes or months", Some("seen<5min")),
    ("seen<7", 6, "“7” needs a unit", Some("seen<7d")),
    ("seen<7days", 6, "“days” is not a unit of time", Some("seen<7d")),
    ("seen<7q", 6, "“q” is not a unit of time", None),
    ("seen<101y", 6, "the longest age is 100y", Some("seen<100y")),
    ("seen<99999999999999999999y", 6, "the longest age is 100y", Some("seen<100y")),
    ("seen:7d", 5, "an age needs a direction", Some("seen<7d")),
    ("seen<never", 6, "“never” is no age and no date", None),
    ("made:2026-13", 6, "“2026-13” is not a date", None),
    ("made:1969", 6, "“1969” needs a unit", Some("made:1969d")),
    ("component:Quectel", 10, "“Quectel” is not a component class; use one of cpu", Some("component=Quectel")),
    ("component:\"Foo Bar\"", 10, "“Foo Bar” is not a component class", Some("component=\"Foo Bar\"")),
    ("component:ltw=Quectel", 11, "“ltw” is not a component class; did you mean “lte”?", Some("component:lte=Quectel")),
    ("component:lte=", 14, "a value must follow", None),
    ("model:", 6, "a value must follow", None),
    ("model:A, B", 8, "a value must follow the comma, without a space", None),
    ("model:,A", 7, "a value is missing here", None),
    (",A", 1, "a value is missing here", None),
    (":A", 1, "a field must stand before this", None),
    ("model:\"\"", 7, "this value is empty", None),
    ("model:\"A", 7, "this quote is never closed", None),
    ("model:\"A\"B", 10, "a space or a comma must stand between two values", None),
    ("model:GW*", 7, "a * works for serial: and fw: only", None),
    ("serial:G*W", 8, "a * can only stand at the end", None),
    ("serial:*", 8, "this value is empty", None),
    ("model:\"a\u{1}\"", 7, "this holds a control character", None),
    ("-", 1, "nothing follows the minus", None),
    ("--A", 2, "one minus is enough", None),
    ("model:A OR model:B", 9, "there is no OR between terms", None),
    ("(model:A", 1, "unknown field “(model”; did you mean “model”?", Some("model:A")),
    ("( model:A )", 1, "the language has no brackets", None),
];

#[test]
fn errors_say_where_and_what_instead() {
    for (text, column, message, corrected) in WRONG {
        let error = wrong(text);
        assert_eq!(error.column, *column, "{text}: {error}");
        assert!(error.message.starts_with(message), "{text}: {error}");
        assert_eq!(error.corrected(text).as_deref(), *corrected, "{text}: {error}");
        assert!(tokens(text).iter().any(|token| token.kind == TokenKind::Error), "{text}");
    }
}

#[test]
fn all_errors_come_at_once() {
    let errors = parse("modle:A state:active trust:bad ä seen<5m").unwrap_err();
    assert_eq!(errors.0.iter().map(|error| error.column).collect::<Vec<_>>(), [1, 28, 39]);
    assert!(errors.to_string().starts_with("column 1: unknown field “modle”; did you mean “model”?; column 28: "));
}

#[test]
fn limits() {
    let longest = format!("model:{}", "ä".repeat(MAX_CHARS - 6));
    assert!(parse(&longest).is_ok());
    let error = wrong(&format!("{longest}ä"));
    assert_eq!(error.column, MAX_CHARS + 1);
    assert!(error.message.contains("at most 2000 characters"), "{error}");
    assert_eq!(tokens(&"model:A ".repeat(1_250)).len(), 1);
    assert!(wrong(&"(".repeat(10_000)).message.contains("at most 2000"));
    assert!(complete(&"m ".repeat(5_000), 9_999).items.is_empty());
    assert_eq!(parse(&"a ".repeat(MAX_TERMS)).unwrap().terms.len(), MAX_TERMS);
    let error = wrong(&"a ".repeat(MAX_TERMS + 1));
    assert_eq!((error.column, error.message.starts_with("a query has at most 64 terms")), (2 * MAX_TERMS + 1, true));
}

#[test]
fn chips() {
    for (text, label, value) in [
        ("model:GW-200", "model", "GW-200"),
        ("-model:A,B", "model", "neither A nor B"),
        ("-model:A,B,C", "model", "none of A, B, C"),
        ("custodian:\"Acme Logistics\"", "held by", "Acme Logistics"),
        ("cert.expires<30d", "certificate ends in", "under 30 d"),
        ("cert.expires>=2027-01-01", "certificate ends", "from 2027-01-01"),
        ("-trust:quarantined", "trust", "not quarantined"),
        ("state:in-transit,active", "state", "in transit or active"),
        ("fw<1.4", "firmware", "before 1.4"),
        ("fw:1.4.*,none", "firmware", "1.4.x or unknown"),
        ("seen<7d", "last contact", "under 7 d ago"),
        ("-seen:never", "last contact", "at least once"),
        ("made:2026-11", "made", "in 2026-11"),
        ("component:lte", "component", "LTE"),
        ("-component:secure-element", "component", "not secure element"),
        ("component:lte=Quectel", "LTE", "Quectel"),
        ("component:lte,wlan=Murata", "component", "LTE or WLAN Murata"),
        ("component=EG25-G", "component", "EG25-G"),
        ("GW2C", "serial or identifier", "GW2C…"),
    ] {
        let query = parse(text).unwrap();
        assert_eq!(explain(&query.terms[0]), (label.to_owned(), value.to_owned()), "{text}");
    }
}

#[test]
fn chips_and_links_change_a_query() {
    let query = parse("client:Acme   state:active -trust:revoked").unwrap();
    assert_eq!(query.without_term(1).to_string(), "custodian:Acme -trust:revoked");
    assert_eq!(query.without_term(9), query);
    let late = Term::new(Predicate::Connection(vec![Connection::Late]));
    let more = query.with_term(late.clone());
    assert_eq!(more.to_string(), "custodian:Acme state:active -trust:revoked conn:late");
    assert_eq!(more.with_term(late.clone()), more);
    assert_eq!(more.terms[1].span, 15..27);
    let trusted = Term::new(Predicate::Trust(vec![Trust::Trusted])).turned();
    assert_eq!(query.with_only(trusted).to_string(), "custodian:Acme state:active -trust:trusted");
}

#[test]
fn painting() {
    use TokenKind::{Bare, Error, Key, Neg, Op, Value};
    let paint =
        |text: &'static str| tokens(text).into_iter().map(|token| (&text[token.span], token.kind)).collect::<Vec<_>>();
    assert_eq!(
        paint("-component:lte=\"A B\",C GW"),
        [
            ("-", Neg),
            ("component", Key),
            (":", Op),
            ("lte", Value),
            ("=", Op),
            ("\"A B\"", Value),
            (",", Op),
            ("C", Value),
            ("GW", Bare)
        ]
    );
    assert_eq!(paint("modle:A"), [("modle", Error), (":", Op), ("A", Value)]);
    assert_eq!(paint("state:activ,made"), [("state", Key), (":", Op), ("activ", Error), (",", Op), ("made", Value)]);
    assert_eq!(paint("model:\"A"), [("model", Key), (":", Op), ("\"A", Error)]);
}

#[test]
fn completion() {
    let at = |text: &str| {
        let cursor = text.find('|').unwrap();
        let text = text.replacen('|', "", 1);
        let found = complete(&text, cursor);
        let items: Vec<String> = found.items.iter().map(|item| item.text.clone()).collect();
        (text[found.replace.clone()].to_owned(), found.context, found.typed, items)
    };
    let value = |field| CompletionContext::Value { field };

    let (replaced, context, typed, items) = at("|");
    assert_eq!((replaced.as_str(), context, typed.as_str()), ("", CompletionContext::Field, ""));
    assert_eq!(items.len(), Field::ALL.len());
    assert_eq!(at("state:active mo|d").0, "mod");
    assert_eq!(at("state:active mo|d").3, ["model:"]);
    assert_eq!(at("-held|").3, ["custodian:"]);
    assert_eq!(at("-held|").0, "held");
    assert_eq!(at("|-held").0, "");
    assert_eq!(at("quar|").3, ["trust:quarantined"]);
    assert_eq!(at("st|:active").3, ["state"]);
    assert_eq!(at("st|:active").0, "st");

    assert_eq!(at("state:in|").3, ["in-transit", "in-repair"]);
    assert_eq!(at("state:active,in_r|").3, ["in-repair"]);
    assert_eq!(at("state:active,in_r|").0, "in_r");
    assert_eq!(at("state:| x").3.len(), 6);
    assert_eq!(at("seen:|").3, ["never"]);
    assert_eq!(at("seen<|").3, ["1h", "1d", "7d", "30d", "1y"]);
    assert_eq!(at("fw<|"), (String::new(), value(Field::Firmware), String::new(), Vec::new()));
    assert_eq!(at("component:l|"), ("l".into(), CompletionContext::ComponentClass, "l".into(), vec!["lte".into()]));
    assert_eq!(at("component:lte=Qu|"), ("Qu".into(), value(Field::Component), "Qu".into(), Vec::new()));
    assert_eq!(at("held-by:\"Acme Lo|"), ("\"Acme Lo".into(), value(Field::Custodian), "Acme Lo".into(), Vec::new()));
    assert_eq!(CompletionItem::value("Acme Logistics", "").text, "\"Acme Logistics\"");
}

#[test]
fn fields_have_distinct_names() {
    let mut names: Vec<_> = Field::ALL
        .iter()
        .flat_map(|field| std::iter::once(field.name()).chain(field.aliases().iter().copied()))
        .collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(Field::ALL.iter().all(|field| Field::from_name(field.name()) == Some(*field)));
}
