use super::*;
use domain::{
    decimal::Decimal,
    rollout::{Better, Cohorts, Criterion, Day, ErrorRates, Experiment, Metric, Variant, Window, Windows},
    time::Timestamp,
};
use serde_json::{Value, json};

fn release(n: u8) -> ReleaseId {
    serde_json::from_value(json!(format!("00000000-0000-7000-8000-0000000000{n:02}"))).unwrap_or_default()
}

fn titles() -> Titles {
    Titles {
        releases: (1..=3).map(|n| (release(n), format!("gateway-os 1.{n}.0"))).collect(),
        orders: HashMap::from([("salt".to_owned(), "Summer".to_owned())]),
    }
}

fn wave(name: &str, size: WaveSize) -> Wave {
    let gate = Gate {
        advance: Advance::Auto,
        open_minutes: 1_440,
        min_sample: 20,
        failed_limit: 2_000,
        silent_limit: 5_000,
        done: 90_000,
        evidence: None,
    };
    Wave { name: name.to_owned(), size, gate }
}

/// By evidence it is not asked of how many devices at least.
const BY_EVIDENCE: Gate = Gate {
    advance: Advance::Auto,
    open_minutes: 0,
    min_sample: 1,
    failed_limit: 2_000,
    silent_limit: 5_000,
    done: 90_000,
    evidence: Some(ErrorRates { false_halt: 1_000, false_advance: 500 }),
};
/// An experiment with every kind of metric.
fn experiment() -> Experiment {
    let number = Decimal::of_millionths;
    let criterion = |metric, matters| Criterion { metric, better: Better::Lower, matters: number(matters) };
    let name = || "boot_s".to_owned();
    let value = Metric::Value { name: name(), low: number(0), high: number(120_000_000) };
    Experiment {
        hypothesis: "B starts as quickly as A.".to_owned(),
        control: 0,
        primary: criterion(value, 2_000_000),
        guards: vec![
            criterion(Metric::Verified, 10_000),
            criterion(Metric::BootFailed, 5_000),
            criterion(Metric::Above { name: name(), threshold: number(60_000_000) }, 20_000),
        ],
        error: 5_000,
        planned: 2_000,
        ends_at: Timestamp::parse("2026-12-24T02:00:00Z").ok(),
    }
}

/// A plan that says something of everything.
fn plan() -> Plan {
    Plan {
        name: "Autumn".to_owned(),
        release: release(1),
        target: "state:active".to_owned(),
        waves: vec![
            wave("First", WaveSize::Share(1_000)),
            wave("Some", WaveSize::Devices(40)),
            wave("Labs", WaveSize::Query("channel:dev".to_owned())),
            Wave { gate: BY_EVIDENCE, ..wave("All", WaveSize::Rest) },
        ],
        cohorts: Some(Cohorts {
            wave: Some(1),
            variants: vec![
                Variant { name: "A".to_owned(), release: Some(release(1)), share: 50_000 },
                Variant { name: "B".to_owned(), release: None, share: 50_000 },
            ],
        }),
        start_at: Timestamp::parse("2026-11-30T02:00:00Z").ok(),
        windows: Windows {
            zone: "Europe/Prague".to_owned(),
            open: vec![Window { days: vec![Day::Monday], from: 120, until: 300 }],
        },
        rate_per_minute: Some(50),
        retries: 2,
        timeout_minutes: 4_320,
        soak_minutes: 60,
        reaction: Reaction::AbortRevert,
        revert_to: Some(release(2)),
        joins: true,
        downgrades: true,
        salt: "salt".to_owned(),
        experiment: Some(experiment()),
        late_by_habit: false,
        confirmation_required: true,
    }
}

/// Every value of a document, changed to others, one at a time.
fn changed(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(is) => vec![json!(!is)],
        Value::Number(n) => vec![json!(n.as_i64().unwrap_or_default() + 1)],
        // Another word, another release, another time, another day, another number: only what can be read counts.
        Value::String(text) => [
            format!("{text}x"),
            release(3).to_string(),
            "manual".into(),
            "pause".into(),
            "sun".into(),
            "2026-12-01T02:00:00Z".into(),
            "7.5".into(),
            "higher".into(),
            "boot_failed".into(),
        ]
        .map(Value::String)
        .to_vec(),
        Value::Null => Vec::new(),
        Value::Array(items) => {
            let each = items.iter().enumerate().flat_map(|(n, item)| {
                changed(item).into_iter().map(move |other| {
                    let mut items = items.clone();
                    if let Some(place) = items.get_mut(n) {
                        *place = other;
                    }
                    Value::Array(items)
                })
            });
            each.collect()
        }
        Value::Object(map) => {
            let each = map.iter().flat_map(|(name, item)| {
                changed(item).into_iter().map(move |other| {
                    let mut map = map.clone();
                    map.insert(name.clone(), other);
                    Value::Object(map)
                })
            });
            each.collect()
        }
    }
}

#[test]
fn whatever_is_changed_in_a_plan_reads_otherwise() {
    let titles = titles();
    let read = all(&plan(), None, &titles);
    let mut tried = 0;
    for other in changed(&json!(plan())) {
        let Ok(other) = serde_json::from_value::<Plan>(other) else { continue };
        let sample_of_evidence =
            other.waves.last().is_some_and(|wave| wave.gate.evidence.is_some() && wave.gate.min_sample != 1);
        if other != plan() && !sample_of_evidence {
            tried += 1;
            assert_ne!(all(&other, None, &titles), read, "{other:?}");
        }
    }
    assert!(tried > 60, "{tried}");
    let own = rules(&plan(), &Titles { orders: HashMap::new(), ..titles });
    assert_eq!(own.last().map(|line| line.words.as_str()), Some("one of its own, drawn at random"));
}

#[test]
fn a_plan_is_read_out_in_sentences() {
    let (plan, titles) = (plan(), titles());
    let text: Vec<String> =
        all(&plan, None, &titles).into_iter().map(|line| format!("{}: {}", line.term, line.words)).collect();
    for said in [
        "Release: gateway-os 1.1.0",
        "Wave 1: First, 1 % of the target",
        "Gate of wave 1: The next wave opens by itself once 90 % of this one, 20 devices at least, have an outcome and it \
         was open for 1 d. Stops everything when more than 2 % of those with an outcome failed, or more than 5 % went \
         silent; before 20 have an outcome, when that is so of the whole wave.",
        "Gate of wave 4: It is complete once 90 % of this one have an outcome, and the evidence is enough that fewer than 2 % \
         fail and fewer than 5 % go silent: wrong in 0.5 % of such waves at most. Stops everything by evidence that more than \
         2 % fail, or more than 5 % go silent: wrong in 1 % of such waves at most. If that is so of one hardware revision or one \
         batch alone, only that is held back.",
        "Silent: after 3 d without progress",
        "Cohort A: 50 % of wave 2: gets gateway-os 1.1.0",
        "Cohort B: 50 % of wave 2: gets nothing, for comparison",
        "Experiment: It is expected: “B starts as quickly as A.”",
        "Compared with: cohort A: each other cohort’s difference from it",
        "Decided by: the mean of what devices report as boot_s, values below 0 and above 120 counted as these; lower is \
         better, and a difference of 2 matters",
        "Guard 1: must not become worse: the share of devices whose update is verified; lower is better, and a difference \
         of 1 percentage point matters",
        "Verdict: at the latest with values of 2,000 devices, or on 24 Dec 2026, 02:00 UTC",
        "Starts: on 30 Nov 2026, 02:00 UTC, if it is approved by then",
        "Window: Mon 02:00-05:00",
        "Time zone: the device’s own; Europe/Prague for those that report none",
        "Asks: each device’s user first: nothing is installed, and no gate counts it, before that one agrees",
        "Order: that of rollout “Summer”, as before: the same devices come first",
        "At a limit: Ends for good: devices that have it go back to gateway-os 1.2.0.",
    ] {
        assert!(text.iter().any(|line| line == said), "{said}\n{}", text.join("\n"));
    }
}

#[test]
fn a_wave_that_can_prove_nothing_says_so() {
    let shares = plan().waves.first().map(|wave| wave.gate);
    assert_eq!(shares.and_then(|gate| too_small(&gate, 3)), None);
    let said = too_small(&BY_EVIDENCE, 12).unwrap_or_default();
    assert!(
        said.starts_with("A wave of 12 devices can’t prove that: it takes ") && said.ends_with("somebody decides.")
    );
    assert_eq!(too_small(&BY_EVIDENCE, 10_000), None);
}

#[test]
fn what_differs_is_what_was_changed() {
    let titles = titles();
    let plan = || Plan { experiment: None, ..plan() };
    let before = all(&plan(), None, &titles);
    let other = Plan { rate_per_minute: None, cohorts: None, salt: "other".to_owned(), ..plan() };
    let now = all(&other, None, &titles);
    let terms = |all: Vec<Difference>| all.into_iter().map(|one| one.term).collect::<Vec<_>>();
    assert_eq!(terms(differences(&before, &now)), ["Rate", "Cohort A", "Cohort B"]);
    assert_eq!(terms(differences(&now, &before)), ["Cohort A", "Cohort B", "Rate"]);
    assert!(differences(&before, &before).is_empty());
}
