//! What docs/PROTOCOLS.md shows of one device must agree: whoever tries it by pasting has a device that fits its manifest.

#![expect(clippy::expect_used, reason = "a test may fail")]

use domain::{
    factory_manifest::csv_rows,
    report::{Attributes, Listed, Makers, Mapping, compare},
    time::Timestamp,
};
use std::{collections::BTreeMap, io::Cursor};

const PROTOCOLS: &str = include_str!("../../../docs/PROTOCOLS.md");

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).expect("what it begins with");
    rest.split_once(after).expect("what it ends with").0
}

#[test]
fn the_report_is_what_the_manifest_lists() {
    let csv = between(PROTOCOLS, "```csv\n", "```");
    let now = Timestamp::parse("2026-11-22").expect("a date");
    let mut rows = csv_rows(Cursor::new(csv.as_bytes().to_vec()), now).expect("a manifest");
    let row = rows.next().expect("a row").expect("a readable row").row.expect("a good row");
    assert!(rows.next().is_none(), "one device");

    let call = between(PROTOCOLS, "-d '{\"data\":", "/configData");
    let (sent, address) = call.split_once("}'").expect("the end of the body");
    assert!(address.ends_with(&format!("/controller/v1/{}", row.serial)), "the same device: {address}");
    let sent: BTreeMap<String, String> = serde_json::from_str(sent).expect("attributes");
    let reported = Mapping::usual().read(&Attributes::collect(sent));
    let makers = Makers::default();
    let comparison = compare(&reported, &[Listed { version: 1, parts: &row.parts }], None, &makers);
    assert_eq!((comparison.signals, comparison.matched), (vec![], Some(1)));
    assert_eq!(comparison.confirmed.len(), row.parts.len(), "each part is reported");
    assert!(comparison.silent.is_empty());
    assert_eq!(reported.firmware, row.firmware);
}
