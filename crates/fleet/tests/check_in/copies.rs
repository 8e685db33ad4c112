//! One identifier in several devices.

use crate::world::{NOW, admin, but, honest, imei, mac, operator, worlds};
use domain::{
    authority::{FindingKind as Kind, FindingState},
    device::Trust,
    report::{Attributes, UpdateMode},
    suspicion::SignalKind,
    time::{DAY, Timestamp},
};
use fleet::{Actor, AuditFilter, Error, Fleet};

const TWIN: &str = "MB26B-TWIN01";

#[tokio::test]
async fn two_devices_that_report_one_identifier_are_one_finding() {
    for world in worlds().await {
        let (one, other) = (world.made("A", 1).await, world.made("B", 2).await);
        world.reports(&one, honest(1)).await;
        world.reports(&other, but(2, "hw.cpu", "4E1D000001")).await;
        let open = world.open().await;
        assert_eq!(open.len(), 1, "{}: {open:?}", world.name());
        assert_eq!((open[0].kind, open[0].batch.as_deref()), (Kind::IdentifierCopied, None));
        for serial in [one.name(), other.name()] {
            assert!(open[0].words.contains(serial), "{}: {}", world.name(), open[0].words);
        }
        assert!(world.told(&other).await.contains(&"clone_suspected"));
        // The part goes back to where it belongs. What was strong waits for a person: it could be washed away so.
        world.reports(&other, honest(2)).await;
        let open = world.open().await;
        assert_eq!(open.len(), 1, "{}: {open:?}", world.name());
        assert!(world.shown(&other).await.reasons[0].reason.is_past);
        world.fleet.resolve_finding(&operator(), open[0].id, "the bench").await.unwrap();
        assert_eq!(world.device(&other).await.trust, Trust::Trusted, "{}", world.name());
    }
}

#[tokio::test]
async fn a_part_that_another_manifest_lists_is_in_two_devices_until_the_other_reports_another() {
    for world in worlds().await {
        let (one, other) = (world.made("A", 1).await, world.made("A", 2).await);
        world.reports(&one, but(1, "hw.cpu", "4E1D000002")).await;
        assert_eq!(world.kinds().await, [Kind::IdentifierCopied], "{}", world.name());
        // The two were exchanged: each is in one device.
        world.reports(&other, but(2, "hw.cpu", "4E1D000001")).await;
        let third = world.made("A", 3).await;
        world.reports(&third, honest(3)).await;
        let shown = world.shown(&other).await;
        let kinds: Vec<SignalKind> =
            shown.reasons.iter().flat_map(|r| r.reason.signals.iter().map(domain::suspicion::Signal::kind)).collect();
        assert_eq!(kinds, [SignalKind::PartChanged], "{}", world.name());
    }
}

#[tokio::test]
async fn a_golden_image_of_five_hundred_is_one_finding() {
    for world in worlds().await {
        let devices = world.many(500).await;
        for (n, device) in devices.iter().enumerate() {
            world.reports(device, but(n, "hw.board", TWIN)).await;
            let open = world.open().await;
            assert_eq!(open.len(), 1, "{}: after {}: {open:?}", world.name(), n + 1);
            let expected = if n == 0 { Kind::HardwareMismatch } else { Kind::IdentifierCopied };
            assert_eq!(open[0].kind, expected);
        }
        let open = world.open().await;
        assert_eq!((open[0].batch.as_deref(), open[0].n, open[0].parts), (Some("A"), 500, 1), "{}", world.name());
        assert!(open[0].words.contains("500") && !open[0].words.contains("their own"), "{}", open[0].words);
        assert_eq!(world.fleet.findings_open(&operator()).await.unwrap(), 1);
        let shown = world.shown(&devices[499]).await;
        assert_eq!(shown.reasons.len(), 1);
        assert_eq!(shown.reasons[0].reason.signals[0].kind(), SignalKind::GoldenImage);
        // The first is told of there, and stays as it was.
        let told = world.fleet.finding(&operator(), open[0].id).await.unwrap();
        assert_eq!(told.parts.len(), 1);
        assert_eq!(told.parts[0].device_serial.as_deref(), Some("A-00000"), "{}", world.name());
        assert_eq!(told.parts[0].part_of.as_ref().map(|(id, _)| *id), Some(open[0].id));
        let first = world.shown(&devices[0]).await;
        assert_eq!(first.reasons[0].whole.as_ref().map(|whole| whole.id), Some(open[0].id));
        assert!(first.reasons[0].stands() && first.score >= 60, "{}: {}", world.name(), first.score);
        assert_eq!(world.device(&devices[0]).await.trust, Trust::Suspect);
        // By which rule, and by what was reported, is on the chain.
        let log = world.fleet.audit_log(&admin(), &AuditFilter::default(), 5).await.unwrap();
        let folded = log.iter().find(|entry| entry.record.action == "finding.fold").unwrap();
        assert!(folded.record.detail.contains("hardware_mismatch:A-00000:1"), "{}", folded.record.detail);
        // A factory's mistake cuts off no batch by itself.
        assert!(world.fleet.revocations(&operator(), None, 10).await.unwrap().rows.is_empty());
        // Settled together.
        world.fleet.resolve_finding(&operator(), open[0].id, "the image was mended").await.unwrap();
        assert!(world.open().await.is_empty());
        assert_eq!(world.device(&devices[0]).await.trust, Trust::Trusted, "{}", world.name());
        let told = world.fleet.finding(&operator(), told.parts[0].id).await.unwrap();
        assert_eq!(told.row.state, FindingState::Resolved);
        let states: Vec<FindingState> = told.changes.iter().map(|(_, state)| *state).collect();
        assert_eq!(states, [FindingState::Open, FindingState::Folded, FindingState::Resolved]);
        let trend = world.fleet.finding_trend(&operator(), 1).await.unwrap();
        assert_eq!((trend[0].1, trend[0].2), (2, 2), "{}: what was opened was settled", world.name());
    }
}

/// A report that gets through: while many write at once a device may be told to come again, and nothing was done then.
async fn told(fleet: &Fleet, device: &Actor, said: Attributes) {
    loop {
        match fleet.report(device, said.clone(), UpdateMode::Replace).await {
            Err(Error::Busy | Error::Contended) => {}
            done => return done.unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_whose_devices_report_all_at_once_is_one_finding() {
    for world in worlds().await {
        let devices = world.many(60).await;
        let reports = devices.iter().cloned().enumerate().map(|(n, device)| {
            let (fleet, said) = (world.fleet.clone(), Attributes::collect(but(n, "hw.board", TWIN)));
            tokio::spawn(async move { told(&fleet, &device, said).await })
        });
        for report in reports.collect::<Vec<_>>() {
            report.await.unwrap();
        }
        let open = world.open().await;
        assert_eq!(open.len(), 1, "{}: {open:?}", world.name());
        assert_eq!((open[0].kind, open[0].n, open[0].parts), (Kind::IdentifierCopied, 60, 1), "{}", world.name());
    }
}

#[tokio::test]
async fn an_image_that_is_cut_off_as_it_is_found_is_one_finding_as_well() {
    for world in worlds().await {
        let devices = world.many(40).await;
        for (n, device) in devices.iter().enumerate() {
            world.reports(device, but(n, "hw.cpu", "4E1DFFFFFF")).await;
            assert_eq!(world.open().await.len(), 1, "{}: after {}", world.name(), n + 1);
        }
        let open = world.open().await;
        assert_eq!((open[0].kind, open[0].n), (Kind::IdentifierCopied, 40), "{}: {open:?}", world.name());
        // What followed before it was known to be an image stays as it is.
        for (device, expected) in [(0, Trust::Quarantined), (1, Trust::Quarantined), (39, Trust::Suspect)] {
            assert_eq!(world.device(&devices[device]).await.trust, expected, "{}: {device}", world.name());
        }
    }
}

#[tokio::test]
async fn an_image_with_all_identifiers_of_one_device_is_one_finding() {
    for world in worlds().await {
        let devices = world.many(30).await;
        for device in &devices {
            world.reports(device, honest(0)).await;
        }
        let open = world.open().await;
        assert_eq!(open.len(), 1, "{}: {open:?}", world.name());
        assert_eq!((open[0].kind, open[0].parts), (Kind::IdentifierCopied, 3), "{}: {open:?}", world.name());
        let told = world.fleet.finding(&operator(), open[0].id).await.unwrap();
        assert!(told.parts.iter().all(|part| part.state == FindingState::Folded));
    }
}

#[tokio::test]
async fn two_identifiers_of_an_image_are_put_together_with_what_was_found_before() {
    for world in worlds().await {
        let devices = world.many(12).await;
        for (n, device) in devices.iter().enumerate() {
            let mut said = but(n, "hw.board", TWIN);
            said.retain(|(key, _)| *key != "hw.eth0.mac");
            said.push(("hw.eth0.mac", mac(9_999)));
            world.reports(device, said).await;
        }
        let open = world.open().await;
        assert_eq!(open.len(), 1, "{}: {open:?}", world.name());
        // The first device's, and one of each identifier as long as they were few.
        assert_eq!(open[0].parts, 3, "{}", world.name());
        world.fleet.resolve_finding(&operator(), open[0].id, "mended").await.unwrap();
        for device in &devices {
            assert_eq!(world.device(device).await.trust, Trust::Trusted, "{}: {}", world.name(), device.name());
        }
    }
}

#[tokio::test]
async fn what_an_image_does_not_explain_stays_and_what_comes_after_opens_again() {
    for world in worlds().await {
        let devices = world.many(6).await;
        let odd = |n: usize, board: &str| {
            let mut said = but(n, "hw.board", board);
            said.retain(|(key, _)| *key != "hw.lte0.imei");
            said.push(("hw.lte0.imei", imei(999)));
            said
        };
        world.reports(&devices[0], odd(0, TWIN)).await;
        for (n, device) in devices.iter().enumerate().skip(1) {
            world.reports(device, but(n, "hw.board", TWIN)).await;
        }
        let kinds = || async { world.kinds().await };
        assert_eq!(kinds().await, [Kind::HardwareMismatch, Kind::IdentifierCopied], "{}: a modem, too", world.name());
        // Only the board differs now: that is told of the image.
        world.reports(&devices[0], but(0, "hw.board", TWIN)).await;
        assert_eq!(kinds().await, [Kind::HardwareMismatch, Kind::IdentifierCopied], "{}: a modem did", world.name());
        let own = world.open().await.into_iter().find(|row| row.kind == Kind::HardwareMismatch).unwrap();
        world.fleet.resolve_finding(&operator(), own.id, "it was here").await.unwrap();
        assert_ne!(world.device(&devices[0]).await.trust, Trust::Trusted, "{}: the image speaks", world.name());
        // Another first device is told of there, and opens again by what it says later.
        let late = world.made("B", 7).await;
        world.reports(&late, but(7, "hw.board", "MB26B-OTHER")).await;
        let other = world.made("B", 8).await;
        world.reports(&other, but(8, "hw.board", "MB26B-OTHER")).await;
        let open = world.open().await;
        assert_eq!(open.len(), 2, "{}: {open:?}", world.name());
        world.reports(&late, but(7, "hw.board", "MB26B-THIRD")).await;
        let own: Vec<_> = world.open().await.into_iter().filter(|row| row.kind == Kind::HardwareMismatch).collect();
        assert_eq!(own.len(), 1, "{}", world.name());
        assert_eq!(own[0].device_serial.as_deref(), Some(late.name()));
        assert!(own[0].part_of.is_none() && own[0].n == 2, "{}: {own:?}", world.name());
        let trend = world.fleet.finding_trend(&operator(), 1).await.unwrap();
        assert_eq!(trend[0].1, 4, "{}: what stands by itself again was opened before", world.name());
        // It becomes part of another one: what the first counts is not counted there again.
        world.reports(&other, but(8, "hw.board", "MB26B-THIRD")).await;
        let open = world.open().await;
        let third = open.iter().find(|row| row.words.contains("MB26B-THIRD")).unwrap();
        assert_eq!((third.kind, third.parts, third.n), (Kind::IdentifierCopied, 1, 2), "{}: {third:?}", world.name());
    }
}

#[tokio::test]
async fn what_is_part_of_another_is_not_settled_by_itself() {
    for world in worlds().await {
        let (one, other) = (world.made("A", 1).await, world.made("A", 2).await);
        world.reports(&one, but(1, "hw.board", TWIN)).await;
        world.reports(&other, but(2, "hw.board", TWIN)).await;
        let open = world.open().await;
        assert_eq!((open.len(), open[0].n, open[0].parts), (1, 2, 1), "{}: two are enough", world.name());
        let part = world.fleet.finding(&operator(), open[0].id).await.unwrap().parts.remove(0);
        let refused = world.fleet.resolve_finding(&operator(), part.id, "no").await.unwrap_err();
        assert!(refused.to_string().contains("part of another one"), "{}: {refused}", world.name());
        // Both report what they should: nothing is washed away, neither the image nor what it told of the first.
        world.reports(&one, honest(1)).await;
        world.reports(&other, honest(2)).await;
        assert_eq!(world.open().await.len(), 1, "{}", world.name());
        for device in [&one, &other] {
            assert_eq!(world.device(device).await.trust, Trust::Suspect, "{}", world.name());
        }
        // Both at once are one deed.
        let n = world.fleet.resolve_findings(&operator(), &[open[0].id, part.id], "the bench").await.unwrap();
        assert_eq!((n, world.open().await.len()), (1, 0), "{}", world.name());
        for device in [&one, &other] {
            assert_eq!(world.device(device).await.trust, Trust::Trusted, "{}", world.name());
        }
    }
}

#[tokio::test]
async fn what_has_parts_becomes_part_of_another_with_all_of_them() {
    for world in worlds().await {
        let (one, other) = (world.made("A", 1).await, world.made("A", 2).await);
        world.reports(&one, but(1, "hw.board", TWIN)).await;
        world.reports(&other, but(2, "hw.board", TWIN)).await;
        let elsewhere = world.made("B", 3).await;
        world.reports(&elsewhere, but(3, "hw.board", TWIN)).await;
        assert_eq!(world.kinds().await, [Kind::IdentifierCopied; 2], "{}", world.name());
        // It is in several batches for the second device as well now, and what its batch's finding told goes along.
        world.reports(&other, but(2, "hw.board", TWIN).into_iter().filter(|(key, _)| *key != "hw.cpu").collect()).await;
        let open = world.open().await;
        let copied: Vec<_> = open.iter().filter(|row| row.kind == Kind::IdentifierCopied).collect();
        assert_eq!((copied.len(), copied[0].parts), (1, 2), "{}: {open:?}", world.name());
        let own = world.shown(&one).await;
        assert_eq!(own.reasons[0].whole.as_ref().map(|whole| whole.id), Some(copied[0].id), "{}", world.name());
        let all: Vec<_> = open.iter().map(|row| row.id).collect();
        world.fleet.resolve_findings(&operator(), &all, "the bench").await.unwrap();
        for device in [&one, &other, &elsewhere] {
            assert_eq!(world.device(device).await.trust, Trust::Trusted, "{}: {}", world.name(), device.name());
        }
    }
}

#[tokio::test]
async fn what_has_a_part_that_is_not_explained_stays_with_it() {
    for world in worlds().await {
        let (one, other) = (world.made("A", 1).await, world.made("A", 2).await);
        world.reports(&one, but(1, "hw.board", TWIN)).await;
        world.reports(&other, but(2, "hw.board", TWIN)).await;
        let whole = world.open().await.remove(0);
        // Of another thing, as an earlier version could have put it there.
        let stray = world.made("A", 4).await;
        world.reports(&stray, but(4, "hw.cpu", "4E1D999999")).await;
        let part = store::finding::list(&world.fixture.db, None, 10).await.unwrap();
        let part = part.into_iter().find(|finding| finding.cause == "hardware_mismatch:A-00004:1").unwrap();
        let mut tx = world.fixture.db.begin().await.unwrap();
        let cause = "identifier_copied:A:sn:board:MB26B-TWIN01";
        assert!(store::finding::fold(&mut tx, &part, cause, NOW).await.unwrap(), "{}", world.name());
        tx.commit().await.unwrap();
        let elsewhere = world.made("B", 3).await;
        world.reports(&elsewhere, but(3, "hw.board", TWIN)).await;
        world.reports(&other, but(2, "hw.board", TWIN).into_iter().filter(|(key, _)| *key != "hw.cpu").collect()).await;
        let told = world.fleet.finding(&operator(), whole.id).await.unwrap();
        assert_eq!((told.row.state, told.row.parts), (FindingState::Open, 2), "{}: {told:?}", world.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_batches_that_report_at_once_leave_nothing_behind() {
    for world in worlds().await {
        let mut devices = Vec::new();
        for n in 0..24 {
            devices.push(world.made(if n % 2 == 0 { "A" } else { "B" }, n).await);
        }
        for round in 0..3 {
            let reports = devices.iter().cloned().enumerate().map(|(n, device)| {
                // Pairs have one board: some of one batch, some of both.
                let board = format!("MB26B-TWIN{:02}", (n + round) / (2 + round));
                let (fleet, said) = (world.fleet.clone(), Attributes::collect(but(n, "hw.board", &board)));
                tokio::spawn(async move { told(&fleet, &device, said).await })
            });
            for report in reports.collect::<Vec<_>>() {
                report.await.unwrap();
            }
            let all = store::finding::list(&world.fixture.db, None, 500).await.unwrap();
            for part in all.iter().filter(|finding| finding.state == FindingState::Folded) {
                let whole = all.iter().find(|whole| part.part_of.as_ref() == Some(&whole.cause)).unwrap();
                assert_eq!(whole.state, FindingState::Open, "{}: {part:?} is hidden in {whole:?}", world.name());
            }
        }
    }
}

#[tokio::test]
async fn of_a_finding_that_came_and_went_the_last_changes_are_told() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        world.reports(&device, but(1, "hw.board", TWIN)).await;
        let row = world.open().await.remove(0);
        let found = store::finding::by_id(&world.fixture.db, row.id).await.unwrap().unwrap();
        let at = |n: i64| Timestamp(found.last_at.0 + n);
        for n in 1..=60 {
            let mut tx = world.fixture.db.begin().await.unwrap();
            store::finding::resolve(&mut tx, &found.cause, at(2 * n)).await.unwrap();
            let again = store::finding::Finding { last_at: at(2 * n + 1), ..found.clone() };
            store::finding::note(&mut tx, &again).await.unwrap();
            tx.commit().await.unwrap();
        }
        let changes = world.fleet.finding(&operator(), row.id).await.unwrap().changes;
        assert_eq!((changes.len(), changes[0].0), (100, at(22)), "{}", world.name());
        assert_eq!(changes[99], (at(121), FindingState::Open), "{}", world.name());
    }
}

#[tokio::test]
async fn findings_are_counted_by_the_day_they_were_opened_and_settled() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        world.reports(&device, but(1, "hw.board", TWIN)).await;
        world.wait(2 * DAY);
        let open = world.open().await;
        world.fleet.resolve_finding(&operator(), open[0].id, "seen").await.unwrap();
        let trend = world.fleet.finding_trend(&operator(), 4).await.unwrap();
        let days: Vec<(i64, i64)> = trend.iter().map(|(_, opened, settled)| (*opened, *settled)).collect();
        assert_eq!(days, [(0, 0), (1, 0), (0, 0), (0, 1)], "{}", world.name());
        assert_eq!(trend[3].0, Timestamp(NOW.plus(2 * DAY).0 / DAY * DAY), "the day began at midnight");
    }
}
