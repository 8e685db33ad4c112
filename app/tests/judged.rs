//! What a device is made of is judged once: all panels of its page, the part's page and the overview tell the same.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

mod common;

use common::{Console, NOW, Visitor, console};
use domain::{
    component::{ComponentClass, Part},
    history::{Entry, Event},
    id::{DeviceId, HistoryId},
    identifier::normalise,
    manifest,
    person::Role,
    report::{Attributes, UpdateMode},
    time::DAY,
};
use fleet::{
    Actor, Origin,
    repair::{Authorised, OpenForm, PartForm},
    seed::Life,
};
use uuid::Uuid;

const SERIAL: &str = "GW2C-0100";
const LISTED: &str = "44:91:60:00:00:01";
const OTHER: &str = "44:91:60:00:00:02";

fn part(slot: &str, class: ComponentClass, text: &str) -> Part {
    let found = normalise(class, text).unwrap();
    let (maker, model) = ("Murata".to_owned(), "1MW".to_owned());
    Part { slot: slot.into(), class, maker, model, identifier: found.shown, identifier_key: found.key }
}

/// Makes a device with a board and a WLAN module.
async fn made(console: &Console) -> Actor {
    let fleet = console.fleet();
    let like = store::device::by_serial(fleet.db(), "GW2C-0001").await.unwrap().unwrap();
    let fitted = vec![part("board", ComponentClass::Board, "MB-100"), part("wlan0", ComponentClass::Wlan, LISTED)];
    let hash = manifest::hash(SERIAL, 1, "", &fitted);
    let recorded = Event::ManifestRecorded {
        version: 1,
        hash,
        previous_hash: String::new(),
        fitted,
        removed: Vec::new(),
        reason: String::new(),
    };
    let at = NOW.plus(-DAY);
    let entry = |event: Event| Entry {
        id: HistoryId(Uuid::now_v7()),
        at,
        recorded_at: at,
        actor: "test".into(),
        place: String::new(),
        event,
        epcis_event_id: None,
    };
    let id = DeviceId(Uuid::now_v7());
    let life = Life {
        id,
        serial: SERIAL.into(),
        model_id: like.model_id,
        hardware_revision: "C".into(),
        batch_id: like.batch_id,
        factory_id: like.factory_id,
        channel: "production".into(),
        made_at: at,
        last_seen_at: Some(NOW),
        history: vec![entry(recorded)],
    };
    fleet.seed_devices(&Actor::Rule { name: "test" }, &[life]).await.unwrap();
    Actor::Device { id, serial: SERIAL.into(), origin: Origin::default() }
}

async fn reports(console: &Console, device: &Actor, wlan: &str) {
    let said = Attributes::collect([("hw.board", "MB-100"), ("hw.wlan0.mac", wlan)]);
    console.fleet().report(device, said, UpdateMode::Replace).await.unwrap();
}

async fn page(console: &Console, path: &str) -> String {
    let answer = console.get(Visitor::Operator, path).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

fn support() -> Actor {
    let (email, name) = ("sanne@muster.example".to_owned(), "sanne".to_owned());
    let id = Uuid::from_u128(9).into();
    Actor::User { id, email, name, role: Role::Support, proved_at: None, origin: Origin::default() }
}

#[tokio::test]
async fn the_device_page_contradicts_itself_neither_before_nor_after_a_repair() {
    let console = console().await;
    let device = made(&console).await;
    reports(&console, &device, LISTED).await;
    let body = page(&console, &format!("/devices/{SERIAL}")).await;
    assert!(body.contains("Reports exactly manifest v1") && body.contains("Fits manifest v1"), "{body}");
    reports(&console, &device, OTHER).await;
    let body = page(&console, &format!("/devices/{SERIAL}")).await;
    assert!(body.contains("1 difference") && body.contains("Reports other parts than manifest v1"), "{body}");
    assert!(body.contains("But its hardware does not fit"), "{body}");
    // The bench records what the device reports: from then on it fits, before it reports again.
    let fleet = console.fleet();
    let form = OpenForm { symptom: "No network".into(), technician: String::new() };
    let code = fleet.open_repair(&support(), SERIAL, &form).await.unwrap();
    let form = PartForm { slot: "wlan0".into(), part_in: OTHER.into(), fate: "spare".into(), ..PartForm::default() };
    fleet.draft_part(&support(), &code, &form).await.unwrap();
    let done = fleet.authorise_repair(&support(), &code, "swapped").await.unwrap();
    assert!(matches!(done, Authorised::Done(_)), "{done:?}");
    for view in ["", "?view=history"] {
        let body = page(&console, &format!("/devices/{SERIAL}{view}")).await;
        assert!(body.contains("Reports exactly manifest v2"), "{view}: {body}");
        assert!(!body.contains("Reports other parts") && !body.contains("does not fit:"), "{view}: {body}");
    }
    assert!(page(&console, &format!("/devices/{SERIAL}")).await.contains("Fits manifest v2"));
    // What became of the old part was said.
    for path in [format!("/repairs/{code}"), "/repairs".to_owned()] {
        let body = page(&console, &path).await;
        assert!(body.contains("Kept as a spare") && body.contains("Fit it by the repair of another device"), "{body}");
        assert!(!body.contains("Not accounted for") && !body.contains("Unaccounted for</"), "{path}: {body}");
    }
}

#[tokio::test]
async fn a_parts_page_says_who_reports_it_now_and_leads_to_what_stands_about_it() {
    let console = console().await;
    let device = made(&console).await;
    let path = "/parts/MB-100";
    assert!(page(&console, path).await.contains("No device reports it now."));
    reports(&console, &device, LISTED).await;
    let body = page(&console, path).await;
    assert!(
        body.contains("One device reports it now.") && body.contains(&format!("/devices/{SERIAL}#reported")),
        "{body}"
    );
    let other = store::device::by_serial(console.fleet().db(), "GW2C-0003").await.unwrap().unwrap();
    let other = Actor::Device { id: other.id, serial: other.serial, origin: Origin::default() };
    reports(&console, &other, "44:91:60:00:00:09").await;
    let body = page(&console, path).await;
    assert!(body.contains("2 devices report it now.") && body.contains("/devices/GW2C-0003#reported"), "{body}");
    let open = console.fleet().findings(&support(), true).await.unwrap();
    let copied = open.iter().find(|row| row.kind == domain::authority::FindingKind::IdentifierCopied).unwrap();
    assert!(body.contains(&format!("/findings?finding={}", copied.id)), "{body}");
    // On no manifest, and reported all the same.
    assert!(page(&console, "/parts/44:91:60:00:00:09").await.contains("No manifest ever listed it."));
    assert_eq!(console.get(Visitor::Operator, "/parts/44:91:60:00:00:77").await.status, 404);
}

#[tokio::test]
async fn the_overview_tells_a_cause_once_and_that_it_is_settled() {
    let console = console().await;
    let device = made(&console).await;
    let other = store::device::by_serial(console.fleet().db(), "GW2C-0003").await.unwrap().unwrap();
    let other = Actor::Device { id: other.id, serial: other.serial, origin: Origin::default() };
    reports(&console, &device, LISTED).await;
    reports(&console, &other, "44:91:60:00:00:09").await;
    reports(&console, &other, "44:91:60:00:00:08").await;
    let open = console.fleet().findings(&support(), true).await.unwrap();
    let copied = open.iter().find(|row| row.kind == domain::authority::FindingKind::IdentifierCopied).unwrap();
    let link = format!("<a href=\"/findings?finding={}\">", copied.id);
    let body = page(&console, "/").await;
    assert_eq!(body.matches(&link).count(), 1, "{body}");
    assert!(body.contains("Open") && !body.contains("Resolved"), "{body}");
    let form = format!("finding={}&reason=seen&back=", copied.id);
    console.post(Visitor::Operator, &format!("/findings/{}/resolve", copied.id), &form).await;
    let body = page(&console, "/").await;
    assert!(body.matches(&link).count() == 1 && body.contains("Resolved"), "{body}");
}
