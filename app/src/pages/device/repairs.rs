//! The repairs of a device, and the way to open one.

use super::{events::tell, life::Life, place::Place};
use crate::{
    components::{
        icons::{self, icon},
        panel::Panel,
        text::day,
    },
    context::{Ctx, href},
    pages::{
        errors::who_may,
        repairs::{path, status},
    },
};
use domain::{device::Lifecycle, history::Event, person::Permission};
use fleet::repair::RepairCase;
use leptos::prelude::*;

/// The repair of the device that is open.
pub(super) fn open_one(repairs: &[RepairCase]) -> Option<&RepairCase> {
    repairs.iter().find(|case| case.state.is_open())
}

/// The button in the page's head: to the open repair, or to open one.
pub(super) fn action(ctx: &Ctx, repairs: &[RepairCase], is_retired: bool, serial: &str) -> AnyView {
    if let Some(case) = open_one(repairs) {
        let label = format!("Repair {}", case.code);
        return view! { <a class="btn" href=path(&case.code)>{icon(icons::WRENCH)}{label}</a> }.into_any();
    }
    let why = if is_retired {
        Some("A retired device is not repaired any more.".to_owned())
    } else if ctx.may(Permission::RepairManage) {
        None
    } else {
        Some(who_may(Permission::RepairManage))
    };
    match why {
        None => {
            let to = href("/repairs/new", &[("serial", serial)]);
            view! { <a class="btn" href=to>{icon(icons::WRENCH)}"Open a repair"</a> }.into_any()
        }
        Some(why) => view! {
            <button class="btn" type="button" aria-disabled="true" title=why>{icon(icons::WRENCH)}"Open a repair"</button>
        }
        .into_any(),
    }
}

/// Whether the device is retired.
pub(super) const fn is_retired(lifecycle: Lifecycle) -> bool {
    matches!(lifecycle, Lifecycle::Retired)
}

/// Its repairs, newest first; those of before the desk are in the history alone. Nothing when there are none.
pub(super) fn panel(life: &Life<'_>, repairs: &[RepairCase], place: &Place) -> Option<impl IntoView + use<>> {
    let is_kept = |code: &str| repairs.iter().any(|case| case.code == code);
    let told = life
        .record
        .history
        .iter()
        .rev()
        .filter(|entry| matches!(&entry.event, Event::RepairOpened { case, .. } if !is_kept(case)));
    let older: Vec<_> = told
        .map(|entry| {
            let words = tell(&entry.event).headline;
            view! { <li>{icon(icons::WRENCH)}<span>{words}</span><a class="push quiet small" href=place.entry(entry.id, false)>{day(entry.at)}</a></li> }
        })
        .collect();
    if repairs.is_empty() && older.is_empty() {
        return None;
    }
    let rows: Vec<_> = repairs
        .iter()
        .map(|case| {
            view! {
                <li>
                    {status(case.state).cell()}
                    <a href=path(&case.code)>{case.code.clone()}</a>
                    <span class="push quiet small">{day(case.opened_at)}</span>
                </li>
            }
        })
        .collect();
    Some(Panel::new("Repairs").id("repairs").flush(view! { <ul class="lines">{rows}{older}</ul> }))
}
