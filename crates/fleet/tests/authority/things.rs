//! Settings, kits, stations, servers, tokens of devices, lists and the overview of ends.

use crate::world::{NOW, RULE, admin, conflict, manager, operator, request, request_pem, station, worlds};
use domain::{
    approval::ApprovalState,
    authority::{AuthorityKind, FindingKind},
    certificate::{CertificatePurpose, CertificateStanding, CertificateStatus, RevocationReason},
    device::Trust,
    history::Event,
    revocation::RevocationAct,
    time::DAY,
};
use fleet::{
    Error,
    authority::AuthorityForm,
    certificate::CertificateFilter,
    custody::CustodyForm,
    enrol::{CodeSigningForm, StationForm},
    finding::FindingFilter,
    revocation::{Outcome, RevokeForm, Selection},
    setting::Settings,
};
use pki::{KeyAlgorithm, SoftwareKey};
use store::audit::AuditFilter;

#[tokio::test(flavor = "multi_thread")]
async fn settings_hold_for_what_is_issued_from_then_on() {
    for world in worlds().await {
        let fleet = &world.fleet;
        assert_eq!(fleet.settings(&operator()).await.unwrap(), Settings::default());
        let chosen = Settings {
            pki_url: "http://pki.example".into(),
            gateway_url: "https://gateway.example:8443/".into(),
            device_days: 100,
            ..Settings::default()
        };
        let saved = fleet.save_settings(&admin(), &chosen).await.unwrap();
        assert_eq!(saved.gateway_url, "https://gateway.example:8443");
        assert_eq!(fleet.settings(&operator()).await.unwrap(), saved);
        let enrolled = fleet.enrol(&station(1), "A", &request("GW-1").1, "GW-1").await.unwrap();
        assert_eq!(enrolled.certificate.not_after(), NOW.plus(100 * DAY));
        let said: String = enrolled.certificate.extensions().iter().map(|e| e.words.clone()).collect();
        for address in ["http://pki.example/crl/batch-ca-a.crl", "http://pki.example/ocsp/batch-ca-a"] {
            assert!(said.contains(address), "{said}");
        }
        let wrong = Settings { domain: "not a name".into(), revocation_limit: 0, ..chosen };
        let Err(Error::Invalid { fields }) = fleet.save_settings(&admin(), &wrong).await else { panic!("taken") };
        assert_eq!(fields.len(), 2);
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kit_has_all_that_a_device_needs_and_its_key_is_nowhere_else() {
    for world in worlds().await {
        let fleet = &world.fleet;
        world.device("GW-1", 10).await;
        let kit = fleet.kit(&operator(), "GW-1").await.unwrap();
        let files = kit.files();
        let text =
            |name: &str| String::from_utf8(files.iter().find(|f| f.name == name).unwrap().content.clone()).unwrap();
        let key = SoftwareKey::from_pkcs8_pem(&text("device.key")).unwrap();
        let chain = pki::Certificate::chain_from_pem(&text("device.pem")).unwrap();
        assert_eq!(chain.len(), 3);
        assert_eq!(chain[0].public_key(), pki::Signer::public_key(&key));
        assert_eq!(pki::Certificate::chain_from_pem(&text("ca.pem")).unwrap()[0].der(), world.root.certificate().der());
        for name in [
            "swupdate.cfg",
            "apt-muster.conf",
            "muster.sources",
            "ostree-remote.conf",
            "curl.conf",
            "renew.sh",
            "README.txt",
        ] {
            assert!(text(name).contains("/etc/muster"), "{name}");
        }
        assert!(files.iter().all(|file| file.secret == (file.name == "device.key")));
        assert!(text("README.txt").contains("is not set yet"), "the gateway's address");
        conflict(fleet.kit(&operator(), "GW-1").await, "valid certificate for another key");
        let born = fleet.est_kit(&operator(), "GW-1").await.unwrap();
        assert!(born.key_pem.is_none() && born.certificate.is_none());
        let names: Vec<String> = born.files().into_iter().map(|file| file.name).collect();
        assert!(names.contains(&"enrol.sh".to_owned()) && !names.contains(&"device.key".to_owned()));
        assert!(matches!(fleet.kit(&operator(), "GW-9").await, Err(Error::NotFound { .. })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stations_are_short_lived_and_known_by_their_certificate() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let form = |csr: String| StationForm { factory: "brno".into(), name: "Line 4".into(), csr };
        let new = fleet.station(&operator(), &form(String::new())).await.unwrap();
        assert_eq!(new.certificate.not_after(), NOW.plus(30 * DAY));
        assert_eq!(new.files().len(), 4);
        let operations = fleet.authorities(&operator()).await.unwrap()[1].authority.clone();
        let (serial, fingerprint) = (new.certificate.serial_hex(), new.certificate.fingerprint());
        let peer = fleet.identify(operations.id, &serial, &fingerprint).await.unwrap().unwrap();
        let actor = peer.actor(fleet::Origin::default()).unwrap();
        assert_eq!((actor.kind(), actor.name()), ("station", "Line 4"));
        fleet.enrol(&actor, "A", &request("GW-1").1, "GW-1").await.unwrap();
        conflict(fleet.station(&actor, &form(String::new())).await, "Ask an operator");
        let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let own = fleet.station(&operator(), &form(request_pem(&key, "anything"))).await.unwrap();
        assert!(own.key_pem.is_none());
        let other = StationForm { name: "Line 5".into(), ..form(request_pem(&key, "x")) };
        conflict(fleet.station(&operator(), &other).await, "another device or station");
        conflict(fleet.station(&operator(), &form("nonsense".into())).await, "can't be taken");
        conflict(
            fleet.station(&operator(), &StationForm { factory: "nowhere".into(), ..form(String::new()) }).await,
            "No factory “nowhere” is known: import its manifest",
        );
        let rows = fleet.stations(&operator(), Some("brno")).await.unwrap();
        assert_eq!((rows.len(), rows[0].factory.as_str(), rows[0].status), (2, "brno", CertificateStanding::Valid));
        assert_eq!(fleet.stations(&operator(), Some("graz")).await.unwrap().len(), 0);
        // Soon is the last third of so short a life, in the list as beside each.
        let of = async |standing| {
            let purpose = Some(CertificatePurpose::Station);
            let filter = CertificateFilter { standing: Some(standing), purpose, ..Default::default() };
            let rows = fleet.certificates(&operator(), &filter).await.unwrap().rows;
            assert!(rows.iter().all(|row| row.status == standing), "{rows:?}");
            rows.len()
        };
        assert_eq!((of(CertificateStanding::Valid).await, of(CertificateStanding::Expiring).await), (2, 0));
        world.wait(21 * DAY);
        assert_eq!((of(CertificateStanding::Valid).await, of(CertificateStanding::Expiring).await), (0, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_name_a_factorys_authority_as_it_is_named() {
    const OPERATIONS: &str = include_str!("../../../../docs/OPERATIONS.md");
    for world in worlds().await {
        let all = world.fleet.authorities(&operator()).await.unwrap();
        let factory = all.iter().find(|row| row.authority.kind == AuthorityKind::Factory).unwrap();
        for act in ["pem", "deliver"] {
            let line = format!("muster authority {act} {} ", factory.authority.slug);
            assert!(OPERATIONS.contains(&line), "{line}");
        }
        let unknown = |code: &str| AuthorityForm { kind: "factory".into(), factory: code.into(), ..Default::default() };
        conflict(
            world.fleet.request_authority(&operator(), &unknown("nowhere")).await,
            "No factory “nowhere” is known",
        );
        conflict(world.fleet.request_authority(&operator(), &unknown("")).await, "Choose a factory.");
        let batch = AuthorityForm { kind: "batch".into(), batch: "NOPE".into(), ..Default::default() };
        conflict(world.fleet.request_authority(&operator(), &batch).await, "No batch “NOPE” is known");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_servers_certificate_is_kept_until_it_is_due() {
    for world in worlds().await {
        let names = ["console.example".to_owned()];
        let ips = ["192.0.2.1".parse().unwrap()];
        let get = async || world.fleet.server_certificate(&RULE, &names, &ips).await.unwrap();
        let (chain, key) = get().await;
        assert_eq!(chain.len(), 2);
        assert_eq!(chain[0].dns_names(), names);
        assert_eq!(pki::Signer::public_key(&SoftwareKey::from_pkcs8_pem(&key).unwrap()), chain[0].public_key());
        assert_eq!(get().await.0[0].der(), chain[0].der());
        world.wait(61 * DAY);
        assert_ne!(get().await.0[0].der(), chain[0].der(), "30 days before its end it is due");
        assert!(world.fleet.server_certificate(&admin(), &names, &ips).await.is_err());
        let other = ["gateway.example".to_owned()];
        let (other, _) = world.fleet.server_certificate(&RULE, &other, &[]).await.unwrap();
        assert_eq!(other[0].dns_names(), ["gateway.example"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_devices_token_is_the_weaker_trust() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let gw = world.device("GW-1", 10).await;
        let token = fleet.set_device_token(&operator(), "GW-1").await.unwrap();
        let actor = fleet.device_by_token(&token, "192.0.2.1").await.unwrap().unwrap();
        assert_eq!((actor.kind(), actor.name()), ("device", "GW-1"));
        let newer = fleet.set_device_token(&operator(), "GW-1").await.unwrap();
        assert_eq!(fleet.device_by_token(&token, "192.0.2.1").await.unwrap(), None, "the old one works no more");
        assert!(fleet.device_by_token(&newer, "192.0.2.1").await.unwrap().is_some());
        assert_eq!(fleet.device_token(&operator(), gw.id).await.unwrap().unwrap().made_at, NOW);
        conflict(fleet.set_device_token(&station(1), "GW-1").await, "given by people");
        // It changes hands; the device gets its next token, which counts from its first use on, and only then.
        let form = CustodyForm { verb: "receive".into(), custodian: "graz".into(), ..CustodyForm::default() };
        fleet.record_custody(&operator(), "GW-1", &form).await.unwrap();
        let of_gw = async || fleet.device_token(&operator(), gw.id).await.unwrap().unwrap();
        assert_eq!(of_gw().await.due_at, Some(NOW));
        conflict(fleet.rotate_device_token(&station(1)).await, "Only a device");
        let lost = fleet.rotate_device_token(&actor).await.unwrap();
        let newest = fleet.rotate_device_token(&actor).await.unwrap();
        assert_eq!(fleet.device_by_token(&lost, "192.0.2.1").await.unwrap(), None, "an answer that was lost");
        assert!(fleet.device_by_token(&newer, "192.0.2.1").await.unwrap().is_some(), "the next was not used yet");
        assert!(fleet.device_by_token(&newest, "192.0.2.1").await.unwrap().is_some());
        assert_eq!(fleet.device_by_token(&newer, "192.0.2.1").await.unwrap(), None, "the next was used");
        assert!(fleet.device_by_token(&newest, "192.0.2.1").await.unwrap().is_some());
        assert_eq!(of_gw().await.due_at, None);
        let newer = newest;
        // Cut off means cut off, by whatever it shows.
        let held = Event::Quarantined { reason: "test".into() };
        fleet.device_did(&RULE, "GW-1", held).await.unwrap();
        assert_eq!(world.known("GW-1").await.trust, Trust::Quarantined);
        assert_eq!(fleet.device_by_token(&newer, "192.0.2.1").await.unwrap(), None);
        conflict(fleet.set_device_token(&operator(), "GW-1").await, "cut off");
        fleet.remove_device_token(&operator(), "GW-1").await.unwrap();
        conflict(fleet.remove_device_token(&operator(), "GW-1").await, "no token");
        let mut wrong = 0;
        while let Ok(found) = fleet.device_by_token("musterd_wrong", "198.51.100.7").await {
            assert_eq!(found, None);
            wrong += 1;
            assert!(wrong < 100, "wrong tokens are not limited");
        }
        assert!(fleet.device_by_token("musterd_wrong", "192.0.2.99").await.is_ok(), "others may go on");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_go_page_by_page_and_ends_are_counted() {
    for world in worlds().await {
        let fleet = &world.fleet;
        for n in 0..5 {
            let serial = format!("GW-{n}");
            fleet.enrol(&station(1), "A", &request(&serial).1, &serial).await.unwrap();
        }
        let filter = CertificateFilter {
            authority: Some("batch-ca-a".into()),
            purpose: Some(CertificatePurpose::Device),
            limit: 2,
            ..CertificateFilter::default()
        };
        for filter in [filter.clone(), CertificateFilter { expires_within_days: Some(800), ..filter.clone() }] {
            let (mut seen, mut cursor) = (Vec::new(), None);
            loop {
                let asked = CertificateFilter { cursor: cursor.clone(), ..filter.clone() };
                let page = fleet.certificates(&operator(), &asked).await.unwrap();
                assert_eq!(page.total, 5);
                seen.extend(page.rows.into_iter().map(|row| row.name));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            seen.sort();
            assert_eq!(seen, ["GW-0", "GW-1", "GW-2", "GW-3", "GW-4"], "{}", world.name());
        }
        let none = CertificateFilter { expires_within_days: Some(10), ..filter.clone() };
        assert_eq!(fleet.certificates(&operator(), &none).await.unwrap().total, 0);
        world.mark("GW-4", CertificateStatus::Revoked).await;
        let revoked = CertificateFilter { standing: Some(CertificateStanding::Revoked), ..filter.clone() };
        assert_eq!(fleet.certificates(&operator(), &revoked).await.unwrap().rows[0].name, "GW-4");
        let count = async |word: &str| {
            let expiry = fleet.expiry(&operator(), None).await.unwrap();
            expiry.buckets.iter().find(|bucket| bucket.word == word).unwrap().count
        };
        assert_eq!((count("7d").await, count("later").await), (0, 8), "four devices, four authorities");
        world.wait(724 * DAY);
        assert_eq!((count("7d").await, count("later").await), (4, 4));
        world.wait(7 * DAY);
        assert_eq!(count("expired").await, 4);
        let ended = CertificateFilter { expires_after_days: Some(-90), expires_within_days: Some(0), ..filter.clone() };
        assert_eq!(fleet.certificates(&operator(), &ended).await.unwrap().total, 4, "the list behind the number");
        let wrong = CertificateFilter { cursor: Some("x".into()), ..filter };
        assert!(matches!(fleet.certificates(&operator(), &wrong).await, Err(Error::Invalid { .. })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_signs_code_once_a_second_person_said_so() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let form = |csr: String| CodeSigningForm { name: "Builds".into(), csr, days: Some(90) };
        conflict(fleet.request_code_signing(&operator(), &form(String::new())).await, "stays where it was made");
        conflict(fleet.request_code_signing(&operator(), &form("nonsense".into())).await, "can't be taken");
        let wanted = form(request_pem(&key, "anything"));
        let approval = fleet.request_code_signing(&operator(), &wanted).await.unwrap();
        let issued = async || {
            let filter =
                CertificateFilter { purpose: Some(CertificatePurpose::CodeSigning), ..CertificateFilter::default() };
            fleet.certificates(&operator(), &filter).await.unwrap().rows
        };
        assert!(issued().await.is_empty());
        let hash = fleet.approval(&manager(), approval).await.unwrap().row.hash;
        conflict(fleet.decide(&operator(), approval, &hash, true, "").await, "");
        fleet.decide(&manager(), approval, &hash, true, "").await.unwrap();
        let rows = issued().await;
        assert_eq!((rows.len(), rows[0].name.as_str(), rows[0].not_after), (1, "Builds", NOW.plus(90 * DAY)));
        // It signs code, and lets nobody in.
        let detail = fleet.certificate(&operator(), &rows[0].authority_slug, &rows[0].serial).await.unwrap();
        assert!(detail.certificate.has_purpose("codeSigning") && !detail.certificate.has_purpose("clientAuth"));
        // A key of somebody else's is none of theirs.
        let other = CodeSigningForm { name: "Other builds".into(), ..wanted };
        let approval = fleet.request_code_signing(&operator(), &other).await.unwrap();
        let hash = fleet.approval(&manager(), approval).await.unwrap().row.hash;
        conflict(fleet.decide(&manager(), approval, &hash, true, "").await, "belongs to");
        fleet.decide(&manager(), approval, &hash, false, "not theirs").await.unwrap();
        assert_eq!(issued().await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_factory_that_is_cut_off_takes_its_stations_with_it() {
    for world in worlds().await {
        let fleet = &world.fleet;
        fleet.load_trust().await.unwrap();
        let form = |factory: &str| StationForm {
            factory: factory.into(),
            name: format!("Line of {factory}"),
            csr: String::new(),
        };
        let (own, other) =
            (fleet.station(&operator(), &form("brno")).await, fleet.station(&operator(), &form("graz")).await);
        let serials = [own.unwrap().certificate.serial_hex(), other.unwrap().certificate.serial_hex()];
        let act = async |act: RevocationAct, reason: RevocationReason| {
            let selection = Selection::Factory("brno".into());
            let preview = fleet.preview(&operator(), &selection, act).await.unwrap();
            assert_eq!(preview.stations, 1);
            assert!(preview.title.ends_with("and 1 station"), "{}", preview.title);
            let (confirmation, preview_hash) = (preview.confirm_word, preview.hash);
            let form = RevokeForm { selection, act, reason, note: String::new(), confirmation, preview_hash };
            let Outcome::Waiting(approval, _) = fleet.revoke(&operator(), &form).await.unwrap() else { panic!() };
            let hash = fleet.approval(&manager(), approval).await.unwrap().row.hash;
            fleet.decide(&manager(), approval, &hash, true, "").await.unwrap();
        };
        let stand = async || {
            let stations = fleet.stations(&operator(), None).await.unwrap();
            let of = |serial: &str| stations.iter().find(|row| row.serial == serial).unwrap();
            let trust = fleet.trust();
            let slug = |serial: &str| trust.by_slug(&of(serial).authority_slug).unwrap();
            let mark = |serial: &str| slug(serial).mark(pki::SerialNumber::from_hex(serial).unwrap()).is_some();
            let [own, other] = [&serials[0], &serials[1]].map(|serial| (of(serial).status, mark(serial)));
            assert_eq!(other, (CertificateStanding::Valid, false), "the other factory's");
            own
        };
        act(RevocationAct::Hold, RevocationReason::CertificateHold).await;
        assert_eq!(stand().await, (CertificateStanding::Held, true));
        act(RevocationAct::Release, RevocationReason::CertificateHold).await;
        assert_eq!(stand().await, (CertificateStanding::Valid, false));
        act(RevocationAct::Revoke, RevocationReason::CaCompromise).await;
        assert_eq!(stand().await, (CertificateStanding::Revoked, true));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_device_came_is_written_down_and_refusals_are_rationed() {
    for world in worlds().await {
        let fleet = &world.fleet;
        world.device("GW-1", 10).await;
        let token = fleet.set_device_token(&operator(), "GW-1").await.unwrap();
        let actor = fleet.device_by_token(&token, "192.0.2.1").await.unwrap().unwrap();
        fleet.came(&actor);
        fleet.came(&operator());
        fleet.flush_contacts().await.unwrap();
        assert_eq!(world.known("GW-1").await.last_seen_at, Some(NOW));
        let entries = async || fleet.audit_log(&admin(), &AuditFilter::default(), 500).await.unwrap().len();
        let before = entries().await;
        for _ in 0..20 {
            fleet.bad_request(&actor, "A", "", &pki::RequestError::WrongProof).await.unwrap();
        }
        assert_eq!(entries().await, before + 1, "a device does not decide how fast the log grows");
    }
}

/// However many there are: none is left out, and each kind's number is that of all pages.
#[tokio::test(flavor = "multi_thread")]
async fn findings_and_approvals_come_in_pages() {
    for world in worlds().await {
        for n in 0..8 {
            world.device(&format!("GW-{n}"), 11).await;
        }
        world.fleet.enrol(&station(1), "B", &request("GW-0").1, "GW-0").await.unwrap();
        world.fleet.reconcile(&operator(), "B").await.unwrap();
        let kind = FindingKind::DeviceWithoutCertificate;
        let mut filter = FindingFilter { kind: Some(kind), limit: 3, ..FindingFilter::default() };
        let (mut seen, mut pages) = (std::collections::BTreeSet::new(), 0);
        loop {
            let page = world.fleet.finding_page(&operator(), &filter).await.unwrap();
            pages += 1;
            assert!(page.kinds.contains(&(kind, 7)), "{}: {:?}", world.name(), page.kinds);
            seen.extend(page.rows.into_iter().filter_map(|row| row.device_serial));
            filter.cursor = page.next;
            if filter.cursor.is_none() {
                break;
            }
        }
        assert_eq!((pages, seen.len()), (3, 7), "{}", world.name());
        let settled = FindingFilter { kind: Some(FindingKind::BadProof), all: true, ..FindingFilter::default() };
        assert!(world.fleet.finding_page(&operator(), &settled).await.unwrap().rows.is_empty());
        let wrong = FindingFilter { cursor: Some("x".into()), ..FindingFilter::default() };
        assert!(world.fleet.finding_page(&operator(), &wrong).await.is_err());
        let approved = Some(ApprovalState::Approved);
        let first = world.fleet.approval_page(&operator(), approved, None, 3).await.unwrap();
        let second = world.fleet.approval_page(&operator(), approved, first.next, 3).await.unwrap();
        assert_eq!(
            (first.rows.len(), second.rows.len(), first.total, second.next),
            (3, 1, 4, None),
            "{}",
            world.name()
        );
        let waiting = world.fleet.approval_page(&operator(), Some(ApprovalState::Waiting), None, 0).await.unwrap();
        assert_eq!((waiting.rows.len(), waiting.total), (0, 0));
    }
}
