//! Updates of the device: what it would get now and why not, rollout by rollout, and what became of those that it got.

use super::place::{Place, View};
use crate::{
    components::{
        icons,
        panel::{Panel, fold},
        status::{Status, Tone},
        table::frame,
        text::ago,
    },
    context::{Ctx, segment},
    pages::rollouts::words,
};
use domain::rollout::{ActionKind, ActionState, Remedy};
use fleet::{
    rollout::WhyNot,
    update::{AutoConfirm, DeviceUpdate},
};
use leptos::prelude::*;

/// So many rollouts that are not about it are told one by one; more of them are folded away.
const FEW: usize = 1;

/// So many updates are shown; the history has them all.
const SHOWN: i64 = 10;

/// What rollouts mean for a device, and its last updates.
pub(super) struct Updates {
    rollouts: Vec<WhyNot>,
    past: Vec<DeviceUpdate>,
    auto: Option<AutoConfirm>,
}

impl Updates {
    /// Reads it.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or the database fails.
    pub(super) async fn of(ctx: &Ctx, serial: &str) -> Result<Self, fleet::Error> {
        let rollouts = ctx.fleet.device_rollouts(&ctx.actor, serial).await?;
        let past = ctx.fleet.device_updates(&ctx.actor, serial, SHOWN).await?;
        let auto = ctx.fleet.device_auto_confirm(&ctx.actor, serial).await?;
        Ok(Self { rollouts: in_order(rollouts), past, auto })
    }
}

/// Those that are about the device first. One that is over and never was about it tells nothing of it.
fn in_order(mut rollouts: Vec<WhyNot>) -> Vec<WhyNot> {
    rollouts.retain(|why| why.progress.is_some() || !why.state.is_over());
    rollouts.sort_by_key(is_elsewhere);
    rollouts
}

/// The panel.
pub(super) fn panel(ctx: &Ctx, updates: &Updates, place: &Place, firmware: Option<&str>) -> impl IntoView + use<> {
    let runs = firmware.map_or_else(|| "runs what it never reported".to_owned(), |version| format!("runs {version}"));
    let (own, others): (Vec<&WhyNot>, Vec<&WhyNot>) = updates.rollouts.iter().partition(|why| !is_elsewhere(why));
    let is_many = others.len() > FEW;
    let (rows, folded) = if is_many { (own, others) } else { ([own, others].concat(), Vec::new()) };
    let rows: Vec<_> = rows.into_iter().map(|why| rollout(why, place)).collect();
    let folded = is_many.then(|| {
        let gist = format!("{} rollouts that are under way have nothing for it", folded.len());
        let rows: Vec<_> = folded.into_iter().map(|why| rollout(why, place)).collect();
        fold("Elsewhere", gist, false, view! { <ul class="list">{rows}</ul> })
    });
    let past = (!updates.past.is_empty()).then(|| past(ctx, &updates.past, place));
    Panel::new("Updates").id("updates").aside(runs).flush(view! {
        <div class="body"><p>{now(&updates.rollouts)}</p>{updates.auto.as_ref().map(agrees)}</div>
        <ul class="list">{rows}</ul>
        {folded}
        {past}
    })
}

/// That its user agreed to everything beforehand.
fn agrees(auto: &AutoConfirm) -> impl IntoView + use<> {
    let by = if auto.initiator.is_empty() { String::new() } else { format!(" by {}", auto.initiator) };
    let remark = if auto.remark.is_empty() { String::new() } else { format!(" “{}”", auto.remark) };
    let at = auto.activated_at.minute_words();
    view! { <p class="quiet">{format!("Its user is asked for nothing: auto-confirm was switched on at the device{by}, {at} UTC.{remark}")}</p> }
}

/// Whether a rollout neither has it in a wave nor told it anything.
fn is_elsewhere(why: &WhyNot) -> bool {
    why.wave.is_none() && why.progress.is_none()
}

/// What it gets when it asks next, in a sentence.
fn now(rollouts: &[WhyNot]) -> String {
    let is_open = |state: &ActionState| !state.is_closed() && *state != ActionState::Silent;
    if let Some(why) = rollouts.iter().find(|why| why.progress == Some(ActionState::WaitsForConfirmation)) {
        return format!("Its user is asked whether to install {}; nothing is before that one agrees.", why.title);
    }
    if let Some((why, state)) = rollouts.iter().find_map(|why| Some((why, why.progress.filter(is_open)?))) {
        let state = words::outcome(state).word.to_lowercase();
        return format!("{} is on its way to it: {state}.", why.title);
    }
    match rollouts.iter().find(|why| why.is_next()) {
        Some(why) if why.in_repository => {
            format!(
                "It finds {} the next time it asks at its repository; its polls are told nothing of that.",
                why.title
            )
        }
        Some(why) if why.asks => {
            format!(
                "Its next poll asks its user whether to install {}, unless that one agreed to everything.",
                why.title
            )
        }
        Some(why) => format!("Its next poll is offered {}.", why.title),
        None if rollouts.is_empty() => "No rollout is under way: its next poll gets nothing.".to_owned(),
        None => "Its next poll gets nothing.".to_owned(),
    }
}

/// What one rollout means for it, and where that can be changed.
fn rollout(why: &WhyNot, place: &Place) -> impl IntoView + use<> {
    let at = format!("/rollouts/{}", segment(&why.rollout));
    let status = match why.progress {
        Some(state) => words::outcome(state),
        None if why.is_next() => Status { word: "Next", icon: icons::OFFERED, tone: Tone::Go },
        None => Status { word: "Nothing", icon: icons::RING, tone: Tone::Mute },
    };
    let wave = why.wave.map(|wave| format!(", wave {}", wave + 1));
    let cohort = why.cohort_name.as_ref().map(|name| format!(", cohort {name}"));
    let sentence = match (&why.why_not, why.progress) {
        (Some(words), _) => words.clone(),
        (None, Some(ActionState::WaitsForConfirmation)) => {
            "Its user is asked, and has not agreed. Nobody but the device can answer.".to_owned()
        }
        (None, Some(_)) => "It was told of it.".to_owned(),
        (None, None) if why.in_repository => "It finds it the next time it asks at its repository.".to_owned(),
        (None, None) if why.asks => "Its user is asked at its next poll.".to_owned(),
        (None, None) => "It is offered it at its next poll.".to_owned(),
    };
    let change = why.remedy.and_then(|remedy| Some((to(remedy, why, place, &at)?, remedy.label())));
    let change = change.map(|(to, label)| view! { <a class="small" href=to>{label}</a> });
    view! {
        <li>
            {icons::sized(status.icon, status.tone.icon_class())}
            <div>
                <h3><a href=at>{why.name.clone()}</a> <span class="quiet">{wave} {cohort}</span></h3>
                <p><b>{status.word}</b> ". " {sentence} " " {change}</p>
            </div>
        </li>
    }
}

/// Where that is changed which keeps the device from it.
fn to(remedy: Remedy, why: &WhyNot, place: &Place, rollout: &str) -> Option<String> {
    let here = |id: &str| match place.view {
        View::Overview | View::History => format!("#{id}"),
        _ => format!("{}#{id}", place.path()),
    };
    Some(match remedy {
        Remedy::Certificate => here("certificate"),
        Remedy::Trust => place.why(),
        Remedy::Repair => here("repairs"),
        Remedy::Wave => format!("{rollout}#waves"),
        Remedy::Plan => format!("{rollout}#plan"),
        Remedy::Rollout => rollout.to_owned(),
        Remedy::Release => format!("/releases/{}", why.release?),
    })
}

/// Its last updates, newest first.
fn past(ctx: &Ctx, updates: &[DeviceUpdate], place: &Place) -> impl IntoView + use<> {
    let rows: Vec<_> = updates.iter().map(|update| line(ctx, update)).collect();
    let all = place.view(View::History);
    view! {
        {frame(
            "Updates of this device",
            view! {
                <table class="table cards">
                    <caption class="sr">"Updates of this device, newest first"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Version"</th>
                            <th scope="col">"Outcome"</th>
                            <th scope="col">"Rollout"</th>
                            <th scope="col">"Last word"</th>
                            <th scope="col" class="num">"When"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            },
        )}
        <footer><a href=all>"The whole history"</a></footer>
    }
}

fn line(ctx: &Ctx, update: &DeviceUpdate) -> impl IntoView + use<> {
    let from = if update.from.is_empty() { "an unknown version".to_owned() } else { update.from.clone() };
    let from = match update.kind {
        ActionKind::Update => format!("from {from}"),
        ActionKind::Revert => format!("back from {from}"),
    };
    let tried = (update.attempt > 0).then(|| format!(", try {}", update.attempt + 1));
    let rollout = match update.rollout.as_str() {
        "" => view! { <span class="quiet">"gone"</span> }.into_any(),
        code => view! { <a href=format!("/rollouts/{}", segment(code))>{update.name.clone()}</a> }.into_any(),
    };
    let said = match update.reason.as_str() {
        "" => view! { <span class="quiet">"–"</span> }.into_any(),
        reason => view! { {reason.to_owned()} " " <span class="mono quiet">{update.code.clone()}</span> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row" class="two">
                <b><a href=format!("/releases/{}", update.release)>{update.version.clone()}</a></b>
                <small>{from} {tried}</small>
            </th>
            <td data-l="Outcome">{words::outcome_of(update.state, update.denied).cell()}</td>
            <td data-l="Rollout">{rollout}</td>
            <td data-l="Last word">{said}</td>
            <td data-l="When" class="num nowrap">{ago(update.changed_at, ctx.now)}</td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::rollout::RolloutState;

    fn why(state: RolloutState, wave: Option<usize>, progress: Option<ActionState>, why_not: Option<&str>) -> WhyNot {
        WhyNot {
            rollout: "r".to_owned(),
            name: "R".to_owned(),
            state,
            wave,
            cohort: 0,
            cohort_name: None,
            release: None,
            title: "gateway-os 1.5.0".to_owned(),
            in_repository: false,
            asks: false,
            progress,
            why_not: why_not.map(str::to_owned),
            remedy: None,
        }
    }

    #[test]
    fn what_the_next_poll_gets_is_said() {
        use RolloutState::{Aborted, Running};
        assert!(now(&[]).contains("No rollout is under way"));
        let not = why(Running, Some(1), None, Some("It is in wave 2."));
        assert_eq!(now(std::slice::from_ref(&not)), "Its next poll gets nothing.");
        let next = why(Running, Some(0), None, None);
        assert_eq!(now(&[not.clone(), next.clone()]), "Its next poll is offered gateway-os 1.5.0.");
        let told = now(&[not.clone(), WhyNot { in_repository: true, ..next }]);
        assert!(told.starts_with("It finds gateway-os 1.5.0 the next time it asks at its repository"), "{told}");
        let asks = now(&[WhyNot { asks: true, ..why(Running, Some(0), None, None) }]);
        assert!(asks.starts_with("Its next poll asks its user whether to install gateway-os 1.5.0"), "{asks}");
        let waits = now(&[why(Running, Some(0), Some(ActionState::WaitsForConfirmation), None)]);
        assert!(waits.starts_with("Its user is asked whether to install gateway-os 1.5.0"), "{waits}");
        let busy = why(Running, Some(0), Some(ActionState::Installing), None);
        assert_eq!(now(&[not, busy]), "gateway-os 1.5.0 is on its way to it: installing.");
        let over = why(Running, Some(0), Some(ActionState::Verified), None);
        assert_eq!(now(&[over]), "Its next poll gets nothing.", "it was told of it");
        let elsewhere = why(Running, None, None, Some("It was not in the target."));
        let order = in_order(vec![
            elsewhere.clone(),
            why(Aborted, Some(0), None, Some("It is aborted.")),
            why(Running, Some(0), None, None),
        ]);
        assert_eq!(order.len(), 2, "what is over and never was about it is left out");
        assert_eq!(order.last(), Some(&elsewhere));
    }
}
