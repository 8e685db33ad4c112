//! What stands before a stage, for people.

use crate::components::{
    icons::{self, Icon, sized},
    status::{Status, Tone},
};
use domain::release::{Gate, GateResult};
use fleet::release::NextStage;
use leptos::prelude::*;

/// The gates in a word.
#[must_use]
pub(super) fn summary(next: &NextStage) -> Status {
    let missing = next.gates.iter().filter(|gate| gate.blocks()).count();
    let person = next.gates.iter().any(|gate| gate.gate == Gate::Person);
    match (missing, person) {
        (0, false) => Status { word: "Ready to go on", icon: icons::CHECK, tone: Tone::Ok },
        (0, true) => Status { word: "Ready for approval", icon: icons::CHECK, tone: Tone::Ok },
        (1, _) => Status { word: "One gate is closed", icon: icons::HOURGLASS, tone: Tone::Warn },
        _ => Status { word: "Gates are closed", icon: icons::HOURGLASS, tone: Tone::Warn },
    }
}

const fn mark(gate: &GateResult) -> (Icon, Tone) {
    match (gate.gate, gate.met) {
        (_, true) => (icons::CHECK, Tone::Ok),
        (Gate::Person, false) => (icons::USER, Tone::Go),
        (Gate::Soak, false) => (icons::CLOCK, Tone::Warn),
        (_, false) => (icons::CROSS, Tone::Bad),
    }
}

/// Each gate on a line: what it is, and what is missing.
#[must_use]
pub(super) fn lines(gates: &[GateResult]) -> impl IntoView + use<> {
    let lines: Vec<_> = gates
        .iter()
        .map(|gate| {
            let (icon, tone) = mark(gate);
            let word = match (gate.met, gate.gate) {
                (true, _) => "Met",
                (false, Gate::Person) => "Asked for at the end",
                (false, _) => "Not met",
            };
            view! {
                <li>
                    {sized(icon, tone.icon_class())}
                    <div>
                        <h3>{gate.gate.label()} " " <span class="small quiet">{word}</span></h3>
                        <p>{gate.told.clone()}</p>
                    </div>
                </li>
            }
        })
        .collect();
    if lines.is_empty() {
        return view! { <p class="soft">"Nothing is asked for before this stage."</p> }.into_any();
    }
    view! { <ul class="list plain">{lines}</ul> }.into_any()
}
