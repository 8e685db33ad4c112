//! What the panels look up in an experiment.

use crate::context::devices_href;
use domain::{
    evidence::{Factor, Level},
    query::quoted,
    rollout::Criterion,
};
use fleet::rollout::{CohortView, ComparisonView, ExperimentDetail};

/// What a cohort is called, by its number; empty for none.
pub(super) fn name(detail: &ExperimentDetail, number: usize) -> &str {
    detail.cohorts.iter().find(|cohort| cohort.number == number).map_or("", |cohort| cohort.name.as_str())
}

/// What a cohort gets.
pub(super) fn gets(cohort: &CohortView) -> String {
    if cohort.release.is_none() { "held out".to_owned() } else { cohort.title.clone() }
}

/// The criterion of this number: 0 is the primary one, the guards count from 1.
pub(super) fn criterion(detail: &ExperimentDetail, n: usize) -> Option<&Criterion> {
    detail.experiment.criteria().nth(n)
}

/// The comparisons by the primary metric, a cohort each.
pub(super) fn primary(detail: &ExperimentDetail) -> impl Iterator<Item = &ComparisonView> {
    detail.comparisons.iter().filter(|one| one.criterion == 0)
}

/// The devices of the target that are of a level, as a fleet query finds them; none where there is no word for it.
pub(super) fn devices_of(target: &str, level: &Level) -> Option<String> {
    let term = match level.factor {
        Factor::Revision => format!("rev:{}", quoted(&level.level)),
        Factor::Batch => format!("batch:{}", quoted(&level.level)),
        Factor::Maker => {
            let (class, maker) = level.level.split_once('=')?;
            format!("component:{class}={}", quoted(maker))
        }
        Factor::All | Factor::Region => return None,
    };
    Some(devices_href(format!("{target} {term}").trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_lead_to_their_devices() {
        let of = |factor, level: &str| {
            let found = devices_of("model:GW-200", &Level::of(factor, level))?;
            let query = found.strip_prefix("/devices?q=")?.replace('+', " ");
            let query = percent_encoding::percent_decode_str(&query).decode_utf8_lossy().into_owned();
            domain::query::parse(&query).ok().map(|_| query)
        };
        assert_eq!(of(Factor::Revision, "C").as_deref(), Some("model:GW-200 rev:C"));
        assert_eq!(of(Factor::Batch, "2026-11-A").as_deref(), Some("model:GW-200 batch:2026-11-A"));
        assert_eq!(
            of(Factor::Maker, "lte=Sierra Wireless").as_deref(),
            Some("model:GW-200 component:lte=\"Sierra Wireless\"")
        );
        assert_eq!(of(Factor::Region, "NL"), None);
    }
}
