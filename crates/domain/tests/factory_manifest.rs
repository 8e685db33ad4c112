//! Manifests as factories write them, and as they shouldn't.

#![expect(clippy::expect_used, reason = "a test may fail")]

use domain::{
    component::ComponentClass,
    factory_manifest::{
        FileProblem, ProblemCode, RECORD_MAX, Row, RowResult, csv_rows, jsonl_rows, template_csv, template_jsonl,
    },
    time::Timestamp,
};
use proptest::prelude::*;
use std::io::{self, Cursor, Read};

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22").expect("a date")
}

fn csv(text: impl AsRef<[u8]>) -> Result<Vec<RowResult>, FileProblem> {
    csv_rows(Cursor::new(text.as_ref().to_vec()), now())?.collect()
}

fn jsonl(text: impl AsRef<[u8]>) -> Result<Vec<RowResult>, FileProblem> {
    jsonl_rows(Cursor::new(text.as_ref().to_vec()), now())?.collect()
}

fn good(rows: Vec<RowResult>) -> Vec<Row> {
    rows.into_iter().map(|row| row.row.expect("a good row")).collect()
}

/// The problems of the only row: column and code.
fn problems(rows: Result<Vec<RowResult>, FileProblem>) -> Vec<(String, ProblemCode)> {
    let mut rows = rows.expect("a readable file");
    assert_eq!(rows.len(), 1);
    let found = rows.remove(0).row.expect_err("a bad row");
    assert!(found.iter().all(|problem| !problem.message.is_empty()));
    found.into_iter().map(|problem| (problem.column, problem.code)).collect()
}

const HEADER: &str = "serial,model,hardware_revision,batch,factory,made_at";
const ROW: &str = "S1,GW-200,C,2026-11-A,brno,2026-11-02";

#[test]
fn the_templates_are_good_and_say_the_same() {
    let from_csv = good(csv(template_csv()).expect("CSV"));
    let from_jsonl = good(jsonl(template_jsonl()).expect("JSON Lines"));
    assert_eq!((from_csv.len(), from_jsonl.len()), (2, 2));
    assert_eq!(from_csv[0], from_jsonl[0]);
    assert_eq!(from_csv[0].parts.len(), 7);
    assert_eq!(from_csv[0].factory_name.as_deref(), Some("Brno Works"));
    let lte = from_csv[0].parts.iter().find(|part| part.slot == "lte0").expect("a modem");
    assert_eq!(
        (lte.class, lte.maker.as_str(), lte.model.as_str(), lte.identifier_key.as_str()),
        (ComponentClass::Lte, "Quectel", "EG25-G", "imei:861941050337180")
    );
    assert_eq!(from_jsonl[1].parts[1].class, ComponentClass::Ethernet);
}

#[test]
fn delimiters_quotes_marks_and_line_ends() {
    let wanted = good(csv(format!("{HEADER}\n{ROW}\n")).expect("CSV"));
    for delimiter in [";", "\t"] {
        let text = format!("{HEADER}\n{ROW}\n").replace(',', delimiter);
        assert_eq!(good(csv(text).expect("CSV")), wanted);
    }
    for end in ["\r\n", "\r", "\n\n"] {
        assert_eq!(good(csv([HEADER, ROW, ""].join(end)).expect("CSV")), wanted);
    }
    let quoted = format!("\u{feff}\"serial\",{}\n\"S1\",{}", &HEADER[7..], &ROW[3..]);
    assert_eq!(good(csv(quoted).expect("CSV")), wanted);
    let spreadsheet = format!("{HEADER},,\n,,,,,,,\n{ROW},,\n,,,,,,,\n");
    assert_eq!(good(csv(spreadsheet).expect("CSV")), wanted);
}

#[test]
fn lines_are_counted_as_an_editor_does() {
    let text = format!("{HEADER},x_note\r\n\r\n{ROW},\"a\nb\"\r\n{ROW},\r\n");
    let rows = csv(text).expect("CSV");
    assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [3, 5]);
    let rows = jsonl("\n{\"serial\":1}\n\n{}").expect("JSON Lines");
    assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 4]);
}

#[test]
fn all_problems_of_a_row_come_at_once() {
    let text = format!("{HEADER},quota,sgtin,eth0,lte0,wlan0\n<b>,,C,\"a\tb\",深圳,2106-02-07,x,1.2,zz,1|2,a|b|c|d");
    assert_eq!(
        problems(csv(text)),
        [
            ("eth0", ProblemCode::Identifier),
            ("lte0", ProblemCode::Component),
            ("wlan0", ProblemCode::Component),
            ("factory", ProblemCode::Factory),
            ("serial", ProblemCode::Character),
            ("model", ProblemCode::Missing),
            ("batch", ProblemCode::Character),
            ("made_at", ProblemCode::TimeRange),
            ("quota", ProblemCode::Number),
            ("sgtin", ProblemCode::Sgtin),
        ]
        .map(|(column, code)| (column.to_owned(), code))
    );
}

#[test]
fn times_that_can_not_be_true() {
    let at = |time: &str| csv(format!("{HEADER}\n{}", ROW.replace("2026-11-02", time))).expect("CSV").remove(0).row;
    assert!(at("2026-11-23T23:59:00Z").is_ok() && at("2000-01-01").is_ok());
    let message = at("2106-02-07T06:28:16Z").expect_err("the future").remove(0).message;
    assert_eq!(message, "2106-02-07T06:28:16Z lies in the future (today is 2026-11-22); check the year");
    assert!(at("1999-12-31").is_err() && at("02.11.2026").is_err() && at("").is_err());
}

#[test]
fn hostile_text_is_only_text() {
    let text = format!(
        "{HEADER},board\n{}",
        "S1,<script>alert(1)</script>,C,'; drop table device; --,brno,2026-11-02,<b>&\"'"
    );
    let row = good(csv(text).expect("CSV")).remove(0);
    assert_eq!((row.model.as_str(), row.parts[0].identifier.as_str()), ("<script>alert(1)</script>", "<b>&\"'"));
}

#[test]
fn a_name_where_the_factory_s_code_belongs_is_kept() {
    let row = good(csv(format!("{HEADER}\n{}", ROW.replace("brno", "Brno Works a.s."))).expect("CSV")).remove(0);
    assert_eq!((row.factory.as_str(), row.factory_name.as_deref()), ("brno-works-a-s", Some("Brno Works a.s.")));
}

#[test]
fn components_stand_once() {
    let text = format!("{HEADER},eth0,wlan0\n{ROW},d8:80:39:4e:71:0c,D8-80-39-4E-71-0C");
    assert_eq!(problems(csv(text)), [("wlan0".to_owned(), ProblemCode::DuplicateIdentifier)]);
    let device = ROW_JSON.replace("[]", r#"[{"slot":"cpu","identifier":"A"},{"slot":"cpu","identifier":"B"}]"#);
    assert_eq!(problems(jsonl(device)), [("cpu".to_owned(), ProblemCode::DuplicateSlot)]);
    assert!(matches!(csv(format!("{HEADER},eth0,ETH0\n")), Err(FileProblem::DuplicateColumn(_))));
    assert!(matches!(csv(format!("{HEADER},model\n")), Err(FileProblem::DuplicateColumn(_))));
}

#[test]
fn bytes_that_are_no_text() {
    let mut text = format!("{HEADER},firmware\n{ROW},1.0 ").into_bytes();
    text.extend_from_slice(b"\xe4\n");
    assert_eq!(problems(csv(&text)), [("firmware".to_owned(), ProblemCode::Encoding)]);
    assert_eq!(problems(jsonl(b"{\"serial\":\"\xe4\"}")), [(String::new(), ProblemCode::Encoding)]);
    // A character that only seems whole because two fields lie side by side in memory.
    let mut split = format!("{HEADER},firmware,x_a\n{ROW},").into_bytes();
    split.extend_from_slice(b"\xc3,\xa4\n");
    assert_eq!(problems(csv(&split)), [("firmware".to_owned(), ProblemCode::Encoding)]);
}

#[test]
fn rows_of_the_wrong_length() {
    assert_eq!(problems(csv(format!("{HEADER}\nS1,GW-200\n"))), [(String::new(), ProblemCode::Columns)]);
    assert_eq!(problems(csv(format!("{HEADER}\n{ROW},more\n"))), [(String::new(), ProblemCode::Columns)]);
    assert_eq!(problems(csv(format!("{HEADER}\n\"{ROW}\n"))), [(String::new(), ProblemCode::Columns)]);
    assert_eq!(good(csv(format!("{HEADER},cpu,lte0\n{ROW}\n")).expect("CSV")).len(), 1);
}

#[test]
fn files_that_are_no_manifest() {
    let zip = b"PK\x03\x04\x14\0\0\0";
    for (bytes, wanted) in [
        (&b""[..], "empty"),
        (b" \r\n\n", "empty"),
        (zip, "Excel"),
        (b"\xff\xfes\0e\0", "UTF-16"),
        (b"s\0e\0r\0", "binary"),
        (b"<!DOCTYPE html><title>Sign in</title>", "web page"),
        (b"{\"type\": \"EPCISDocument\"}", "JSON"),
        (b"hello\nworld\n", "not a header"),
        (b"serial,model\n", "hardware_revision, batch, factory, made_at"),
        (b"serail,model,hardware_revision,batch,factory,made_at,zz\n", "did you mean “serial”"),
        (b"serial,model,b\xe4tch\n", "UTF-8"),
    ] {
        let message = csv(bytes).expect_err("no manifest").to_string();
        assert!(message.contains(wanted), "{message}");
    }
    assert!(matches!(jsonl("[{}]"), Err(FileProblem::JsonArray)));
    assert!(matches!(jsonl(HEADER), Err(FileProblem::NotJsonLines(_))));
}

const ROW_JSON: &str = r#"{"serial":"S1","model":"GW-200","hardware_revision":"C","batch":"2026-11-A","factory":"brno","made_at":"2026-11-02","components":[]}"#;

#[test]
fn keys_of_json_lines() {
    let text = ROW_JSON.replace("{\"s", "{\"x_who\":[1],\"quota\":7,\"s");
    let mut rows = jsonl_rows(text.as_bytes(), now()).expect("JSONL");
    let row = rows.next().expect("a row").expect("readable").row.expect("good");
    assert_eq!((row.quota, rows.left()), (Some(7), &["x_who".to_owned()][..]));
    assert_eq!(
        problems(jsonl(ROW_JSON.replace("model", "modell"))),
        [("modell".to_owned(), ProblemCode::UnknownKey), ("model".to_owned(), ProblemCode::Missing)]
    );
    let number = ROW_JSON.replace("[]", r#"[{"slot":"lte0","identifier":861941050337180}]"#);
    assert_eq!(good(jsonl(number).expect("JSONL"))[0].parts[0].identifier_key, "imei:861941050337180");
    for (components, code) in [
        (r#"{"slot":"cpu"}"#, ProblemCode::Json),
        (r#"[7]"#, ProblemCode::Json),
        (r#"[{"slot":"cpu","identifier":[]}]"#, ProblemCode::Json),
        (r#"[{"slot":"cpu","identifer":"A"}]"#, ProblemCode::UnknownKey),
        (r#"[{"slot":"uplink","identifier":"A"}]"#, ProblemCode::Class),
        (r#"[{"slot":"uplink","class":"rocket","identifier":"A"}]"#, ProblemCode::Class),
        (r#"[{"slot":"Up link","class":"cpu","identifier":"A"}]"#, ProblemCode::Slot),
        (r#"[{"slot":"lte0","identifier":"861941050337181"}]"#, ProblemCode::Identifier),
    ] {
        let found = problems(jsonl(ROW_JSON.replace("[]", components)));
        assert_eq!(found[0].1, code, "{components}");
        assert!(found[0].0.starts_with("components"), "{found:?}");
    }
    for line in ["{\"serial\":", "{\"serial\":\"a\",\"serial\":\"b\"}", "{} {}"] {
        assert_eq!(problems(jsonl(line))[0].1, ProblemCode::Json, "{line}");
    }
}

#[test]
fn a_line_without_end_costs_no_memory_and_stops_nothing() {
    let long = "x".repeat(RECORD_MAX + 7);
    let rows = csv(format!("{HEADER}\n{ROW}\n{long}\n{ROW}\n")).expect("CSV");
    assert_eq!(
        rows.iter().map(|row| (row.line, row.row.is_ok())).collect::<Vec<_>>(),
        [(2, true), (3, false), (4, true)]
    );
    // A quote that is never closed: what it swallowed is one problem, and reading goes on.
    let many = format!("{ROW}\n").repeat(60_000);
    let rows = csv(format!("{HEADER}\n\"{many}")).expect("CSV");
    let first = rows[0].row.as_ref().expect_err("the open quote");
    assert_eq!((rows[0].line, first[0].code), (2, ProblemCode::LineTooLong));
    assert!(rows.len() > 20_000 && rows[1..].iter().all(|row| row.row.is_ok()));
    assert_eq!(rows.last().expect("rows").line, 60_001);
    let rows = jsonl(format!("{ROW_JSON}\n{long}\n{ROW_JSON}")).expect("JSON Lines");
    assert_eq!(
        rows.iter().map(|row| (row.line, row.row.is_ok())).collect::<Vec<_>>(),
        [(1, true), (2, false), (3, true)]
    );
    assert!(matches!(
        csv(format!("serial,{long}")),
        Err(FileProblem::HeaderTooLong | FileProblem::UnknownColumns { .. })
    ));
}

/// Gives a text in small pieces and then fails.
struct Broken(Cursor<Vec<u8>>);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(3);
        match self.0.read(&mut buffer[..most])? {
            0 => Err(io::Error::other("the connection was closed")),
            n => Ok(n),
        }
    }
}

#[test]
fn an_upload_that_breaks_off_is_not_a_whole_file() {
    let mut rows = csv_rows(Broken(Cursor::new(format!("{HEADER}\n{ROW}\n{ROW}").into_bytes())), now()).expect("CSV");
    assert!(rows.next().expect("a row").expect("readable").row.is_ok());
    assert_eq!(rows.next(), Some(Err(FileProblem::Read { line: 3, message: "the connection was closed".into() })));
    assert_eq!(rows.next(), None);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = csv(&bytes);
        let _ = jsonl(&bytes);
        let mut after = format!("{HEADER},cpu\n").into_bytes();
        after.extend_from_slice(&bytes);
        let _ = csv(&after);
    }
}
