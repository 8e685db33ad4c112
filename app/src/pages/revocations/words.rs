//! Acts of revocation in words, icons and colours.

use crate::components::{
    icons::{self, Icon},
    status::{Status, Tone},
};
use domain::revocation::{RevocationAct, RevocationScope, RevocationState};
use fleet::revocation::RevocationRow;

/// What an act is called: `Batch 2026-08-C revoked`.
pub(super) fn title(row: &RevocationRow) -> String {
    let what = match row.scope {
        RevocationScope::Certificate => {
            let serial = row.subject.rsplit('/').next().unwrap_or(&row.subject);
            format!("Certificate {}", serial.chars().take(12).collect::<String>())
        }
        RevocationScope::Device => format!("Device {}", row.subject),
        RevocationScope::Selection => format!("{} by a query", row.subject),
        RevocationScope::Batch => format!("Batch {}", row.subject),
        RevocationScope::Factory => format!("Factory {}", row.subject),
    };
    let done = match row.state {
        RevocationState::Waiting => match row.act {
            RevocationAct::Hold => "to be held",
            RevocationAct::Revoke => "to be revoked",
            RevocationAct::Release => "to be released",
        },
        RevocationState::Rejected | RevocationState::Void => match row.act {
            RevocationAct::Hold => "not held",
            RevocationAct::Revoke => "not revoked",
            RevocationAct::Release => "not released",
        },
        RevocationState::Effective | RevocationState::Spread => row.act.done(),
    };
    format!("{what} {done}")
}

/// How far an act has come.
pub(super) const fn state(state: RevocationState) -> Status {
    match state {
        RevocationState::Waiting => Status { word: "Awaiting approval", icon: icons::HOURGLASS, tone: Tone::Go },
        RevocationState::Effective => Status { word: "Spreading", icon: icons::ONLINE, tone: Tone::Go },
        RevocationState::Spread => Status { word: "In effect", icon: icons::CHECK, tone: Tone::Ok },
        RevocationState::Rejected => Status { word: "Rejected", icon: icons::CROSS, tone: Tone::Mute },
        RevocationState::Void => Status { word: "Void: plan changed", icon: icons::REVERT, tone: Tone::Mute },
    }
}

/// What devices meet at the gateway that an act hit: one on hold comes in, to do what its repair needs.
pub(super) const fn met(act: RevocationAct) -> &'static str {
    match act {
        RevocationAct::Hold => "limited",
        RevocationAct::Revoke | RevocationAct::Release => "refused",
    }
}

/// The icon of an act.
pub(super) const fn act_icon(act: RevocationAct) -> Icon {
    match act {
        RevocationAct::Hold => icons::PAUSE,
        RevocationAct::Revoke => icons::BAN,
        RevocationAct::Release => icons::SHIELD_CHECK,
    }
}
