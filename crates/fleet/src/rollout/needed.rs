//! Who of a plan's target needs nothing of what it sends: devices that run it already, or something newer, and devices of models
//! or revisions that it is not made for. No outcome can come of them, so a gate would wait for them for ever: they are left out
//! when a plan is frozen, and when others join.

use crate::{Error, Fleet, Result, update::Deliverable};
use domain::{
    query::{self, FleetQuery, quoted},
    rollout::{Member, Members, Plan},
};

/// In how many ways of writing revisions are asked for, at most: what devices report may differ in capital letters.
const SPELLINGS: usize = 64;
/// Of how many models one query asks.
const MODELS: usize = 50;

impl Fleet {
    /// Takes those out of a plan's target who need nothing of what it sends. How many they were.
    pub(super) async fn leave_out(&self, plan: &Plan, target: Vec<Member>) -> Result<(Vec<Member>, u64)> {
        let before = target.len();
        let out = self.without_need(plan).await?;
        let left: Vec<Member> = target.into_iter().filter(|member| !out.contains(member.number)).collect();
        let count = u64::try_from(before.saturating_sub(left.len())).unwrap_or(u64::MAX);
        Ok((left, count))
    }

    /// Those of the target who need none of the releases. Which cohort they are in does not matter then.
    async fn without_need(&self, plan: &Plan) -> Result<Members> {
        let target = query::parse(&plan.target)?;
        let mut out: Option<Members> = None;
        for id in plan.sent() {
            let release = self.deliverable(id).await?;
            let release = release.ok_or_else(|| Error::field("release", "There is no such release."))?;
            let mut of_this = Members::default();
            for text in self.whom_it_does_not_help(&release, plan.downgrades).await? {
                let terms = target.terms.iter().cloned().chain(query::parse(&text)?.terms).collect();
                let found = self.members_of(&FleetQuery { terms }).await?;
                found.into_iter().filter(|member| out.as_ref().is_none_or(|out| out.contains(member.number))).for_each(
                    |member| {
                        of_this.insert(member.number);
                    },
                );
            }
            if of_this.is_empty() {
                return Ok(of_this);
            }
            out = Some(of_this);
        }
        Ok(out.unwrap_or_default())
    }

    /// Fleet queries for the devices that a release is not for, as an offer would say.
    async fn whom_it_does_not_help(&self, release: &Deliverable, downgrades: bool) -> Result<Vec<String>> {
        let catalogue = self.load_catalogue().await?;
        let fits = &release.fits;
        let version = quoted(&fits.version);
        let runs = if downgrades { format!("fw:{version}") } else { format!("fw>={version}") };
        // Asked for one by one: whatever is of no other model is found by an index, all others would be read through.
        let others = catalogue.models.iter().filter(|model| !fits.models.contains(&model.id));
        let others: Vec<String> = others.map(|model| quoted(&model.name)).collect();
        let mut queries = vec![runs];
        queries.extend(others.chunks(MODELS).map(|some| format!("model:{}", some.join(","))));
        if let Some(revisions) = spellings(&fits.revisions).filter(|revisions| !revisions.is_empty()) {
            let revisions: Vec<String> = revisions.iter().map(|revision| quoted(revision)).collect();
            queries.push(format!("-rev:{}", revisions.join(",")));
        }
        Ok(queries)
    }
}

/// Names in every way in which letters can be large and small; none when these are too many.
fn spellings(names: &[String]) -> Option<Vec<String>> {
    let mut all = Vec::new();
    for name in names {
        let mut ways = vec![String::new()];
        for letter in name.chars() {
            let (small, large) = (letter.to_ascii_lowercase(), letter.to_ascii_uppercase());
            let other = if small == large { None } else { Some(large) };
            let more: Vec<String> =
                other.into_iter().flat_map(|large| ways.iter().map(move |way| format!("{way}{large}"))).collect();
            ways.iter_mut().for_each(|way| way.push(small));
            ways.extend(more);
            if ways.len() + all.len() > SPELLINGS {
                return None;
            }
        }
        all.extend(ways);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_asked_for_however_they_are_written() {
        assert_eq!(
            spellings(&["b1".to_owned(), "2".to_owned()]),
            Some(vec!["b1".to_owned(), "B1".to_owned(), "2".to_owned()])
        );
        assert_eq!(spellings(&[]), Some(Vec::new()));
        assert_eq!(spellings(&["revision".to_owned()]), None);
    }
}
