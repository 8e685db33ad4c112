use super::*;
use crate::{
    device::{Lifecycle, Trust},
    id::ModelId,
    time::Timestamp,
};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[test]
fn every_field_says_what_is_wrong_with_it() {
    assert_eq!(validate(&plan(vec![WaveSize::Share(5_000), WaveSize::Rest])), Ok(()));
    let wrong = Plan {
        name: " ".to_owned(),
        target: "modle:GW".to_owned(),
        timeout_minutes: 0,
        rate_per_minute: Some(0),
        reaction: Reaction::AbortRevert,
        cohorts: Some(split(&[10_000, 20_000])),
        windows: Windows {
            zone: "Mars/Olympus".to_owned(),
            open: vec![Window { days: vec![], from: 1_440, until: 3 }],
        },
        ..plan(vec![WaveSize::Rest, WaveSize::Share(0), WaveSize::Query(String::new())])
    };
    let fields: Vec<String> = validate(&wrong).unwrap_err().into_iter().map(|error| error.field).collect();
    let expected = [
        "name",
        "target",
        "waves.0.size",
        "waves.1.size",
        "waves.2.size",
        "cohorts",
        "windows.zone",
        "windows.0",
        "timeout_minutes",
        "rate_per_minute",
        "revert_to",
    ];
    assert_eq!(fields, expected);
    let back = Plan { revert_to: Some(release(1)), ..plan(vec![WaveSize::Rest]) };
    assert_eq!(validate(&back).unwrap_err()[0].field, "revert_to");
}

#[test]
fn a_plan_is_the_same_after_it_was_written() {
    let plan = Plan {
        cohorts: Some(split(&[50_000, 50_000])),
        start_at: Some(at("2026-12-01T02:00:00Z")),
        ..plan(vec![WaveSize::Query("rev:C".to_owned()), WaveSize::Devices(7), WaveSize::Rest])
    };
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    assert!(text.contains(r#""size":{"devices":7}"#) && text.contains(r#""size":"rest""#), "{text}");
}

#[test]
fn a_plan_that_asks_nobody_is_written_as_before_anybody_could_be_asked() {
    let plan = plan(vec![WaveSize::Rest]);
    let (frozen, _) = freeze(&plan, &[], &[]);
    let asking = Plan { confirmation_required: true, ..plan.clone() };
    assert!(!serde_json::to_string(&plan).unwrap().contains("confirmation"));
    assert_ne!(plan_hash(&plan, &frozen), plan_hash(&asking, &frozen), "it is approved with the rest");
    let text = serde_json::to_string(&asking).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), asking);
}

#[test]
fn windows_are_in_the_time_of_the_place_whatever_the_season() {
    let night = Windows {
        zone: "Europe/Prague".to_owned(),
        open: vec![Window { days: vec![Day::Saturday], from: 22 * 60, until: 4 * 60 }],
    };
    // In winter Prague is an hour ahead, in summer two. 28 November 2026 is a Saturday, 1 August 2026 too.
    for (time, open) in [
        ("2026-11-28T20:59:00Z", false),
        ("2026-11-28T21:00:00Z", true),
        ("2026-11-29T02:59:00Z", true),
        ("2026-11-29T03:00:00Z", false),
        ("2026-11-29T21:30:00Z", false),
        ("2026-08-01T19:59:00Z", false),
        ("2026-08-01T20:00:00Z", true),
        ("2026-08-02T01:59:00Z", true),
        ("2026-08-02T02:00:00Z", false),
    ] {
        assert_eq!(night.are_open(at(time), ""), open, "{time}");
    }
    assert!(
        !night.are_open(at("2026-11-28T21:00:00Z"), "America/New_York"),
        "the device's own zone is the one that counts"
    );
    assert!(night.are_open(at("2026-11-28T21:00:00Z"), "Nowhere/Land"), "what it reports and is none does not");
    assert!(Windows::default().are_open(at("2026-11-28T21:00:00Z"), ""));
    let always = Window { days: vec![], from: 0, until: 24 * 60 };
    assert!(Windows { zone: String::new(), open: vec![always] }.are_open(at("2026-11-28T23:59:59Z"), ""));
}

#[test]
fn who_does_not_get_it_is_told_why() {
    let model = ModelId(Uuid::from_u128(7));
    let good = Subject {
        model,
        revision: "C".to_owned(),
        batch: "2026-11-A".to_owned(),
        channel: "production".to_owned(),
        lifecycle: Lifecycle::Active,
        trust: Trust::Trusted,
        held: false,
        firmware: "2.3.0".to_owned(),
        zone: String::new(),
    };
    let fits = Fits {
        version: "2.4.1".to_owned(),
        models: vec![model],
        revisions: vec!["c".to_owned()],
        stage: "production".to_owned(),
    };
    let plan = plan(vec![WaveSize::Rest]);
    let why = |subject: Subject, fits: &Fits| eligible(&subject, fits, &plan, Timestamp(0)).err();
    assert_eq!(why(good.clone(), &fits), None);
    assert_eq!(why(Subject { firmware: String::new(), ..good.clone() }, &fits), None);
    let of = |subject: Subject| why(subject, &fits).unwrap();
    assert_eq!(of(Subject { held: true, ..good.clone() }), Reason::Held);
    for trust in [Trust::Suspect, Trust::Quarantined, Trust::Revoked] {
        assert_eq!(of(Subject { trust, ..good.clone() }), Reason::Untrusted(trust));
    }
    assert_eq!(of(Subject { lifecycle: Lifecycle::Retired, ..good.clone() }).words(), "It is retired.");
    assert_eq!(of(Subject { model: ModelId(Uuid::nil()), ..good.clone() }), Reason::OtherModel);
    assert_eq!(of(Subject { revision: "D".to_owned(), ..good.clone() }), Reason::OtherRevision("D".to_owned()));
    assert_eq!(of(Subject { firmware: "v2.4.1".to_owned(), ..good.clone() }), Reason::RunsIt("v2.4.1".to_owned()));
    assert_eq!(of(Subject { firmware: "2.5".to_owned(), ..good.clone() }), Reason::RunsNewer("2.5".to_owned()));
    for (stage, channel, gets) in [
        ("production", "production", true),
        ("staging", "production", false),
        ("staging", "staging", true),
        ("dev", "staging", false),
        ("dev", "dev", true),
        ("production", "dev", true),
        ("withdrawn", "dev", false),
        ("dev", "no such channel", false),
    ] {
        let subject = Subject { channel: channel.to_owned(), ..good.clone() };
        assert_eq!(
            why(subject, &Fits { stage: stage.to_owned(), ..fits.clone() }).is_none(),
            gets,
            "{stage} {channel}"
        );
    }
}

#[test]
fn an_experiment_with_a_hold_out_asks_nobody() {
    let experiment = Experiment {
        hypothesis: "It starts as often.".to_owned(),
        control: 0,
        primary: Criterion {
            metric: Metric::Above { name: "boot_s".to_owned(), threshold: "30".parse().unwrap() },
            better: Better::Lower,
            matters: "0.05".parse().unwrap(),
        },
        guards: Vec::new(),
        error: 5_000,
        planned: 400,
        ends_at: None,
    };
    let compared =
        Plan { cohorts: Some(split(&[50_000, 50_000])), experiment: Some(experiment), ..plan(vec![WaveSize::Rest]) };
    assert_eq!(validate(&compared), Ok(()));
    let asking = Plan { confirmation_required: true, ..compared.clone() };
    let wrong = validate(&asking).unwrap_err();
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert_eq!(wrong[0].field, "confirmation_required");
    assert!(wrong[0].message.contains("hold-out"), "{}", wrong[0].message);
    // Where nobody is held out, or nothing is compared, it may ask.
    let mut all = asking.clone();
    all.cohorts.iter_mut().flat_map(|cohorts| &mut cohorts.variants).for_each(|one| one.release = Some(release(1)));
    assert_eq!(validate(&all), Ok(()));
    assert_eq!(validate(&Plan { experiment: None, ..asking }), Ok(()));
}
