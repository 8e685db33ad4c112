//! The whole way of a repair, from the bench to the report that closes it.

use crate::world::{RULE, admin, conflict, imei, manager, support, worlds};
use domain::{
    device::Lifecycle,
    history::Event,
    repair::{PartFate, RepairState},
    time::MINUTE,
};
use fleet::{
    Actor, Origin,
    check_in::RulesForm,
    repair::{Authorised, Difference, OpenForm, PartForm, RepairFilter},
};

#[tokio::test]
async fn a_modem_is_exchanged_and_the_case_is_closed_by_hand() {
    for world in worlds().await {
        let code = world.open("GW-1").await;
        assert_eq!(code, "R-2611-0001", "{}", world.name());
        let device = world.fleet.device(&support(), "GW-1").await.unwrap();
        assert_eq!(device.lifecycle, Lifecycle::InRepair);
        let look = world.draft(&code, "lte0", &imei(900)).await;
        assert!(look.errors().is_empty(), "{:?}", look.errors());
        world.wait(MINUTE);
        assert_eq!(world.authorise(&code).await, Authorised::Done(RepairState::Verifying));
        let detail = world.repair(&code).await;
        assert_eq!((detail.case.expected_version, detail.case.key_changes), (2, false));
        assert_eq!((detail.device.manifest_version, detail.taken_out.len()), (2, 1));
        assert_eq!(detail.taken_out[0].fate, PartFate::Scrap);
        // The old number was not typed, and yet it is known afterwards which part went out.
        assert_eq!(detail.slots[0].out.as_ref().unwrap().identifier, imei(1));
        world.agrees("GW-1").await;
        // Support may not say that a device is right which hasn't said so itself.
        assert!(world.fleet.close_repair(&support(), &code, "looks good").await.is_err());
        world.fleet.close_repair(&manager(), &code, "Read at the console").await.unwrap();
        let device = world.fleet.device(&support(), "GW-1").await.unwrap();
        assert_eq!(device.lifecycle, Lifecycle::Active, "what it was before");
        let history = world.fleet.device_record(&support(), "GW-1").await.unwrap().history;
        let kinds: Vec<&str> = history.iter().map(|entry| entry.event.kind()).collect();
        assert_eq!(kinds[3..], ["repair_opened", "repair_authorised", "manifest_recorded", "repair_closed"]);
        assert_eq!(world.fleet.audit_verify(&RULE).await.unwrap().break_at, None);
        conflict(world.fleet.close_repair(&manager(), &code, "again").await, "is closed");
    }
}

#[tokio::test]
async fn the_devices_own_report_of_exactly_that_closes_it() {
    for world in worlds().await {
        let serial = "GW-1";
        let id = world.fleet.device(&support(), serial).await.unwrap().id;
        let device = Actor::Device { id, serial: serial.into(), origin: Origin::default() };
        let code = world.open(serial).await;
        assert!(!world.fleet.hear_repaired(&device, |_, _| true).await.unwrap(), "nothing is awaited on the bench");
        world.draft(&code, "lte0", &imei(910)).await;
        world.authorise(&code).await;
        for who in [support(), manager(), RULE] {
            assert!(world.fleet.hear_repaired(&who, |_, _| true).await.is_err(), "people can't say it for the device");
        }
        assert!(!world.fleet.hear_repaired(&device, |_, _| false).await.unwrap());
        assert_eq!(world.repair(&code).await.case.state, RepairState::Verifying);
        let exactly = |version: i64, fitted: &[domain::component::Part]| {
            version == 2 && fitted.iter().map(|part| part.slot.as_str()).eq(["lte0"])
        };
        assert!(world.fleet.hear_repaired(&device, exactly).await.unwrap(), "{}", world.name());
        let detail = world.repair(&code).await;
        assert_eq!((detail.case.state, detail.case.closed_by.as_str()), (RepairState::Closed, serial));
        assert_eq!(detail.device.lifecycle, Lifecycle::Active);
        assert!(!world.fleet.hear_repaired(&device, |_, _| true).await.unwrap(), "it is over");
    }
}

#[tokio::test]
async fn a_repair_without_parts_waits_for_the_report_alone() {
    for world in worlds().await {
        let code = world.open("GW-1").await;
        assert_eq!(world.authorise(&code).await, Authorised::Done(RepairState::Verifying));
        assert_eq!(world.repair(&code).await.case.expected_version, 1);
        world.agrees("GW-1").await;
    }
}

#[tokio::test]
async fn what_is_typed_is_kept_right_or_wrong_and_what_is_wrong_stops() {
    for world in worlds().await {
        let code = world.open("GW-1").await;
        let look = world.draft(&code, "lte0", "86 194105 118830 2").await;
        assert_eq!(look.errors().first().map(|(field, _)| *field), Some("in"));
        let kept = world.repair(&code).await.slots;
        assert_eq!(kept[0].part_in.as_ref().unwrap().identifier, "86 194105 118830 2");
        let refused = world.fleet.authorise_repair(&support(), &code, "broken").await.unwrap_err();
        assert!(refused.to_string().starts_with("lte0: "), "{refused}");
        assert_eq!(world.repair(&code).await.case.state, RepairState::Reported);
        world.draft(&code, "lte0", &imei(901)).await;
        assert_eq!(world.authorise(&code).await, Authorised::Done(RepairState::Verifying));
        // What is written is written.
        let form = PartForm { slot: "eth0".into(), ..PartForm::default() };
        conflict(world.fleet.draft_part(&support(), &code, &form).await, "authorised already");
        conflict(world.fleet.cancel_repair(&support(), &code, "no").await, "authorised already");
        conflict(world.fleet.authorise_repair(&support(), &code, "again").await, "authorised already");
    }
}

#[tokio::test]
async fn too_little_is_said_at_its_field() {
    for world in worlds().await {
        let code = world.open("GW-1").await;
        let field = async |form: PartForm| match world.fleet.draft_part(&support(), &code, &form).await.unwrap_err() {
            fleet::Error::Invalid { fields } => fields[0].field.clone(),
            other => panic!("{other}"),
        };
        let slot = |slot: &str| PartForm { slot: slot.into(), ..PartForm::default() };
        assert_eq!(field(slot("")).await, "slot");
        assert_eq!(field(slot("wlan9")).await, "class");
        assert_eq!(field(PartForm { class: "wlan".into(), ..slot("wlan9") }).await, "in");
        for name in ["LTE1", "1x", "a:b", &"x".repeat(33)] {
            let named = PartForm { class: "lte".into(), part_in: imei(920), ..slot(name) };
            assert_eq!(field(named).await, "slot", "{name}");
        }
        assert_eq!(field(PartForm { fate: "sold".into(), ..slot("lte0") }).await, "fate");
        let empty = OpenForm::default();
        let refused = world.fleet.open_repair(&support(), "GW-2", &empty).await.unwrap_err();
        assert!(matches!(refused, fleet::Error::Invalid { .. }), "{refused}");
        let stranger = OpenForm { symptom: "x".into(), technician: "nobody@muster.example".into() };
        assert!(world.fleet.open_repair(&support(), "GW-2", &stranger).await.is_err());
    }
}

#[tokio::test]
async fn a_second_click_opens_nothing_and_a_cancelled_case_changes_nothing() {
    for world in worlds().await {
        let code = world.open("GW-1").await;
        let form = OpenForm { symptom: "No network".into(), technician: String::new() };
        conflict(world.fleet.open_repair(&support(), "GW-1", &form).await, &code);
        world.draft(&code, "lte0", &imei(902)).await;
        let before = world.parts("GW-1").await;
        world.fleet.cancel_repair(&support(), &code, "was the antenna").await.unwrap();
        assert_eq!(world.parts("GW-1").await, before);
        let device = world.fleet.device(&support(), "GW-1").await.unwrap();
        assert_eq!((device.lifecycle, device.manifest_version), (Lifecycle::Active, 1));
        // The device can come again, and the list knows both.
        let again = world.open("GW-1").await;
        assert_eq!(again, "R-2611-0002");
        let all =
            world.fleet.repairs(&support(), &RepairFilter { text: "GW-1".into(), ..RepairFilter::default() }).await;
        assert_eq!(all.unwrap().rows.len(), 2);
        let open = world.fleet.repairs(&support(), &RepairFilter::default()).await.unwrap();
        assert_eq!((open.rows.len(), open.states.as_slice()), (1, &[(RepairState::Reported, 1)][..]));
        assert_eq!(world.fleet.repairs_open(&support()).await.unwrap(), 1);
        let by_name = RepairFilter { text: "2611-1".into(), ..RepairFilter::default() };
        assert_eq!(world.fleet.repairs(&support(), &by_name).await.unwrap().rows[0].code, code);
    }
}

#[tokio::test]
async fn the_repairs_of_one_person_in_one_state_fill_their_pages() {
    for world in worlds().await {
        let operator = crate::world::user(9, "ola", domain::person::Role::Operator);
        let form = OpenForm { symptom: "No network".into(), technician: String::new() };
        let mut mine = Vec::new();
        for (n, who) in [(1, support()), (2, operator.clone()), (3, support()), (4, operator)] {
            let code = world.fleet.open_repair(&who, &format!("GW-{n}"), &form).await.unwrap();
            if n % 2 == 1 {
                mine.insert(0, code);
            }
        }
        let mut filter = RepairFilter {
            state: Some(RepairState::Reported),
            technician: Some("sanne@muster.example".into()),
            limit: 1,
            ..RepairFilter::default()
        };
        let mut found = Vec::new();
        for _ in 0..2 {
            let page = world.fleet.repairs(&support(), &filter).await.unwrap();
            assert_eq!(page.rows.len(), 1, "{}", world.name());
            found.extend(page.rows.into_iter().map(|row| row.code));
            filter.after = page.next;
        }
        assert_eq!((found, filter.after), (mine, None), "{}", world.name());
        let filter = RepairFilter { state: Some(RepairState::Closed), after: None, ..filter };
        assert!(world.fleet.repairs(&support(), &filter).await.unwrap().rows.is_empty());
    }
}

#[tokio::test]
async fn two_at_once_open_one_repair() {
    for world in worlds().await {
        let form = OpenForm { symptom: "No network".into(), technician: String::new() };
        let (a, operator) = (support(), crate::world::user(9, "ola", domain::person::Role::Operator));
        let (one, two) =
            tokio::join!(world.fleet.open_repair(&a, "GW-1", &form), world.fleet.open_repair(&operator, "GW-1", &form));
        assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "{}: {one:?} {two:?}", world.name());
    }
}

#[tokio::test]
async fn this_was_us_and_this_was_not() {
    for world in worlds().await {
        let difference = Difference { slot: "lte0".into(), reported: imei(903), ..Difference::default() };
        let code = world.fleet.repair_of_difference(&support(), "GW-1", &difference).await.unwrap();
        let detail = world.repair(&code).await;
        assert!(detail.slots[0].errors().is_empty());
        assert_eq!(detail.slots[0].fate(), PartFate::Missing);
        assert_eq!(world.authorise(&code).await, Authorised::Done(RepairState::Verifying));
        world.agrees("GW-1").await;

        world.enrolled("GW-3").await;
        world.fleet.deny_difference(&support(), "GW-3", "lte0 is not ours", false).await.unwrap();
        assert_eq!(world.fleet.device(&support(), "GW-3").await.unwrap().trust, domain::device::Trust::Trusted);
        world.fleet.deny_difference(&support(), "GW-3", "lte0 is not ours", true).await.unwrap();
        assert_eq!(world.fleet.device(&support(), "GW-3").await.unwrap().trust, domain::device::Trust::Quarantined);
        let history = world.fleet.device_record(&support(), "GW-3").await.unwrap().history;
        let notes = |history: &[domain::history::Entry]| {
            history.iter().filter(|entry| matches!(entry.event, Event::Note { .. })).count()
        };
        assert_eq!(notes(&history), 2);
        let kinds: Vec<&str> = history.iter().map(|entry| entry.event.kind()).collect();
        assert_eq!(kinds[kinds.len() - 2..], ["note", "certificate_held"], "noted first");
        // Where there is nothing to put on hold, nothing is noted either: whoever asked decides anew.
        let refused = world.fleet.deny_difference(&support(), "GW-4", "lte0 is not ours", true).await.unwrap_err();
        assert!(refused.to_string().contains("no certificate"), "{refused}");
        assert_eq!(notes(&world.fleet.device_record(&support(), "GW-4").await.unwrap().history), 0);
    }
}

#[tokio::test]
async fn a_scan_says_what_it_may_mean() {
    for world in worlds().await {
        let code = world.open("GW-1").await;
        let scanned = async |text: &str| world.fleet.scanned(&support(), text).await.unwrap();
        for text in [
            "GW-1",
            "gw-1",
            "https://console.example/r/GW-1",
            "https://console.example/c/GW-1#7K3M-9QXD-42TF",
            "https://id.example/01/095/21/GW-1?x=1",
            &imei(1),
            "MB-1",
        ] {
            assert_eq!(scanned(text).await.devices, ["GW-1"], "{text}");
        }
        assert_eq!(scanned("2611-1").await.repair, Some(code));
        let none = scanned("nothing at all").await;
        assert!(none.devices.is_empty() && none.repair.is_none());
    }
}

#[tokio::test]
async fn a_part_that_comes_in_is_held_against_what_the_models_rules_know_of_makers() {
    for world in worlds().await {
        let model = world.fleet.device_record(&support(), "GW-1").await.unwrap();
        let model = model.catalogue.model_name(model.device.model_id).to_owned();
        let code = world.open("GW-1").await;
        let doubts = async |slot: &str, part: &str| {
            let look = world.draft(&code, slot, part).await;
            let doubt = |remark: &domain::repair::Remark| remark.tone == domain::repair::Tone::Doubt;
            let doubts = look.in_check.remarks.into_iter().filter(doubt);
            doubts.map(|remark| remark.words).collect::<Vec<_>>().join(" ")
        };
        let (own, other) = ("d8:80:39:00:09:09", "00:04:a3:00:09:09");
        let (modem, another) = (imei(900), "356938035643809");
        assert_eq!(doubts("eth0", other).await, "", "{}: nothing is known of makers yet", world.name());
        let form = RulesForm {
            mapping: domain::report::USUAL_MAPPING.to_owned(),
            makers: "oui d8:80:39 = Maker\ntac 86194105 = M1".to_owned(),
            ..RulesForm::default()
        };
        world.fleet.change_model_rules(&admin(), &model, &form).await.unwrap();
        assert!(doubts("eth0", other).await.contains("none of those that Maker has"), "{}", world.name());
        assert_eq!(doubts("eth0", own).await, "", "{}", world.name());
        assert!(doubts("lte0", another).await.contains("35693803 is not one of M1"), "{}", world.name());
        assert_eq!(doubts("lte0", &modem).await, "", "{}", world.name());
        // The same is looked at in the transaction that authorises, and told to whoever approves.
        doubts("eth0", other).await;
        doubts("board", "MB-1000").await;
        let Authorised::Waiting(approval) = world.authorise(&code).await else { panic!("{}: the key", world.name()) };
        let detail = world.fleet.approval(&manager(), approval).await.unwrap().detail;
        assert!(detail["doubts"].to_string().contains("none of those that Maker has"), "{}: {detail}", world.name());
    }
}
