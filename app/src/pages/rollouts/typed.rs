//! A plan as people type it: names and values of a form, and back.

mod experiment;

pub use experiment::other_experiment;
pub(super) use experiment::{METRICS, guards, has_experiment, matters_text};

use crate::context::{FieldError, FormState};
use domain::{
    bucket::PARTS,
    id::ReleaseId,
    rollout::{
        Advance, COHORTS_MAX, Cohorts, ErrorRates, Gate, Plan, Reaction, Variant, WAVES_MAX, Wave, WaveSize, Windows,
    },
    time::Timestamp,
};

/// How a wave's size is told.
pub(super) const UNITS: [(&str, &str); 4] =
    [("percent", "percent"), ("devices", "devices"), ("query", "a query"), ("rest", "the rest")];

/// The word of a gate that goes by evidence.
pub(super) const EVIDENCE: &str = "evidence";
const SHARES: &str = "shares";
/// By what a gate judges.
pub(super) const RULES: [(&str, &str); 2] = [(EVIDENCE, "evidence, at any time"), (SHARES, "bare shares")];
/// The chances of error that a form begins with, in percent.
const USUAL_ERROR: &str = "5";

/// The share that the first cohort begins with, in percent; the next ones begin like it.
const HALF: &str = "50";

/// Minutes in each unit that a span may be told in.
const SPANS: [(&str, u32); 3] = [("d", 24 * 60), ("h", 60), ("min", 1)];

/// What a form says, read field by field. What can't be read is noted, and all of it is told at once.
struct Reader<'a> {
    form: &'a FormState,
    wrong: Vec<FieldError>,
}

impl Reader<'_> {
    fn text(&self, name: &str) -> String {
        self.form.value(name).trim().to_owned()
    }

    fn say(&mut self, name: &str, message: &str) {
        self.wrong.push(FieldError { field: Some(name.to_owned()), message: message.to_owned() });
    }

    /// What `read` makes of a field; what it can't read is noted and counts as nothing.
    fn read<T: Default>(&mut self, name: &str, message: &str, read: impl Fn(&str) -> Option<T>) -> T {
        let text = self.text(name);
        read(&text).unwrap_or_else(|| {
            self.say(name, message);
            T::default()
        })
    }

    fn share(&mut self, name: &str) -> u32 {
        self.read(name, "Write a share in percent, like 2 or 0.5.", share_of)
    }

    fn span(&mut self, name: &str) -> u32 {
        self.read(name, "Write how long, like 30 min, 24 h or 3 d.", span_of)
    }

    fn number<T: std::str::FromStr + Default>(&mut self, name: &str) -> T {
        self.read(name, "Write a whole number.", |text| text.parse().ok())
    }

    /// A number that may be left out.
    fn number_or_none(&mut self, name: &str) -> Option<u32> {
        self.read(name, "Write a whole number, or nothing.", |text| match text {
            "" => Some(None),
            text => text.parse().ok().map(Some),
        })
    }

    /// A moment in UTC that may be left out.
    fn start(&mut self, name: &str) -> Option<Timestamp> {
        self.read(name, "Write a day and a time, like 2026-11-30 02:00 (UTC).", start_of)
    }

    /// An id that may be left out.
    fn id<T: std::str::FromStr>(&mut self, name: &str) -> Option<T> {
        self.read(name, "Choose one from the list.", |text| match text {
            "" => Some(None),
            text => text.parse().ok().map(Some),
        })
    }

    fn wave(&mut self, n: usize) -> Wave {
        let field = |name: &str| format!("waves.{n}.{name}");
        let size = match self.text(&field("unit")).as_str() {
            "percent" => WaveSize::Share(self.share(&field("size"))),
            "devices" => WaveSize::Devices(self.number(&field("size"))),
            "query" => WaveSize::Query(self.text(&field("size"))),
            _ => WaveSize::Rest,
        };
        let gate = Gate {
            advance: self.text(&field("gate.advance")).parse().unwrap_or(Advance::Auto),
            open_minutes: self.span(&field("gate.open_minutes")),
            min_sample: self.number(&field("gate.min_sample")),
            failed_limit: self.share(&field("gate.failed_limit")),
            silent_limit: self.share(&field("gate.silent_limit")),
            done: self.share(&field("gate.done")),
            evidence: (self.text(&field("gate.rule")) == EVIDENCE).then(|| ErrorRates {
                false_halt: self.share(&field("gate.false_halt")),
                false_advance: self.share(&field("gate.false_advance")),
            }),
        };
        Wave { name: self.text(&field("name")), size, gate }
    }

    fn variant(&mut self, n: usize) -> Variant {
        let field = |name: &str| format!("cohorts.{n}.{name}");
        Variant {
            name: self.text(&field("name")),
            release: self.id(&field("release")),
            share: self.share(&field("share")),
        }
    }
}

/// The form with one row more of a kind (`waves`, `cohorts`), begun like the last one.
#[must_use]
pub fn another_row(mut form: FormState, kind: &str) -> FormState {
    let n = rows(&form, kind);
    if n >= most(kind) {
        return form.wrong(kind, format!("There can be {} at most.", most(kind)));
    }
    let last = format!("{kind}.{}.", n.saturating_sub(1));
    let begun: Vec<(String, String)> = form
        .values
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(&last)?.to_owned(), value.clone())))
        .filter(|(field, _)| n > 0 && !matches!(field.as_str(), "name" | "size" | "release"))
        .collect();
    let (name, size) = if kind == "waves" { (format!("Wave {}", n + 1), "size") } else { (cohort_name(n), "release") };
    form.values.push((format!("{kind}.{n}.name"), name));
    form.values.push((format!("{kind}.{n}.{size}"), String::new()));
    form.values.extend(begun.into_iter().map(|(field, value)| (format!("{kind}.{n}.{field}"), value)));
    if kind == "cohorts" && n == 0 {
        // Most compare two halves; whoever wants other shares says so.
        form.values.push((format!("{kind}.{n}.share"), HALF.to_owned()));
    }
    form
}

/// `A`, `B` …
fn cohort_name(n: usize) -> String {
    u8::try_from(n)
        .ok()
        .and_then(|n| b'A'.checked_add(n))
        .map_or_else(String::new, |letter| char::from(letter).to_string())
}

/// The form without a row of a kind; those after it move up.
#[must_use]
pub fn without_row(mut form: FormState, kind: &str, at: usize) -> FormState {
    let place = |name: &str| {
        let (n, field) = name.strip_prefix(kind)?.strip_prefix('.')?.split_once('.')?;
        Some((n.parse::<usize>().ok()?, field.to_owned()))
    };
    form.values.retain(|(name, _)| place(name).is_none_or(|(n, _)| n != at));
    for (name, _) in &mut form.values {
        if let Some((n, field)) = place(name).filter(|(n, _)| *n > at) {
            *name = format!("{kind}.{}.{field}", n - 1);
        }
    }
    form.errors.clear();
    form
}

fn most(kind: &str) -> usize {
    if kind == "waves" { WAVES_MAX } else { COHORTS_MAX }
}

/// How many rows of a kind a form has: `waves.0.name`, `waves.1.name` …
pub(super) fn rows(form: &FormState, kind: &str) -> usize {
    (0..most(kind)).take_while(|n| form.has(&format!("{kind}.{n}.name"))).count()
}

/// The plan of a form. A field that can't be read is told by its name.
///
/// # Errors
/// Everything that can't be read.
pub fn plan_of(form: &FormState) -> Result<Plan, Vec<FieldError>> {
    let mut reader = Reader { form, wrong: Vec::new() };
    let waves = (0..rows(form, "waves")).map(|n| reader.wave(n)).collect();
    let variants: Vec<Variant> = (0..rows(form, "cohorts")).map(|n| reader.variant(n)).collect();
    let release: Option<ReleaseId> = reader.id("release");
    if release.is_none() {
        reader.say("release", "Choose the release.");
    }
    let windows = reader.read("windows", "Write a window in each line, like Mon-Fri 02:00-05:00.", Windows::lines_of);
    let cohorts_wave = reader.number_or_none("cohorts.wave").map(|wave| (wave as usize).saturating_sub(1));
    let plan = Plan {
        name: reader.text("name"),
        // What is not chosen was told above: nobody keeps this plan then.
        release: release.unwrap_or_default(),
        target: reader.text("target"),
        waves,
        cohorts: (!variants.is_empty()).then_some(Cohorts { wave: cohorts_wave, variants }),
        start_at: reader.start("start_at"),
        windows: Windows { zone: reader.text("windows.zone"), open: windows },
        rate_per_minute: reader.number_or_none("rate_per_minute"),
        retries: reader.number("retries"),
        timeout_minutes: reader.span("timeout_minutes"),
        soak_minutes: reader.span("soak_minutes"),
        reaction: reader.text("reaction").parse().unwrap_or(Reaction::Pause),
        revert_to: reader.id("revert_to"),
        joins: form.has("joins"),
        downgrades: form.has("downgrades"),
        salt: reader.text("salt"),
        experiment: reader.experiment(),
        late_by_habit: form.has("late_by_habit"),
        confirmation_required: form.has("confirmation_required"),
    };
    if reader.wrong.is_empty() { Ok(plan) } else { Err(reader.wrong) }
}

/// A form's values for a plan, so that it is changed as it was written.
#[must_use]
pub fn values_of(plan: &Plan) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    let mut put = |name: String, value: String| out.push((name, value));
    put("name".into(), plan.name.clone());
    put("release".into(), plan.release.to_string());
    put("target".into(), plan.target.clone());
    for (n, wave) in plan.waves.iter().enumerate() {
        let (unit, size) = match &wave.size {
            WaveSize::Share(parts) => ("percent", percent(*parts)),
            WaveSize::Devices(devices) => ("devices", devices.to_string()),
            WaveSize::Query(text) => ("query", text.clone()),
            WaveSize::Rest => ("rest", String::new()),
        };
        let gate = &wave.gate;
        let error = |of: fn(&ErrorRates) -> u32| {
            gate.evidence.as_ref().map_or_else(|| USUAL_ERROR.to_owned(), |rates| percent(of(rates)))
        };
        let rule = if gate.evidence.is_some() { EVIDENCE } else { SHARES };
        for (name, value) in [
            ("name", wave.name.clone()),
            ("unit", unit.to_owned()),
            ("size", size),
            ("gate.advance", gate.advance.as_str().to_owned()),
            ("gate.open_minutes", span_text(gate.open_minutes)),
            ("gate.min_sample", gate.min_sample.to_string()),
            ("gate.failed_limit", percent(gate.failed_limit)),
            ("gate.silent_limit", percent(gate.silent_limit)),
            ("gate.done", percent(gate.done)),
            ("gate.rule", rule.to_owned()),
            ("gate.false_halt", error(|rates| rates.false_halt)),
            ("gate.false_advance", error(|rates| rates.false_advance)),
        ] {
            put(format!("waves.{n}.{name}"), value);
        }
    }
    if let Some(cohorts) = &plan.cohorts {
        put("cohorts.wave".into(), cohorts.wave.map(|wave| (wave + 1).to_string()).unwrap_or_default());
        for (n, variant) in cohorts.variants.iter().enumerate() {
            put(format!("cohorts.{n}.name"), variant.name.clone());
            put(format!("cohorts.{n}.share"), percent(variant.share));
            put(format!("cohorts.{n}.release"), variant.release.map(|id| id.to_string()).unwrap_or_default());
        }
    }
    put("start_at".into(), start_text(plan.start_at));
    put("windows".into(), plan.windows.lines());
    put("windows.zone".into(), plan.windows.zone.clone());
    put("rate_per_minute".into(), plan.rate_per_minute.map(|rate| rate.to_string()).unwrap_or_default());
    put("retries".into(), plan.retries.to_string());
    put("timeout_minutes".into(), span_text(plan.timeout_minutes));
    put("soak_minutes".into(), span_text(plan.soak_minutes));
    put("reaction".into(), plan.reaction.as_str().to_owned());
    put("revert_to".into(), plan.revert_to.map(|id| id.to_string()).unwrap_or_default());
    put("salt".into(), plan.salt.clone());
    for (name, is_ticked) in [
        ("joins", plan.joins),
        ("downgrades", plan.downgrades),
        ("late_by_habit", plan.late_by_habit),
        ("confirmation_required", plan.confirmation_required),
    ] {
        if is_ticked {
            put(name.into(), "yes".into());
        }
    }
    out.extend(experiment::values_of(plan));
    out
}

/// A share in percent, with or without the sign: `2`, `0.5 %`.
fn share_of(text: &str) -> Option<u32> {
    let text = text.trim().trim_end_matches('%').trim_end().replace(',', ".");
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 3 || part.len() > 3 || !digits(whole) || !digits(part) {
        return None;
    }
    let thousandths: u32 = format!("{part:0<3}").parse().ok()?;
    Some(whole.parse::<u32>().ok()? * (PARTS / 100) + thousandths)
}

/// A share in percent, as short as it goes: `2`, `0.5`.
pub(in crate::pages) fn percent(parts: u32) -> String {
    let one = PARTS / 100;
    let text = format!("{}.{:03}", parts / one, parts % one);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A span in minutes: `30 min`, `24 h`, `3 d`; a bare number is minutes.
fn span_of(text: &str) -> Option<u32> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let minutes = match unit.trim() {
        "" | "m" | "minutes" => 1,
        unit => SPANS.iter().find(|(name, _)| *name == unit)?.1,
    };
    number.parse::<u32>().ok()?.checked_mul(minutes)
}

/// A span in the largest unit that fits.
pub(super) fn span_text(minutes: u32) -> String {
    let fits = |unit: &&(&str, u32)| minutes >= unit.1 && minutes.is_multiple_of(unit.1);
    let (unit, size) = SPANS.iter().find(fits).unwrap_or(&("min", 1));
    format!("{} {unit}", minutes / size)
}

/// When it starts, in UTC; nothing for at once.
fn start_of(text: &str) -> Option<Option<Timestamp>> {
    if text.is_empty() {
        return Some(None);
    }
    let text = text.trim_end_matches("UTC").trim_end().replace(' ', "T");
    let seconds = if text.matches(':').count() == 1 { ":00" } else { "" };
    Timestamp::parse(&format!("{text}{seconds}Z")).ok().map(Some)
}

/// It as it is typed.
fn start_text(at: Option<Timestamp>) -> String {
    at.map(|at| at.to_utc().format("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_spans_are_read_as_people_write_them() {
        assert_eq!(
            ["2", "0.5 %", "100%", "0,25", "1.2345", "x", "", "-1"].map(share_of),
            [Some(2_000), Some(500), Some(100_000), Some(250), None, None, None, None]
        );
        assert_eq!(
            ["30", "30 min", "24h", "3 d", "h", "1 w", "9999999999"].map(span_of),
            [Some(30), Some(30), Some(1_440), Some(4_320), None, None, None]
        );
        assert_eq!(
            start_of("2026-11-30 02:00").flatten().map(Timestamp::rfc3339).as_deref(),
            Some("2026-11-30T02:00:00Z")
        );
        assert!(start_of("soon").is_none() && start_of("").is_some_and(|none| none.is_none()));
    }

    #[test]
    fn what_is_shown_is_read_as_the_same() {
        for parts in 0..=PARTS {
            assert_eq!(share_of(&percent(parts)), Some(parts));
        }
        for minutes in (0..200_000).step_by(7) {
            assert_eq!(span_of(&span_text(minutes)), Some(minutes));
        }
    }

    #[test]
    fn gates_by_evidence_are_read_as_they_are_shown() {
        let values = |rule: &str| {
            let wave = [
                ("name", "All"),
                ("unit", "rest"),
                ("gate.open_minutes", "0"),
                ("gate.min_sample", "1"),
                ("gate.failed_limit", "2"),
                ("gate.silent_limit", "5"),
                ("gate.done", "90"),
                ("gate.rule", rule),
                ("gate.false_halt", "5"),
                ("gate.false_advance", "0.1"),
            ];
            let rest =
                [("release", "00000000-0000-7000-8000-000000000001"), ("retries", "0"), ("timeout_minutes", "1 d")];
            let soak = [("soak_minutes", "1 h"), ("late_by_habit", "yes"), ("confirmation_required", "yes")];
            let of_wave = wave.map(|(name, value)| (format!("waves.0.{name}"), value.to_owned()));
            let others = rest.into_iter().chain(soak).map(|(name, value)| (name.to_owned(), value.to_owned()));
            FormState { values: of_wave.into_iter().chain(others).collect(), errors: Vec::new() }
        };
        let read = |rule| plan_of(&values(rule)).ok();
        let of_gate = |plan: &Plan| plan.waves.first().and_then(|wave| wave.gate.evidence);
        let plan = read(EVIDENCE);
        let rates = ErrorRates { false_halt: 5_000, false_advance: 100 };
        assert_eq!(plan.as_ref().map(|plan| (of_gate(plan), plan.late_by_habit)), Some((Some(rates), true)));
        let again = plan.as_ref().map(|plan| FormState { values: values_of(plan), errors: Vec::new() });
        assert_eq!(again.and_then(|form| plan_of(&form).ok()), plan);
        assert_eq!(read(SHARES).as_ref().map(of_gate), Some(None));
    }

    #[test]
    fn rows_come_and_go_and_keep_what_was_typed() {
        let plan = |names: &[&str]| FormState {
            values: names
                .iter()
                .enumerate()
                .flat_map(|(n, name)| {
                    [(format!("waves.{n}.name"), (*name).to_owned()), (format!("waves.{n}.gate.done"), "90".to_owned())]
                })
                .collect(),
            errors: Vec::new(),
        };
        let more = another_row(plan(&["a", "b"]), "waves");
        assert_eq!(
            (rows(&more, "waves"), more.value("waves.2.name"), more.value("waves.2.gate.done")),
            (3, "Wave 3", "90")
        );
        let less = without_row(more, "waves", 0);
        assert_eq!((rows(&less, "waves"), less.value("waves.0.name"), less.value("waves.1.name")), (2, "b", "Wave 3"));
        let cohorts = another_row(another_row(less, "cohorts"), "cohorts");
        assert_eq!((cohorts.value("cohorts.0.name"), cohorts.value("cohorts.1.name")), ("A", "B"));
    }
}
