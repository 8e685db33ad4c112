//! Certificates that were issued before their devices were delivered, and what has no other half.

use crate::world::{RULE, World, operator, request, station, worlds};
use domain::{
    authority::FindingKind, certificate::CertificateStatus, device::Trust, history::Event, import::ImportState,
};
use fleet::{
    enrol::Backdated,
    import::{Import, ImportRequest},
};
use futures::stream;
use std::time::Duration;

const HEADER: &str = "serial,model,hardware_revision,batch,factory,made_at,firmware,cpu\n";

fn row(n: usize, batch: &str) -> String {
    format!("GW-{n},GW-200,C,{batch},brno,2026-10-01T08:00:00Z,1.4.2,NXP|i.MX8M|CPU{n}\n")
}

async fn delivered(world: &World, rows: &str, skip_bad_rows: bool) -> Import {
    let bytes: Vec<Result<Vec<u8>, std::io::Error>> = vec![Ok(format!("{HEADER}{rows}").into_bytes())];
    let request = ImportRequest { skip_bad_rows, ..ImportRequest::new("m.csv") };
    let id = world.fleet.start_import(&RULE, &request, stream::iter(bytes)).await.unwrap();
    for _ in 0..1_500 {
        let import = world.fleet.import(&RULE, id).await.unwrap();
        if import.state.is_final() {
            return import;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the import does not end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_finds_the_device_that_comes_after_it() {
    for world in worlds().await {
        let fleet = &world.fleet;
        for n in 1..=4 {
            let serial = format!("GW-{n}");
            fleet.enrol(&station(1), "B", &request(&serial).1, &serial).await.unwrap();
        }
        world.mark("GW-2", CertificateStatus::Held).await;
        let before = fleet.reconcile(&operator(), "B").await.unwrap();
        assert_eq!((before.issued, before.delivered, before.undelivered, before.findings), (4, 0, 4, 4));
        let rows: String = [row(1, "B"), row(2, "B"), row(3, "A"), row(5, "B")].concat();
        let import = delivered(&world, &rows, false).await;
        assert_eq!((import.state, import.added), (ImportState::Done, 4), "{} {}", world.name(), import.message);
        let kept = store::certificate::of_device(fleet.db(), "GW-1").await.unwrap().remove(0);
        let device = world.known("GW-1").await;
        assert_eq!(kept.device_id, Some(device.id));
        assert_eq!(device.certificate_serial.as_deref(), Some(kept.serial.as_str()));
        let record = fleet.device_record(&operator(), "GW-1").await.unwrap();
        let last = record.history.last().unwrap();
        assert!(matches!(last.event, Event::CertificateIssued { .. }));
        assert_eq!((last.at, last.actor.as_str()), (kept.issued_at, "Line 1"));
        assert_eq!(world.known("GW-2").await.trust, Trust::Quarantined, "it was held before it came");
        // In another batch than the one whose CA signed: not linked, but found.
        assert_eq!(world.known("GW-3").await.certificate_serial, None);
        let findings = world.findings().await;
        assert!(
            findings.iter().any(|f| f.kind == FindingKind::ForeignBatch && f.device_serial.as_deref() == Some("GW-3"))
        );
        let open: Vec<_> = findings.iter().filter(|f| f.kind == FindingKind::UndeliveredCertificate).collect();
        assert_eq!(open.len(), 1, "{open:?}");
        assert_eq!(open[0].device_serial.as_deref(), Some("GW-4"));
        let after = fleet.reconcile(&operator(), "B").await.unwrap();
        assert_eq!((after.issued, after.delivered, after.undelivered), (4, 3, 2));
        assert_eq!(after.without_certificate, ["GW-5"]);
        fleet.set_device_token(&operator(), "GW-5").await.unwrap();
        assert!(fleet.reconcile(&operator(), "B").await.unwrap().without_certificate.is_empty(), "it has a token");
        let left = world.findings().await;
        assert!(left.iter().all(|f| f.kind != FindingKind::DeviceWithoutCertificate), "{left:?}");
        fleet.remove_device_token(&operator(), "GW-5").await.unwrap();
        assert_eq!(fleet.reconcile(&operator(), "B").await.unwrap().without_certificate, ["GW-5"]);
        fleet.enrol(&station(1), "B", &request("GW-5").1, "GW-5").await.unwrap();
        fleet.reconcile(&operator(), "B").await.unwrap();
        let left = world.findings().await;
        assert!(left.iter().all(|f| f.kind != FindingKind::DeviceWithoutCertificate), "{left:?}");
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_beyond_the_quota_are_found_also_when_the_file_is_refused() {
    for world in worlds().await {
        let rows: String = (1..=7).map(|n| row(n, "A")).collect();
        let refused = delivered(&world, &rows, false).await;
        assert_ne!(refused.state, ImportState::Done);
        let found = world.findings().await;
        assert_eq!((found.len(), found[0].kind), (1, FindingKind::OverproducedDevice), "{}", world.name());
        assert!(found[0].words.contains("2 more devices"), "{}", found[0].words);
        assert_eq!(found[0].batch.as_deref(), Some("A"));
        let taken = delivered(&world, &rows, true).await;
        assert_eq!((taken.state, taken.added), (ImportState::Done, 5));
        assert_eq!(world.findings().await[0].n, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backdated_certificates_are_for_rules_and_find_their_devices() {
    for world in worlds().await {
        let (key, _) = request("GW-1");
        let issued_at = crate::world::NOW.plus(-20 * domain::time::DAY);
        let wanted = Backdated {
            device_serial: "GW-1".into(),
            public_key: pki::Signer::public_key(&key).to_vec(),
            issued_at,
            days: 730,
        };
        let refused = world.fleet.issue_backdated(&operator(), "B", vec![wanted.clone()]).await;
        assert!(refused.is_err());
        let rows = world.fleet.issue_backdated(&RULE, "B", vec![wanted.clone()]).await.unwrap();
        assert_eq!((rows.len(), rows[0].issued_at, rows[0].device_id), (1, issued_at, None));
        assert!(world.fleet.issue_backdated(&RULE, "B", vec![wanted]).await.is_err(), "its serial is taken");
        let device = world.device("GW-1", 11).await;
        let kept = store::certificate::of_device(world.fleet.db(), "GW-1").await.unwrap();
        assert_eq!(kept[0].device_id, Some(device.id));
    }
}
