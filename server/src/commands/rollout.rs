//! `muster rollout`: showing rollouts of a console elsewhere, stopping them and letting them go on, by its API.

use super::{
    client::{Client, Sent},
    serve::say,
};
use crate::{
    cli::{ListRollouts, OneRollout, Rollout},
    failure::{Failure, Outcome},
};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// Does what was asked for.
///
/// # Errors
/// When the console can't be reached or refuses.
pub async fn run(what: Rollout) -> Outcome {
    match what {
        Rollout::List(list) => listed(&list).await,
        Rollout::Show(one) => shown(&one).await,
        Rollout::Pause(pause) => done(&pause.one, "pause", &json!({ "reason": pause.reason })).await,
        Rollout::Resume(resume) => done(&resume.one, "resume", &json!({ "reason": resume.reason })).await,
        // People count waves from 1, the API from 0.
        Rollout::Advance(advance) => done(&advance.one, "advance", &json!({ "wave": advance.after - 1 })).await,
        Rollout::Abort(abort) => {
            let how = json!({ "revert": abort.revert, "reason": abort.reason });
            done(&abort.one, "abort", &how).await
        }
    }
}

async fn listed(list: &ListRollouts) -> Outcome {
    let client = Client::new(&list.remote)?;
    let encoded = |value: &str| utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
    let state = list.state.as_deref().map(|state| format!("&state={}", encoded(state))).unwrap_or_default();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/rollouts?limit=200{state}{cursor}");
        let page = client.ask(Method::GET, &path, Sent::Nothing).await?.json();
        for rollout in page["items"].as_array().into_iter().flatten() {
            say(&line(rollout))?;
        }
        let Some(next) = page["next"].as_str() else { return Ok(()) };
        cursor = format!("&cursor={}", encoded(next));
    }
}

fn path(one: &OneRollout) -> String {
    format!("/api/v1/rollouts/{}", utf8_percent_encode(&one.code, NON_ALPHANUMERIC))
}

async fn shown(one: &OneRollout) -> Outcome {
    let client = Client::new(&one.remote)?;
    let rollout = client.ask(Method::GET, &path(one), Sent::Nothing).await?.json();
    for line in described(&rollout) {
        say(&line)?;
    }
    Ok(say(&format!("{}/rollouts/{}", one.remote.url.trim_end_matches('/'), text(&rollout, "code")))?)
}

/// Does something with a rollout, and says how it stands then.
async fn done(one: &OneRollout, verb: &str, form: &Value) -> Outcome {
    let client = Client::new(&one.remote)?;
    let answer = client.ask(Method::POST, &format!("{}/{verb}", path(one)), Sent::Json(form)).await?;
    let rollout = answer.json();
    if text(&rollout, "state").is_empty() {
        return Err(Failure::NotDone("the console's answer can't be read; look at the rollout".to_owned()));
    }
    Ok(say(&format!("{} {}", text(&rollout, "code"), standing(&rollout)))?)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_default()
}

/// A rollout's state, with the wave where one is open.
fn standing(rollout: &Value) -> String {
    let state = text(rollout, "state");
    match rollout["wave"].as_u64() {
        Some(wave) => format!("{state}, wave {} of {}", wave + 1, number(rollout, "waves")),
        None => state.to_owned(),
    }
}

fn line(rollout: &Value) -> String {
    let (code, release) = (text(rollout, "code"), text(rollout, "release"));
    format!("{code:<32} {release:<28} {:<24} {}", standing(rollout), outcomes(rollout))
}

/// How devices of a rollout or a wave came out, as far as they did.
fn outcomes(of: &Value) -> String {
    let outcomes = &of["outcomes"];
    let parts = [("verified", "verified"), ("failed", "failed"), ("silent", "silent"), ("under_way", "under way")];
    let told = parts.map(|(name, word)| (number(outcomes, name), word)).into_iter().filter(|(n, _)| *n > 0);
    let told: Vec<String> = told.map(|(n, word)| format!("{n} {word}")).collect();
    let held = match number(of, "devices_held_back") {
        0 => String::new(),
        n => format!(", {n} held back"),
    };
    let told = if told.is_empty() { "none".to_owned() } else { told.join(", ") };
    format!("{told} of {}{held}", number(outcomes, "total"))
}

/// A rollout in lines: what it is, how it stands, its waves.
fn described(rollout: &Value) -> Vec<String> {
    let mut lines = vec![
        format!("{} brings {}", text(rollout, "name"), text(rollout, "release")),
        format!("state      {}", standing(rollout)),
    ];
    for (label, name) in [("why", "reason"), ("made by", "created_by"), ("approved", "approved_by")] {
        if !text(rollout, name).is_empty() {
            lines.push(format!("{label:<10} {}", text(rollout, name)));
        }
    }
    if rollout["plan"]["confirmation_required"] == json!(true) {
        lines.push("asks       each device's user first".to_owned());
    }
    lines.push(format!("devices    {}", outcomes(rollout)));
    let is_over = matches!(text(rollout, "state"), "completed" | "aborted");
    let names = rollout["plan"]["waves"].as_array().into_iter().flatten();
    let waves = rollout["wave_views"].as_array().into_iter().flatten();
    for (n, (wave, plan)) in waves.zip(names).enumerate() {
        let is_last_open = rollout["wave"].as_u64() == u64::try_from(n).ok();
        let open = match (wave["open"] == json!(true), is_last_open && !is_over) {
            (true, true) => "open  ",
            (true, false) => "passed",
            (false, _) => "closed",
        };
        let waiting = match number(wave, "waiting") {
            0 => String::new(),
            n => format!(", {n} waiting for their user"),
        };
        let told = outcomes(wave);
        lines.push(format!("wave {:<5} {open} {:<20} {told}{waiting}", n + 1, text(plan, "name")));
        // What a wave waits for that is not open is that it opens; what is over waits for nothing.
        if wave["open"] != json!(true) || is_over {
            continue;
        }
        let missing = wave["missing"].as_array().into_iter().flatten().filter_map(Value::as_str);
        lines.extend(missing.map(|missing| format!("           waits for: {missing}")));
        lines.extend(wave["halted"].as_str().map(|why| format!("           stopped: {why}")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollout() -> Value {
        let outcomes = |total, verified, failed| json!({"total": total, "verified": verified, "failed": failed});
        json!({
            "code": "gateways", "name": "Gateways", "release": "gateway-os 2.4.1", "state": "halted", "wave": 0,
            "waves": 2, "reason": "Too many failed.", "created_by": "Ada", "approved_by": "",
            "outcomes": outcomes(120, 17, 3),
            "plan": {"waves": [{"name": "Canary"}, {"name": "All"}]},
            "wave_views": [
                {"open": true, "outcomes": outcomes(20, 17, 3), "missing": [], "halted": "3 of 20 failed."},
                {"open": false, "outcomes": outcomes(100, 0, 0), "missing": ["It is not open."], "halted": null},
            ],
        })
    }

    #[test]
    fn a_rollout_is_told_in_lines() {
        let told = described(&rollout()).join("\n");
        assert_eq!(
            told,
            "Gateways brings gateway-os 2.4.1\n\
             state      halted, wave 1 of 2\n\
             why        Too many failed.\n\
             made by    Ada\n\
             devices    17 verified, 3 failed of 120\n\
             wave 1     open   Canary               17 verified, 3 failed of 20\n           stopped: 3 of 20 failed.\n\
             wave 2     closed All                  none of 100"
        );
    }

    #[test]
    fn who_waits_for_a_user_is_told_apart() {
        let mut asking = rollout();
        asking["plan"]["confirmation_required"] = json!(true);
        asking["wave_views"][0]["waiting"] = json!(7);
        let told = described(&asking);
        assert!(told.iter().any(|line| line == "asks       each device's user first"), "{told:?}");
        assert!(told.iter().any(|line| line.ends_with("3 failed of 20, 7 waiting for their user")), "{told:?}");
    }

    #[test]
    fn who_is_held_back_is_told_apart() {
        let mut without = rollout();
        without["devices_held_back"] = json!(12);
        without["wave_views"][0]["devices_held_back"] = json!(5);
        let told = described(&without);
        assert!(told.contains(&"devices    17 verified, 3 failed of 120, 12 held back".to_owned()), "{told:?}");
        assert!(told.iter().any(|line| line.ends_with("3 failed of 20, 5 held back")), "{told:?}");
        assert!(line(&without).ends_with("of 120, 12 held back"));
    }

    #[test]
    fn a_draft_has_no_wave() {
        let draft = json!({"code": "new", "release": "os 1", "state": "draft", "wave": null, "waves": 3});
        assert_eq!(standing(&draft), "draft");
        assert!(line(&draft).starts_with("new ") && line(&draft).ends_with("none of 0"), "{}", line(&draft));
    }
}
