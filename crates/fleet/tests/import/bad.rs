//! Files that are wrong: clear words, nothing lost, nothing half-done.

use crate::world::{HEADER, OPERATOR, World, is_done, manifest, row, worlds};
use domain::import::ImportState;
use fleet::{Error, catalogue::CustodianForm, import::ImportRequest};
use futures::stream;

/// That the file is refused with these words, and that the fleet is as it was.
async fn refused(world: &World, name: &str, bytes: impl AsRef<[u8]>, words: &str) {
    let before = world.total().await;
    let import = world.import(name, bytes).await;
    assert_eq!(import.state, ImportState::Refused, "{}: {import:#?}", world.name());
    assert!(import.message.contains(words), "{}", import.message);
    assert!(import.message.contains("othing was changed"), "{}", import.message);
    assert_eq!((world.total().await, world.left_over().await), (before, 0));
}

#[tokio::test]
async fn what_is_no_manifest_is_refused_as_a_whole() {
    for world in worlds().await {
        refused(&world, "a.csv", "", "The file is empty").await;
        refused(&world, "a.xlsx", b"PK\x03\x04\0\0abc", "an Excel workbook").await;
        refused(&world, "a.csv", b"%PDF-1.7 \x81", "a PDF").await;
        refused(&world, "a.csv", b"\x7fELF\x02\0\0\0\x81\x90", "binary data").await;
        refused(&world, "a.csv", "<!doctype html><p>Sign in", "a web page").await;
        refused(&world, "a.csv", "{\"serial\":1}", "The file is JSON, not CSV").await;
        refused(&world, "a.csv", "hello\nworld\n", "is not a header").await;
        refused(&world, "a.csv", "serail,model\n", "did you mean “serial”?").await;
        refused(&world, "a.csv", "serial,model\n1,2\n", "The header lacks hardware_revision").await;
        refused(&world, "a.csv", HEADER, "a header but no rows").await;
        refused(&world, "a.jsonl", "serial,model\n", "is not a JSON object").await;
        refused(&world, "a.jsonld", "{\"type\": \"Invoice\"}", "its “type” is “Invoice”").await;
        refused(&world, "a.jsonld", "{\"type\": \n \"EPCISDocument\", }", "line 2").await;
        refused(&world, "a.jsonld", "<epcis/>", "The document is XML").await;
        assert!(world.fleet.catalogue(&OPERATOR).await.unwrap().custodians.is_empty());
    }
}

#[tokio::test]
async fn latin_1_is_refused_by_line_and_column() {
    for world in worlds().await {
        let mut bytes = manifest(0..3_000).into_bytes();
        bytes.extend_from_slice(b"GW-X,G\xfc-200,C,b,brno,2026-10-01,,,,\n");
        refused(
            &world,
            "a.csv",
            &bytes,
            "Line 3002, column 7: the byte 0xFC is not UTF-8; the file looks like Latin-1",
        )
        .await;
        refused(&world, "a.jsonld", b"{\"type\": \"\xe4\"}", "Line 1, column 11").await;
        let request = ImportRequest { skip_bad_rows: true, ..ImportRequest::new("a.csv") };
        assert_eq!(world.send(&request, &bytes).await.unwrap().state, ImportState::Refused);
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_kept() {
    for world in worlds().await {
        let request = ImportRequest { limit: 1 << 20, ..ImportRequest::new("a.csv") };
        let sent = world.send(&request, &vec![b'a'; (1 << 20) + 1]).await;
        assert!(matches!(&sent, Err(Error::TooLarge(why)) if why.contains("larger than 1 MiB")), "{sent:?}");
        let broken = [Ok(b"serial".to_vec()), Err(std::io::Error::other("connection reset"))];
        let sent = world.fleet.start_import(&OPERATOR, &ImportRequest::new("a.csv"), stream::iter(broken)).await;
        assert!(matches!(&sent, Err(Error::Conflict(why)) if why.contains("connection reset")), "{sent:?}");
        assert_eq!(world.spooled(), 0);
        assert!(world.fleet.imports(&OPERATOR, None, 10).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn all_problems_are_named_and_the_good_rows_can_be_taken() {
    for world in worlds().await {
        let mut text = manifest(0..1_200);
        text.push_str("GW-BAD1,GW-200,C,2026-11-A,brno,2106-02-07,1.4.2,,,\n");
        text.push_str("<script>alert(1)</script>,GW-200,C,2026-11-A,brno,2026-10-01,,,,\n");
        text.push_str("GW-BAD2,GW-200,C,2026-11-A,brno,2026-10-01,,,not a mac,\n");
        text.push_str("GW-BAD3,GW-200,C\n");
        text.push_str(&row(5));
        text.push_str(&row(2_000).replace("CPU2000", "CPU7"));
        text.push_str(&row(2_001).replace("GW-200", "GW-300"));
        text.push_str(&row(2_002));
        let import = world.import("a.csv", &text).await;
        assert_eq!((import.state, import.bad, import.rows_checked), (ImportState::Refused, 7, 1_208));
        assert_eq!(
            import.message,
            "7 of 1,208 rows are bad, so nothing was changed. Correct them and send the file again, or import it \
             without the bad rows."
        );
        assert_eq!(world.total().await, 0);
        let problems = world.problems(&import).await;
        let said =
            |line: i64| problems.iter().filter(|p| p.line == line).map(|p| p.message.as_str()).collect::<Vec<_>>();
        assert!(said(1_202)[0].contains("lies in the future"));
        assert!(said(1_203)[0].contains("the serial holds '<'"));
        assert!(!said(1_204).is_empty() && said(1_205)[0].contains("the row has 3 values"));
        // The serial and every part of the row stand on line 7 already.
        assert_eq!(said(1_206).len(), 4);
        assert_eq!(said(1_206)[0], "the serial GW-000005 stands on line 7 already");
        assert_eq!(said(1_207), ["CPU7 stands on line 9 already, in GW-000007; a part is in one device at a time"]);
        assert!(said(1_208)[0].contains("this row says brno and GW-300"));
        assert!(problems.is_sorted_by_key(|p| p.line));

        let import = world.skipping("a.csv", &text).await;
        is_done(&import, 1_201, 0, 7);
        assert_eq!(
            import.message,
            "1,201 devices added to batch “2026-11-A”, 7 rows were bad and skipped. New: factory “brno”, model “GW-200”, \
             batch “2026-11-A”."
        );
        assert_eq!((world.total().await, import.rows_applied), (1_201, 1_208));
        is_done(&world.skipping("a.csv", &text).await, 0, 1_201, 7);
        let csv = world.fleet.import_problems_csv(&OPERATOR, import.id).await.unwrap();
        assert_eq!(csv.lines().count(), 1 + problems.len());
    }
}

#[tokio::test]
async fn a_stolen_serial_and_a_stolen_component_are_bad() {
    for world in worlds().await {
        is_done(&world.import("a.csv", manifest(0..10)).await, 10, 0, 0);
        let mut text = String::from(HEADER);
        text.push_str(&row(1).replace("2026-11-A", "2026-12-B"));
        text.push_str(&row(2).replace("CPU2", "CPU99"));
        text.push_str(&row(20).replace("CPU20", "CPU3"));
        text.push_str(&row(21).replace("brno", "ostrava"));
        text.push_str(&row(4));
        let import = world.import("b.csv", &text).await;
        assert_eq!((import.state, import.bad, import.unchanged), (ImportState::Refused, 4, 1), "{}", world.name());
        let problems = world.problems(&import).await;
        let said: Vec<(&str, &str)> = problems.iter().map(|p| (p.code.as_str(), p.message.as_str())).collect();
        assert_eq!(
            said[0],
            (
                "serial_taken",
                "GW-000001 is taken: a device GW-200 of batch 2026-11-A, made by brno, has it; a serial is never used \
                 twice"
            )
        );
        assert_eq!(said[1].0, "manifest_differs");
        assert_eq!(said[2], ("component_taken", "CPU3 is fitted in GW-000003; a part is in one device at a time"));
        assert_eq!(said[3].0, "batch_differs");
        assert_eq!(world.total().await, 10);
    }
}

#[tokio::test]
async fn a_quota_is_kept() {
    for world in worlds().await {
        let with_quota = |rows: std::ops::Range<u64>, quota: &str| {
            let mut text = format!("quota,{HEADER}");
            rows.for_each(|n| text.push_str(&format!("{quota},{}", row(n))));
            text
        };
        let import = world.import("a.csv", with_quota(0..6, "5")).await;
        assert_eq!((import.state, import.bad), (ImportState::Refused, 1));
        let problem = &world.problems(&import).await[0];
        assert_eq!((problem.line, problem.code.as_str()), (7, "quota_exceeded"));
        assert_eq!(problem.message, "beyond the quota: 5 devices of batch 2026-11-A may be made");
        is_done(&world.import("a.csv", with_quota(0..4, "5")).await, 4, 0, 0);
        // A later file can't raise what was agreed.
        let import = world.skipping("b.csv", with_quota(0..8, "50")).await;
        is_done(&import, 1, 4, 3);
        assert!(world.problems(&import).await[0].message.contains("quota of 5; 50 is not taken"));
        assert_eq!(world.total().await, 5);
    }
}

#[tokio::test]
async fn a_client_is_no_factory_and_html_stays_text() {
    for world in worlds().await {
        let form = CustodianForm { name: "Brno".into(), kind: "client".into(), ..CustodianForm::default() };
        world.fleet.add_custodian(&OPERATOR, &form).await.unwrap();
        let import = world.import("a.csv", manifest(0..1)).await;
        assert_eq!(import.state, ImportState::Refused);
        assert!(world.problems(&import).await[0].message.contains("known as a client, not as a factory"));
        let evil = "'); DROP TABLE device;--";
        let text = format!(
            "{HEADER}GW-1,<b>{evil}</b>,{evil},{evil},<i>Works</i>,2026-10-01,=1+1,<img src=x>|{evil}|CPU1,,\n"
        );
        is_done(&world.import("<script>.csv", text).await, 1, 0, 0);
        let record = world.fleet.device_record(&OPERATOR, "GW-1").await.unwrap();
        assert_eq!(record.device.hardware_revision, evil);
        assert_eq!(record.catalogue.model_name(record.device.model_id), format!("<b>{evil}</b>"));
        assert_eq!(record.components[0].part.maker, "<img src=x>");
    }
}
