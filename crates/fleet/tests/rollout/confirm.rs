//! Rollouts that ask each device's user first: who is asked, what follows from the answer, and what never follows from none.

use crate::world::*;
use domain::{
    history::Event,
    id::ReleaseId,
    release::Stage,
    rollout::{
        ActionKind, ActionState as S, Better, Cohorts, Consent, Criterion, ErrorRates, Execution, Experiment, Finished,
        Gate, Metric, Plan, RolloutState, UserAnswer, Variant, Wave, WaveSize, Window, Windows,
    },
    time::{DAY, HOUR, MINUTE},
};
use fleet::{
    Actor, Error,
    rollout::Abort,
    update::{DeviceUpdate, Heard},
};

fn asking(release: ReleaseId) -> Plan {
    Plan { confirmation_required: true, ..plan(release) }
}

/// All devices in one wave.
fn asking_all(release: ReleaseId) -> Plan {
    Plan { waves: vec![wave(WaveSize::Rest)], ..asking(release) }
}

fn says(consent: Consent, words: &str) -> UserAnswer {
    UserAnswer { consent, code: Some(7), details: vec![words.to_owned()] }
}

async fn agrees(world: &World, device: &Actor, id: i64) -> Heard {
    world.fleet.user_answers(device, id, &says(Consent::Confirmed, "go on")).await.unwrap()
}

async fn denies(world: &World, device: &Actor, id: i64, words: &str) -> Heard {
    world.fleet.user_answers(device, id, &says(Consent::Denied, words)).await.unwrap()
}

async fn asked_of(world: &World, devices: &[Actor]) -> Vec<(Actor, i64)> {
    let mut out = Vec::new();
    for device in devices {
        if let Some(id) = world.asked(device).await {
            out.push((device.clone(), id));
        }
    }
    out
}

async fn last(world: &World, device: &Actor) -> DeviceUpdate {
    world.fleet.device_updates(&operator(), device.name(), 1).await.unwrap().remove(0)
}

fn is_missing<T>(found: &fleet::Result<T>) -> bool {
    matches!(found, Err(Error::NotFound { .. }))
}

#[tokio::test]
async fn a_device_whose_user_agrees_goes_on_to_verified() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(asking(release)).await;
        let first = asked_of(&world, &devices).await;
        assert_eq!(first.len(), 5, "{}: those of the first wave", world.name());
        assert_eq!(asked_of(&world, &devices).await, first, "{}: asked once", world.name());
        assert_eq!(world.count(&code, 0, S::WaitsForConfirmation).await, 5, "{}", world.name());
        let (device, id) = &first[0];
        // Nothing of it is there to be installed, whatever is asked.
        let told = world.fleet.confirmation(device, *id, None).await.unwrap();
        assert_eq!((told.id, told.version.as_str()), (*id, "2.0"));
        assert!(is_missing(&world.fleet.deployment(device, *id, None).await), "{}", world.name());
        assert!(is_missing(&world.fleet.artifacts_for(device, told.module).await), "{}", world.name());
        let closed = domain::rollout::Feedback {
            execution: Execution::Closed,
            finished: Finished::Success,
            code: None,
            details: Vec::new(),
        };
        assert!(is_missing(&world.fleet.update_feedback(device, *id, &closed).await), "{}", world.name());
        assert_eq!(world.kinds(device).await, ["update_asked"]);
        // It is nobody else's.
        let other = &first[1].0;
        assert!(is_missing(&world.fleet.confirmation(other, *id, None).await), "{}", world.name());
        let answer = says(Consent::Confirmed, "");
        assert!(is_missing(&world.fleet.user_answers(other, *id, &answer).await), "{}", world.name());
        assert!(is_missing(&world.fleet.user_answers(device, 7, &answer).await), "{}", world.name());

        let before = last(&world, device).await;
        world.wait(5 * HOUR);
        assert_eq!(agrees(&world, device, *id).await, Heard::Taken);
        assert!(is_missing(&world.fleet.confirmation(device, *id, None).await), "{}", world.name());
        assert_eq!(world.offered(device).await, Some(*id), "{}", world.name());
        assert_eq!(agrees(&world, device, *id).await, Heard::Taken, "{}: once is enough", world.name());
        let after = last(&world, device).await;
        assert_eq!((after.state, after.action), (S::Offered, before.action));
        assert!(
            after.offered_at >= before.offered_at.plus(5 * HOUR),
            "how long people take is not how long updates do"
        );
        let said = world.fleet.update_said(&operator(), *id).await.unwrap();
        let said: Vec<_> = said.iter().map(|said| (said.execution.as_str(), said.code.as_str())).collect();
        assert_eq!(said, [("confirmed", "7")], "{}", world.name());
        world.installs(device, *id, "2.0").await;
        assert_eq!(world.count(&code, 0, S::Verified).await, 1, "{}", world.name());
        let kinds = world.kinds(device).await;
        assert_eq!(kinds[..2], ["update_asked", "update_confirmed"], "{kinds:?}");
        assert_eq!(agrees(&world, device, *id).await, Heard::Closed, "{}", world.name());
        assert_eq!(denies(&world, device, *id, "").await, Heard::Closed, "{}", world.name());
    }
}

#[tokio::test]
async fn who_says_no_goes_on_being_asked_and_is_no_failure_however_long_that_takes() {
    for world in worlds().await {
        let devices = world.devices(8).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(asking(release)).await;
        let first = asked_of(&world, &devices).await;
        let (device, id) = &first[0];
        for words in ["Not before the shift ends", "Never"] {
            assert_eq!(denies(&world, device, *id, words).await, Heard::Taken);
            assert_eq!(world.asked(device).await, Some(*id), "{}: the link stays", world.name());
            let shown = last(&world, device).await;
            assert_eq!((shown.state, shown.denied, shown.reason.as_str()), (S::WaitsForConfirmation, true, words));
        }
        let told = world.told(device).await;
        assert_eq!(told.iter().filter(|event| matches!(event, Event::UpdateDenied { .. })).count(), 1, "{told:?}");
        let page = world.fleet.rollout_devices(&operator(), &code, Some(S::WaitsForConfirmation), 0, 50).await.unwrap();
        assert_eq!(page.rows.iter().filter(|row| row.denied).count(), 1, "{}", world.name());
        // Weeks later nobody of them is late, and no gate counts them for anything.
        for _ in 0..4 {
            world.wait(10 * DAY);
            world.look().await;
        }
        let detail = world.rollout(&code).await;
        let evidence = detail.wave_views[0].evidence;
        assert_eq!((evidence.under_way, evidence.failed, evidence.silent, evidence.total), (0, 0, 0, 5));
        assert_eq!(world.state(&code).await, RolloutState::Running, "{}", world.name());
        assert_eq!(detail.row.wave, Some(0), "{}: nobody has an outcome", world.name());
        assert_eq!(world.count(&code, 0, S::WaitsForConfirmation).await, 5, "{}", world.name());
        assert_eq!(world.why(device, &code).await, None, "{}: it is under way", world.name());
        // A denial that is said for ever is answered, and kept so often at most.
        for n in 0..30 {
            denies(&world, device, *id, &format!("no {n}")).await;
        }
        assert_eq!(world.told(device).await.len(), told.len(), "{}", world.name());
        // Who agrees after all goes on.
        assert_eq!(agrees(&world, device, *id).await, Heard::Taken);
        let shown = last(&world, device).await;
        assert_eq!((shown.state, shown.denied, shown.reason.as_str()), (S::Offered, false, ""));
        assert_eq!(world.rollout(&code).await.wave_views[0].evidence.under_way, 1, "{}", world.name());
        // And is late like anybody else from then on.
        world.wait(3 * HOUR);
        world.look().await;
        assert_eq!(world.count(&code, 0, S::Silent).await, 1, "{}", world.name());
    }
}

#[tokio::test]
async fn what_was_agreed_to_may_be_taken_back_until_the_device_begins() {
    for world in worlds().await {
        let devices = world.devices(3).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(asking_all(release)).await;
        let asked = asked_of(&world, &devices).await;
        for (device, id) in &asked {
            agrees(&world, device, *id).await;
            assert_eq!(world.offered(device).await, Some(*id));
        }
        let [(offered, a), (fetching, b), (installing, c)] = &asked[..] else { panic!("{asked:?}") };
        world.fleet.deployment(fetching, *b, None).await.unwrap();
        world.says(installing, *c, Execution::Proceeding, Finished::None).await;
        assert_eq!(denies(&world, offered, *a, "wait").await, Heard::Taken);
        assert!(is_missing(&world.fleet.deployment(offered, *a, None).await), "{}", world.name());
        assert_eq!(world.asked(offered).await, Some(*a), "{}", world.name());
        for (device, id) in [(fetching, b), (installing, c)] {
            let late = world.fleet.user_answers(device, *id, &says(Consent::Denied, "too late")).await;
            assert!(is_missing(&late), "{}: {late:?}", world.name());
            assert_eq!(world.offered(device).await, Some(*id), "{}", world.name());
        }
        let evidence = world.rollout(&code).await.wave_views[0].evidence;
        assert_eq!(evidence.under_way, 2, "{}", world.name());
        // Nobody leaves a gate's count by a no: not who is silent, and the failure of who has begun is heard.
        world.wait(2 * HOUR);
        world.look().await;
        assert_eq!(world.count(&code, 0, S::Silent).await, 2, "{}", world.name());
        let late = world.fleet.user_answers(fetching, *b, &says(Consent::Denied, "too late")).await;
        assert!(is_missing(&late), "{}: {late:?}", world.name());
        world.fails(fetching, *b).await;
        assert_eq!(world.rollout(&code).await.wave_views[0].evidence.failed, 1, "{}", world.name());
    }
}

#[tokio::test]
async fn nobody_is_asked_while_it_is_stopped_and_nothing_waits_for_what_cannot_come() {
    for world in worlds().await {
        let devices = world.devices(4).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(asking_all(release)).await;
        let asked = asked_of(&world, &devices[..3]).await;
        world.fleet.pause_rollout(&operator(), &code, "").await.unwrap();
        assert!(asked_of(&world, &devices).await.is_empty(), "{}", world.name());
        let (device, id) = &asked[0];
        assert!(is_missing(&world.fleet.confirmation(device, *id, None).await), "{}", world.name());
        assert_eq!(world.fleet.confirmations(device).await.unwrap().waiting, None, "{}", world.name());
        // What somebody agrees to meanwhile counts, and waits like all else.
        assert_eq!(agrees(&world, device, *id).await, Heard::Taken);
        assert_eq!(world.offered(device).await, None, "{}", world.name());
        world.fleet.resume_rollout(&operator(), &code, Resume::default()).await.unwrap();
        assert_eq!(world.offered(device).await, Some(*id), "{}", world.name());
        assert_eq!(asked_of(&world, &devices[1..3]).await, asked[1..].to_vec(), "{}: as before", world.name());
        // Another rollout's update comes first while this one is stopped.
        world.fleet.pause_rollout(&operator(), &code, "").await.unwrap();
        let other = world.release("2.1", Stage::Production).await;
        let newer = world.started(Plan { waves: vec![wave(WaveSize::Rest)], ..plan(other) }).await;
        assert!(world.offered(&asked[1].0).await.is_some(), "{}", world.name());
        assert_eq!((world.count(&code, 0, S::Cancelled).await, world.count(&newer, 0, S::Offered).await), (1, 1));
        world.fleet.abort_rollout(&operator(), &newer, Abort::Keep, "").await.unwrap();
        world.fleet.resume_rollout(&operator(), &code, Resume::default()).await.unwrap();
        // Aborted, it is taken back: there is nothing that the device would have to stop.
        let (device, id) = &asked[2];
        assert_eq!(world.asked(device).await, Some(*id));
        world.fleet.abort_rollout(&operator(), &code, Abort::Keep, "").await.unwrap();
        let answer = agrees(&world, device, *id).await;
        assert_eq!(answer, Heard::Closed, "{}: it can't come any more", world.name());
        assert_eq!(last(&world, device).await.state, S::Cancelled, "{}", world.name());
        assert_eq!(world.poll(device).await.update, None, "{}", world.name());
    }
}

#[tokio::test]
async fn what_is_withdrawn_or_runs_already_is_asked_about_no_more() {
    for world in worlds().await {
        let devices = world.devices(3).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(asking_all(release)).await;
        let asked = asked_of(&world, &devices).await;
        let (device, _) = &asked[0];
        // Somebody installed it by hand.
        world.reports(device, "2.0").await;
        assert_eq!(last(&world, device).await.state, S::Cancelled, "{}", world.name());
        assert_eq!(world.poll(device).await.update, None, "{}: it has it", world.name());
        let (device, id) = &asked[1];
        world.withdraw(release).await;
        // What this process knows of releases is some seconds old; until then nothing of it is sent.
        assert!(is_missing(&world.fleet.confirmation(device, *id, None).await), "{}", world.name());
        assert_eq!(world.another().await.poll(device).await.unwrap().update, None, "{}", world.name());
        assert_eq!(agrees(&world, device, *id).await, Heard::Closed, "{}", world.name());
        assert_eq!(world.count(&code, 0, S::Failed).await, 0, "{}", world.name());
    }
}

#[tokio::test]
async fn a_user_may_agree_to_everything_beforehand() {
    for world in worlds().await {
        let devices = world.devices(3).await;
        let release = world.release("2.0", Stage::Production).await;
        let (before, waiting, later) = (&devices[0], &devices[1], &devices[2]);
        world.fleet.activate_auto_confirm(before, "Ada", "kiosk").await.unwrap();
        let again = world.fleet.activate_auto_confirm(before, "Bob", "").await;
        assert!(matches!(again, Err(Error::Conflict(_))), "{}: {again:?}", world.name());
        let auto = world.fleet.confirmations(before).await.unwrap().auto.unwrap();
        assert_eq!((auto.initiator.as_str(), auto.remark.as_str()), ("Ada", "kiosk"), "{}", world.name());
        let code = world.started(asking_all(release)).await;
        assert!(world.offered(before).await.is_some(), "{}: without asking", world.name());
        let id = world.asked(waiting).await.unwrap();
        let confirmations = world.fleet.confirmations(waiting).await.unwrap();
        assert!(confirmations.auto.is_none() && confirmations.waiting.is_some(), "{}", world.name());
        // What waits at that moment is agreed to by it.
        world.fleet.activate_auto_confirm(waiting, "", "").await.unwrap();
        assert_eq!(world.offered(waiting).await, Some(id), "{}", world.name());
        let said = world.fleet.update_said(&operator(), id).await.unwrap();
        assert_eq!(
            (said[0].execution.as_str(), said[0].details[0].as_str()),
            ("confirmed", "Agreed to by auto-confirm.")
        );
        let kinds: Vec<_> = history(&world, waiting).await;
        assert_eq!(
            kinds[kinds.len() - 3..],
            ["update_asked", "auto_confirm_switched", "update_confirmed"],
            "{kinds:?}"
        );
        // Switched to and fro at once it is told once; in the end its user is asked.
        world.fleet.activate_auto_confirm(later, "Ada", "").await.unwrap();
        for _ in 0..3 {
            world.fleet.deactivate_auto_confirm(later).await.unwrap();
            world.fleet.deactivate_auto_confirm(later).await.unwrap();
            world.fleet.activate_auto_confirm(later, "Ada", "").await.unwrap();
        }
        world.wait(HOUR);
        world.fleet.deactivate_auto_confirm(later).await.unwrap();
        let kinds = history(&world, later).await;
        assert_eq!(kinds.iter().filter(|kind| **kind == "auto_confirm_switched").count(), 2, "{kinds:?}");
        assert!(world.asked(later).await.is_some(), "{}", world.name());
        assert_eq!(world.count(&code, 0, S::WaitsForConfirmation).await, 1, "{}", world.name());
        // Nobody does so for a device but itself.
        for actor in [operator(), manager(), admin()] {
            let refused = world.fleet.activate_auto_confirm(&actor, "", "").await;
            assert!(matches!(refused, Err(Error::Forbidden { .. })), "{refused:?}");
            let id = last(&world, later).await.action;
            let refused = world.fleet.user_answers(&actor, id, &says(Consent::Confirmed, "")).await;
            assert!(matches!(refused, Err(Error::Forbidden { .. })), "{refused:?}");
        }
    }
}

async fn history(world: &World, device: &Actor) -> Vec<&'static str> {
    let record = world.fleet.device_record(&operator(), device.name()).await.unwrap();
    let mut entries = record.history;
    entries.sort_by_key(|entry| (entry.at, entry.id));
    entries.iter().map(|entry| entry.event.kind()).collect()
}

#[tokio::test]
async fn taking_back_asks_nobody_and_other_rollouts_have_nobody_to_ask() {
    for world in worlds().await {
        let devices = world.devices(2).await;
        let old = world.release("1.9", Stage::Production).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(Plan { revert_to: Some(old), ..asking_all(release) }).await;
        for (device, id) in &asked_of(&world, &devices).await {
            agrees(&world, device, *id).await;
            world.installs(device, *id, "2.0").await;
        }
        world.fleet.abort_rollout(&operator(), &code, Abort::Revert, "").await.unwrap();
        let back = world.offered(&devices[0]).await.unwrap();
        assert_eq!(last(&world, &devices[0]).await.kind, ActionKind::Revert, "{}", world.name());
        let new = world.devices_of(10, 1).await.remove(0);
        let plain = world.release("2.1", Stage::Production).await;
        world.started(Plan { waves: vec![wave(WaveSize::Rest)], ..plan(plain) }).await;
        let told = world.offered(&new).await.unwrap();
        for (device, id) in [(&devices[0], back), (&new, told)] {
            for consent in [Consent::Confirmed, Consent::Denied] {
                let answer = world.fleet.user_answers(device, id, &says(consent, "")).await;
                assert!(is_missing(&answer), "{}: nobody was asked: {answer:?}", world.name());
            }
        }
    }
}

#[tokio::test]
async fn a_window_says_when_it_is_installed_and_not_when_its_user_may_be_asked() {
    for world in worlds().await {
        let devices = world.devices(1).await;
        let release = world.release("2.0", Stage::Production).await;
        // It is Monday noon in UTC.
        let noon = Window { days: Vec::new(), from: 12 * 60, until: 13 * 60 };
        let windows = Windows { zone: String::new(), open: vec![noon] };
        world.started(Plan { windows, ..asking_all(release) }).await;
        let id = world.asked(&devices[0]).await.unwrap();
        world.wait(5 * HOUR);
        assert_eq!(world.asked(&devices[0]).await, Some(id), "{}", world.name());
        agrees(&world, &devices[0], id).await;
        assert_eq!(world.offered(&devices[0]).await, None, "{}: not now", world.name());
        // What was agreed to holds for the next window, and for the one after: nobody is asked again and again for nothing.
        let mut before = id;
        for wait in [15 * HOUR + 30 * MINUTE, 20 * HOUR] {
            world.wait(4 * HOUR);
            world.look().await;
            let shown = last(&world, &devices[0]).await;
            assert_eq!((shown.action, shown.state), (before, S::Cancelled), "{}", world.name());
            world.wait(wait);
            let next = world.offered(&devices[0]).await.unwrap_or_else(|| panic!("{}: asked again", world.name()));
            assert!(next > before, "{}", world.name());
            let said = world.fleet.update_said(&operator(), next).await.unwrap();
            assert_eq!(said.iter().map(|said| said.execution.as_str()).collect::<Vec<_>>(), ["confirmed"]);
            before = next;
        }
        // It may still be denied, and then that one is asked.
        denies(&world, &devices[0], before, "not any more").await;
        assert_eq!(world.asked(&devices[0]).await, Some(before), "{}", world.name());
    }
}

#[tokio::test]
async fn a_rate_counts_who_is_asked_and_two_processes_ask_once() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(Plan { rate_per_minute: Some(2), ..asking_all(release) }).await;
        let two = world.another().await;
        for device in &devices {
            world.fleet.poll(device).await.unwrap();
            two.poll(device).await.unwrap();
        }
        assert_eq!(world.count(&code, 0, S::WaitsForConfirmation).await, 2, "{}", world.name());
        world.wait(MINUTE);
        for device in &devices {
            world.fleet.poll(device).await.unwrap();
        }
        assert_eq!(world.count(&code, 0, S::WaitsForConfirmation).await, 4, "{}", world.name());
    }
}

#[tokio::test]
async fn by_evidence_nobody_who_waits_is_weighed_and_who_agrees_is_exposed() {
    for world in worlds().await {
        let devices = world.devices(40).await;
        let one = world.release("2.0", Stage::Production).await;
        let other = world.release("2.1", Stage::Production).await;
        let variant = |name: &str, release| Variant { name: name.to_owned(), release: Some(release), share: 50_000 };
        let matters = "0.05".parse().unwrap();
        let rates = ErrorRates { false_halt: 20_000, false_advance: 40_000 };
        let only = Wave { gate: Gate { evidence: Some(rates), ..GATE }, ..wave(WaveSize::Rest) };
        let plan = Plan {
            waves: vec![only],
            cohorts: Some(Cohorts { wave: None, variants: vec![variant("A", one), variant("B", other)] }),
            experiment: Some(Experiment {
                hypothesis: "B is no worse.".to_owned(),
                control: 0,
                primary: Criterion { metric: Metric::Verified, better: Better::Higher, matters },
                guards: Vec::new(),
                error: 5_000,
                planned: 40,
                ends_at: None,
            }),
            ..asking_all(one)
        };
        let code = world.started(plan).await;
        let exposed = async || {
            let seen = world.fleet.experiment(&operator(), &code).await.unwrap();
            seen.cohorts.iter().map(|cohort| cohort.exposed).sum::<u64>()
        };
        // Who waits came out neither well nor badly: as one that is under way it would speak for “no difference”.
        let asked = asked_of(&world, &devices).await;
        assert_eq!((asked.len(), exposed().await), (40, 0), "{}", world.name());
        // Whoever agrees and fails counts as one of those who were told, and not of those who were asked.
        for (device, id) in &asked[..3] {
            agrees(&world, device, *id).await;
            world.offered(device).await.unwrap();
            world.fails(device, *id).await;
        }
        let view = world.rollout(&code).await.wave_views[0].clone();
        assert_eq!((view.evidence.failed, view.evidence.under_way, view.evidence.total), (3, 0, 40));
        world.look().await;
        assert_ne!(world.state(&code).await, RolloutState::Running, "{}: three of three is proof", world.name());
        assert_eq!(exposed().await, 3, "{}: once each", world.name());
        // A no makes nobody less exposed, nor a second yes more; and who agreed beforehand has agreed.
        let (device, id) = &asked[3];
        for consent in [Consent::Confirmed, Consent::Denied, Consent::Confirmed] {
            world.fleet.user_answers(device, *id, &says(consent, "")).await.unwrap();
        }
        world.fleet.activate_auto_confirm(&asked[4].0, "Ada", "").await.unwrap();
        denies(&world, &asked[5].0, asked[5].1, "no").await;
        assert_eq!(exposed().await, 5, "{}", world.name());
    }
}

#[tokio::test]
async fn what_lies_in_a_repository_cannot_ask() {
    for world in worlds().await {
        world.devices(1).await;
        let set = world.set("2.0").await;
        let code = world.fleet.create_rollout(&operator(), asking_all(set)).await.unwrap();
        let version = world.rollout(&code).await.version;
        let refused = world.fleet.submit_rollout(&operator(), &code, version).await;
        assert!(
            matches!(&refused, Err(Error::Invalid { fields }) if fields[0].field == "confirmation_required"),
            "{}: {refused:?}",
            world.name()
        );
    }
}

#[tokio::test]
async fn a_device_that_may_get_nothing_is_not_asked() {
    for world in worlds().await {
        let devices = world.devices(1).await;
        let release = world.release("2.0", Stage::Production).await;
        world.started(asking_all(release)).await;
        let id = world.asked(&devices[0]).await.unwrap();
        let quarantined = Event::Quarantined { reason: "looked into".into() };
        world.fleet.device_did(&RULE, devices[0].name(), quarantined).await.unwrap();
        assert_eq!(world.asked(&devices[0]).await, None, "{}", world.name());
        assert!(is_missing(&world.fleet.confirmation(&devices[0], id, None).await), "{}", world.name());
        let released = Event::Released { reason: "it was nothing".into() };
        world.fleet.device_did(&RULE, devices[0].name(), released).await.unwrap();
        assert_eq!(world.asked(&devices[0]).await, Some(id), "{}: asked again", world.name());
    }
}

#[tokio::test]
async fn who_runs_something_newer_by_the_time_its_user_agrees_is_not_taken_back_to_it() {
    for world in worlds().await {
        let devices = world.devices(2).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(asking_all(release)).await;
        let asked = asked_of(&world, &devices).await;
        for (device, _) in &asked {
            world.wait(20 * DAY);
            world.reports(device, "3.0").await;
        }
        // One looks first, the other's user answers at once.
        assert_eq!(world.asked(&asked[0].0).await, None, "{}", world.name());
        for (device, id) in &asked {
            assert_eq!(agrees(&world, device, *id).await, Heard::Closed, "{}", world.name());
            assert_eq!(world.poll(device).await.update, None, "{}: nor is it offered again", world.name());
            assert_eq!(last(&world, device).await.state, S::Cancelled, "{}", world.name());
            let why = world.why(device, &code).await.unwrap();
            assert!(why.contains("newer"), "{}: {why}", world.name());
        }
        let kinds = world.kinds(&asked[1].0).await;
        assert!(!kinds.contains(&"update_confirmed"), "{}: {kinds:?}", world.name());
    }
}

#[tokio::test]
async fn what_another_process_aborts_nobody_agrees_to() {
    for world in worlds().await {
        let devices = world.devices(2).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(asking_all(release)).await;
        let asked = asked_of(&world, &devices).await;
        // This process has not heard of it yet.
        world.another().await.abort_rollout(&operator(), &code, Abort::Keep, "").await.unwrap();
        assert_eq!(agrees(&world, &asked[0].0, asked[0].1).await, Heard::Closed, "{}", world.name());
        world.fleet.activate_auto_confirm(&asked[1].0, "Ada", "").await.unwrap();
        for (device, _) in &asked {
            assert_eq!(last(&world, device).await.state, S::Cancelled, "{}", world.name());
            assert_eq!(world.poll(device).await.update, None, "{}", world.name());
        }
    }
}

#[tokio::test]
async fn what_is_aborted_stays_in_memory_for_a_day_while_anybody_waits() {
    for world in worlds().await {
        let devices = world.devices(2).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(asking_all(release)).await;
        assert_eq!(asked_of(&world, &devices).await.len(), 2);
        world.fleet.abort_rollout(&operator(), &code, Abort::Keep, "").await.unwrap();
        let has_ended = async || {
            world.look().await;
            world.rollout(&code).await.events.iter().any(|event| event.deed == "end")
        };
        assert!(!has_ended().await, "{}: each of their polls would read it", world.name());
        assert_eq!(world.poll(&devices[0]).await.update, None, "{}", world.name());
        assert_eq!(world.count(&code, 0, S::Cancelled).await, 1, "{}", world.name());
        world.wait(23 * HOUR);
        assert!(!has_ended().await, "{}: one still waits", world.name());
        world.wait(2 * HOUR);
        assert!(has_ended().await, "{}: not for ever", world.name());
        assert_eq!(world.poll(&devices[1]).await.update, None, "{}", world.name());
        assert_eq!(world.count(&code, 0, S::Cancelled).await, 2, "{}", world.name());
    }
}

#[tokio::test]
async fn whoever_holds_a_device_next_has_agreed_to_nothing_beforehand() {
    for world in worlds().await {
        let devices = world.devices(1).await;
        let release = world.release("2.0", Stage::Production).await;
        world.fleet.activate_auto_confirm(&devices[0], "Ada", "").await.unwrap();
        let (next, ..) = world.fleet.custodian(&admin(), "graz").await.unwrap();
        let sold = Event::Transferred { to: next.holder(), reference: String::new() };
        world.fleet.device_did(&RULE, devices[0].name(), sold).await.unwrap();
        let auto = world.fleet.device_auto_confirm(&operator(), devices[0].name()).await.unwrap();
        assert_eq!(auto, None, "{}", world.name());
        world.started(asking_all(release)).await;
        assert!(world.asked(&devices[0]).await.is_some(), "{}", world.name());
    }
}
