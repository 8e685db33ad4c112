//! Factory manifests that are right.

use crate::world::{HEADER, OPERATOR, finished, is_done, manifest, row, support, worlds};
use domain::{
    custody::CustodianKind,
    device::{Lifecycle, Trust},
    factory_manifest::{template_csv, template_jsonl},
    history::Event,
    import::{ImportFormat, ImportState},
    person::Permission,
};
use fleet::{Actor, AuditFilter, Error, custody::CustodyForm, import::ImportRequest};
use futures::stream;

#[tokio::test]
async fn a_manifest_becomes_devices_with_parts_and_history() {
    for world in worlds().await {
        let import = world.import("line 3/october.csv", template_csv()).await;
        is_done(&import, 2, 0, 0);
        assert_eq!((import.file_name.as_str(), import.format), ("october.csv", ImportFormat::Csv));
        assert_eq!(
            import.message,
            "2 devices added to batch “2025-11-A”. New: factory “brno”, model “GW-200”, batch “2025-11-A”."
        );
        let record = world.fleet.device_record(&OPERATOR, "GW2C-2511-04217").await.unwrap();
        let device = &record.device;
        assert_eq!(
            (device.lifecycle, device.trust, device.channel.as_str()),
            (Lifecycle::Made, Trust::Trusted, "production")
        );
        assert_eq!(device.firmware.as_deref(), Some("1.4.2"));
        let factory = record.catalogue.custodian(device.factory_id).unwrap();
        assert_eq!((factory.name.as_str(), factory.kind), ("Brno Works", CustodianKind::Factory));
        assert_eq!(device.custodian_id, factory.id);
        assert_eq!((record.components.len(), record.manifests.len(), record.history.len()), (7, 1, 2));
        assert_eq!(record.manifests[0].hash, device.manifest_hash);
        assert!(matches!(&record.history[0].event, Event::Manufactured { batch, .. } if batch == "2025-11-A"));
        assert!(matches!(&record.history[1].event, Event::ManifestRecorded { fitted, .. } if fitted.len() == 7));
        assert_eq!(record.history[0].actor, OPERATOR.name());
        assert_eq!(record.catalogue.batches[0].quota, Some(5000));
        assert_eq!(world.left_over().await, 0, "{}", world.name());

        let again = world.import("october.csv", template_csv()).await;
        is_done(&again, 0, 2, 0);
        assert_eq!(again.message, "Nothing new: 2 devices were there already.");
        assert_eq!(world.fleet.device_record(&OPERATOR, "GW2C-2511-04217").await.unwrap().history, record.history);
        assert!(world.fleet.audit_verify(&OPERATOR).await.unwrap().break_at.is_none());
        let audited = world.fleet.audit_log(&OPERATOR, &AuditFilter::default(), 50).await.unwrap();
        let actions: Vec<&str> = audited.iter().rev().map(|entry| entry.record.action.as_str()).collect();
        assert_eq!(actions[..3], ["import.start", "import.apply", "import.done"]);
        assert!(audited[audited.len() - 2].record.detail.contains("brno"));
    }
}

#[tokio::test]
async fn json_lines_and_utf_16_say_the_same() {
    for world in worlds().await {
        is_done(&world.import("a.jsonl", template_jsonl()).await, 2, 0, 0);
        let utf16: Vec<u8> = template_csv().encode_utf16().flat_map(u16::to_le_bytes).collect();
        let import = world.import("a.csv", &utf16).await;
        is_done(&import, 1, 1, 0);
        let with_mark = format!("\u{feff}{}", template_csv());
        is_done(&world.import("unknown", with_mark).await, 0, 2, 0);
        assert_eq!(world.total().await, 3);
    }
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    for world in worlds().await {
        let request = ImportRequest { dry_run: true, ..ImportRequest::new("a.csv") };
        let import = world.send(&request, manifest(0..1_500).as_bytes()).await.unwrap();
        is_done(&import, 1_500, 0, 0);
        assert!(import.message.starts_with("Checked only, nothing was changed. 1,500 devices would be added."));
        assert_eq!((world.total().await, import.rows_applied), (0, 0));
        assert!(world.fleet.catalogue(&OPERATOR).await.unwrap().models.is_empty());
    }
}

#[tokio::test]
async fn foreign_columns_are_named() {
    for world in worlds().await {
        let text = format!("x_operator,{HEADER}=cmd,{}", row(1));
        let import = world.import("a.csv", text).await;
        is_done(&import, 1, 0, 0);
        assert_eq!((import.left_out, world.problems(&import).await[0].column.as_str()), (1, "x_operator"));
        let csv = world.fleet.import_problems_csv(&OPERATOR, import.id).await.unwrap();
        assert!(csv.starts_with("line,column,severity,code,message\r\n1,x_operator,left,foreign_column,"), "{csv}");
    }
}

#[tokio::test]
async fn custody_is_recorded_while_an_import_runs() {
    for world in worlds().await {
        is_done(&world.import("a.csv", manifest(0..10)).await, 10, 0, 0);
        let text = manifest(10..8_010);
        let pieces = [Ok::<_, std::io::Error>(text.into_bytes())];
        let id = world.fleet.start_import(&OPERATOR, &ImportRequest::new("b.csv"), stream::iter(pieces)).await.unwrap();
        let mut recorded = 0;
        while !world.fleet.import(&OPERATOR, id).await.unwrap().state.is_final() {
            let reference = format!("DN {recorded}");
            let (verb, custodian) = ("receive".into(), "brno".into());
            let form = CustodyForm { verb, custodian, reference, ..CustodyForm::default() };
            world.fleet.record_custody(&support(), "GW-000003", &form).await.unwrap();
            recorded += 1;
        }
        is_done(&finished(&world.fleet, id).await, 8_000, 0, 0);
        assert!(recorded > 0);
        let history = world.fleet.device_record(&OPERATOR, "GW-000003").await.unwrap().history;
        assert_eq!(history.len(), 2 + recorded);
        assert_eq!(world.total().await, 8_010, "{}", world.name());
    }
}

#[tokio::test]
async fn only_who_may_imports_and_it_can_be_cancelled_while_it_waits() {
    for world in worlds().await {
        let bytes = || stream::iter([Ok::<_, std::io::Error>(template_csv().as_bytes().to_vec())]);
        let refused = world.fleet.start_import(&support(), &ImportRequest::new("a.csv"), bytes()).await;
        assert!(matches!(refused, Err(Error::Forbidden { permission: Permission::ImportRun })));
        let denied = AuditFilter { outcome: "denied".into(), ..AuditFilter::default() };
        assert_eq!(world.fleet.audit_log(&OPERATOR, &denied, 10).await.unwrap().len(), 1);

        let id = world.fleet.start_import(&OPERATOR, &ImportRequest::new("a.csv"), bytes()).await.unwrap();
        // Nothing ran yet: the worker is a task of this thread's runtime.
        match world.fleet.cancel_import(&OPERATOR, id).await {
            Ok(()) => {
                let import = world.fleet.import(&OPERATOR, id).await.unwrap();
                assert_eq!((import.state, world.total().await), (ImportState::Cancelled, 0));
                assert_eq!(import.message, format!("Cancelled by {}. Nothing was changed.", OPERATOR.name()));
            }
            Err(error) => assert!(matches!(error, Error::Conflict(_))),
        }
        finished(&world.fleet, id).await;
        assert!(matches!(world.fleet.cancel_import(&OPERATOR, id).await, Err(Error::Conflict(_))));
        let nobody = Actor::Nobody { origin: fleet::Origin::default() };
        assert!(matches!(world.fleet.imports(&nobody, None, 10).await, Err(Error::NotSignedIn)));
        assert_eq!(world.fleet.imports(&OPERATOR, None, 10).await.unwrap().len(), 1);
        assert!(world.fleet.imports(&OPERATOR, Some(id), 10).await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_can_be_cancelled_while_it_is_checked() {
    for world in worlds().await {
        let pieces = stream::iter([Ok::<_, std::io::Error>(manifest(0..60_000).into_bytes())]);
        let id = world.fleet.start_import(&OPERATOR, &ImportRequest::new("a.csv"), pieces).await.unwrap();
        while world.fleet.import(&OPERATOR, id).await.unwrap().state == ImportState::Received {
            tokio::task::yield_now().await;
        }
        world.fleet.cancel_import(&OPERATOR, id).await.unwrap();
        // The next one waits for the worker, who must have let go of the cancelled one.
        is_done(&world.import("b.csv", template_csv()).await, 2, 0, 0);
        assert_eq!(finished(&world.fleet, id).await.state, ImportState::Cancelled);
        assert_eq!((world.total().await, world.left_over().await), (2, 0), "{}", world.name());
    }
}
