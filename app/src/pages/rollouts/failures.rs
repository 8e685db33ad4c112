//! What went wrong: failures that are alike, and whether a hardware revision has more of them than chance would give.

use super::{number, path, said::devices};
use crate::{
    components::{
        icons::{self, sized},
        panel::Panel,
        text::ago,
    },
    context::href,
};
use domain::{time::Timestamp, words::counted};
use fleet::rollout::{Makeup, Part, RolloutDetail, WaveView};
use leptos::prelude::*;

/// Failures of one code.
#[derive(Clone, Debug, PartialEq)]
struct Kind {
    code: String,
    /// What the last of these devices said.
    reason: String,
    last_at: Timestamp,
    n: u64,
    /// By hardware revision, most first.
    revisions: Vec<(String, u64)>,
}

/// So much more than chance would give is worth a word, of at least so many failures.
const MORE: f64 = 1.5;
const FEW: u64 = 3;

fn kinds(detail: &RolloutDetail) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    for cluster in &detail.failures {
        let at = kinds.iter().position(|kind| kind.code == cluster.code);
        let at = at.unwrap_or_else(|| {
            let (code, reason) = (cluster.code.clone(), cluster.reason.clone());
            kinds.push(Kind { code, reason, last_at: cluster.last_at, n: 0, revisions: Vec::new() });
            kinds.len() - 1
        });
        let Some(kind) = kinds.get_mut(at) else { continue };
        kind.n += cluster.n;
        kind.revisions.push((cluster.revision.clone(), cluster.n));
        if cluster.last_at > kind.last_at {
            kind.last_at = cluster.last_at;
            kind.reason.clone_from(&cluster.reason);
        }
    }
    for kind in &mut kinds {
        kind.revisions.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    }
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.n));
    kinds
}

fn named(revision: &str) -> String {
    if revision.is_empty() { "no known revision".to_owned() } else { format!("revision {revision}") }
}

/// By which hardware it is, and what chance would give, by the shares of revisions among all devices.
fn pattern(kind: &Kind, all: &[Part], looked_at: u64) -> String {
    let by: Vec<String> =
        kind.revisions.iter().map(|(revision, n)| format!("{} {}", number(*n), named(revision))).collect();
    let by = format!("{}.", by.join(", "));
    let Some((revision, n)) = kind.revisions.first() else { return by };
    let share =
        all.iter().find(|part| part.name == *revision).map_or(0.0, |part| part.n as f64 / looked_at.max(1) as f64);
    let chance = kind.n as f64 * share;
    if all.len() < 2 || kind.n < FEW {
        return by;
    }
    if share > 0.0 && *n as f64 > chance * MORE {
        return format!("{by} By chance {} would have {chance:.1}.", named(revision));
    }
    format!("{by} No pattern across revisions.")
}

/// The panel.
pub(super) fn panel(detail: &RolloutDetail, waves: &[Makeup], now: Timestamp) -> impl IntoView + use<> {
    let kinds = kinds(detail);
    let all: u64 = kinds.iter().map(|kind| kind.n).sum();
    let failed = format!("{}#devices", href(&path(&detail.row.code), &[("state", "failed")]));
    let open = detail.row.wave.map_or(0, |wave| wave + 1);
    let (revisions, looked_at) = revisions(waves.iter().take(open));
    let rows: Vec<_> = kinds
        .iter()
        .map(|kind| {
            let times = counted(kind.n, "time");
            view! {
                <li>
                    {sized(icons::HALT, "i bad")}
                    <div>
                        <h3>{kind.reason.clone()} " " <span class="mono quiet">{kind.code.clone()}</span></h3>
                        <p>{pattern(kind, &revisions, looked_at)} " The last one " {ago(kind.last_at, now)} "."</p>
                    </div>
                    <div class="end"><a href=failed.clone()>{times}</a></div>
                </li>
            }
        })
        .collect();
    Panel::new("What went wrong")
        .count(i64::try_from(all).unwrap_or(i64::MAX))
        .aside(format!("{} were told", devices(told(detail))))
        .flush(view! { <ul class="list">{rows}</ul> })
}

/// How many devices were told, those that are held back included: what went wrong with them is told, too.
fn told(detail: &RolloutDetail) -> u64 {
    detail.wave_views.iter().map(WaveView::told).sum()
}

/// The revisions of waves together.
fn revisions<'a>(waves: impl Iterator<Item = &'a Makeup>) -> (Vec<Part>, u64) {
    let (mut all, mut looked_at): (Vec<Part>, u64) = (Vec::new(), 0);
    for wave in waves {
        looked_at += wave.looked_at;
        for part in &wave.revisions {
            match all.iter_mut().find(|known| known.name == part.name) {
                Some(known) => known.n += part.n,
                None => all.push(part.clone()),
            }
        }
    }
    (all, looked_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(revisions: &[(&str, u64)]) -> Kind {
        Kind {
            code: "0x21".to_owned(),
            reason: "Slot B does not boot.".to_owned(),
            last_at: Timestamp(0),
            n: revisions.iter().map(|(_, n)| n).sum(),
            revisions: revisions.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect(),
        }
    }

    #[test]
    fn a_revision_that_fails_more_often_than_chance_is_named() {
        let all = [("C", 30), ("B", 70)].map(|(name, n)| Part { name: name.to_owned(), n });
        assert_eq!(
            pattern(&kind(&[("C", 8), ("B", 1)]), &all, 100),
            "8 revision C, 1 revision B. By chance revision C would have 2.7."
        );
        assert_eq!(
            pattern(&kind(&[("B", 7), ("C", 3)]), &all, 100),
            "7 revision B, 3 revision C. No pattern across revisions."
        );
        assert_eq!(pattern(&kind(&[("C", 2)]), &all, 100), "2 revision C.", "two say nothing");
        assert_eq!(pattern(&kind(&[("C", 9)]), &all[..1], 30), "9 revision C.", "there is no other");
    }
}
