//! Freezing: who a rollout is for, wave by wave, from the moment on at which it is submitted.

use super::{Cohorts, Plan, WaveSize, cohort::cohort_of};
use crate::{
    approval::canonical_json,
    bucket::{Bound, PARTS, bucket},
    id::DeviceId,
};
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::io;

/// Devices by their numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Members(RoaringBitmap);

/// One device of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its number in the fleet.
    pub number: u32,
    /// Its id.
    pub id: DeviceId,
}

impl Members {
    /// Reads what [`Members::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn from_bytes(bytes: &[u8]) -> io::Result<Self> {
        RoaringBitmap::deserialize_from(bytes).map(Self)
    }

    /// As bytes, in the portable format of Roaring bitmaps.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.serialized_size());
        // Writing to memory can't fail.
        let _ = self.0.serialize_into(&mut out);
        out
    }

    /// Whether a device is among them.
    #[must_use]
    pub fn contains(&self, number: u32) -> bool {
        self.0.contains(number)
    }

    /// Adds a device; whether it is new.
    pub fn insert(&mut self, number: u32) -> bool {
        self.0.insert(number)
    }

    /// How many they are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their numbers, the smallest first.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter()
    }
}

impl FromIterator<u32> for Members {
    fn from_iter<T: IntoIterator<Item = u32>>(numbers: T) -> Self {
        Self(numbers.into_iter().collect())
    }
}

/// The hash of a set of devices: SHA-256, in hexadecimal, of their numbers in order, four bytes big endian each.
#[must_use]
pub fn numbers_hash(members: &Members) -> String {
    let mut digest = Sha256::new();
    for number in members.iter() {
        digest.update(number.to_be_bytes());
    }
    hex::encode(digest.finalize())
}

/// What was frozen of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    /// How many devices the target has.
    pub count: u64,
    /// [`numbers_hash`] of the target.
    pub sha256: String,
    /// The waves, in order.
    pub waves: Vec<FrozenWave>,
    /// How many devices that the target's query means are not in the target, because they need nothing of what the plan sends.
    #[serde(default, skip_serializing_if = "is_none")]
    pub left_out: u64,
    /// SHA-256, in hexadecimal, of what was foreseen of it; none of what was submitted before there were forecasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<String>,
}

/// What was frozen before this was counted has the same hash still.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_none(n: &u64) -> bool {
    *n == 0
}

/// What was frozen of a wave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenWave {
    /// Who is in it of those that no earlier wave has; none for a wave by query.
    pub bound: Option<Bound>,
    /// [`numbers_hash`] of those whom a query means, for a wave by query.
    #[serde(default)]
    pub sha256: Option<String>,
    /// How many devices are in it.
    pub count: u64,
    /// How many of them are in which cohort, [`super::NO_COHORT`] first.
    pub cohorts: Vec<u64>,
}

impl FrozenWave {
    /// How many of its devices are offered anything: all but hold-outs.
    #[must_use]
    pub fn offered(&self, plan: &Plan) -> u64 {
        let counts = self.cohorts.iter().enumerate();
        counts.filter(|(variant, _)| plan.release_of(*variant).is_some()).map(|(_, n)| n).sum()
    }
}

/// The hash that an approval is bound to: SHA-256, in hexadecimal, of the canonical JSON of the plan and what was frozen of it.
#[must_use]
pub fn plan_hash(plan: &Plan, frozen: &Frozen) -> String {
    let text = canonical_json(&json!({"format": "muster-rollout-1", "plan": plan, "frozen": frozen}));
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// Who belongs to which wave and which cohort.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Membership {
    salt: String,
    order: String,
    cohorts: Option<Cohorts>,
    target: Members,
    /// By wave: a bound on the order, or those whom its query meant.
    waves: Vec<Rule>,
    joined: Members,
}

#[derive(Clone, Debug, PartialEq)]
enum Rule {
    Below(Bound),
    Among(Members),
}

impl Membership {
    /// Puts together what was frozen. `queries` are those whom the queries of waves mean, by the number of the wave.
    #[must_use]
    pub fn new(plan: &Plan, frozen: &Frozen, target: Members, queries: &[(usize, Members)], joined: Members) -> Self {
        let rule = |(n, wave): (usize, &FrozenWave)| match wave.bound {
            Some(bound) => Rule::Below(bound),
            None => {
                let meant = queries.iter().find(|(wave, _)| *wave == n);
                Rule::Among(meant.map(|(_, members)| members.clone()).unwrap_or_default())
            }
        };
        Self {
            salt: plan.salt.clone(),
            order: order(&plan.salt),
            waves: frozen.waves.iter().enumerate().map(rule).collect(),
            cohorts: plan.cohorts.clone(),
            target,
            joined,
        }
    }

    /// Whether a device is in the target, or joined since.
    #[must_use]
    pub fn is_target(&self, member: Member) -> bool {
        self.target.contains(member.number) || self.joined.contains(member.number)
    }

    /// The wave of a device, from 0; none for one that is not in the target or in no wave.
    #[must_use]
    pub fn wave_of(&self, member: Member) -> Option<usize> {
        if !self.is_target(member) {
            return None;
        }
        self.wave_if_target(member)
    }

    /// The wave that a device would have in the target.
    #[must_use]
    pub fn wave_if_target(&self, member: Member) -> Option<usize> {
        let place = bucket(&self.order, member.id);
        self.waves.iter().position(|rule| match rule {
            Rule::Below(bound) => bound.holds(place),
            Rule::Among(members) => members.contains(member.number),
        })
    }

    /// The cohort of a device in a wave; 0 for none.
    #[must_use]
    pub fn cohort_of(&self, device: DeviceId, wave: usize) -> usize {
        cohort_of(self.cohorts.as_ref(), &self.salt, device, wave)
    }

    /// The target alone.
    #[must_use]
    pub fn into_target(self) -> Members {
        self.target
    }

    /// So many devices of the target and of those who joined, or all if there are fewer: evenly from the first number to the
    /// last, the same ones each time.
    #[must_use]
    pub fn drawn(&self, most: usize) -> Vec<u32> {
        let all = &self.target.0 | &self.joined.0;
        let step = all.len().div_ceil(u64::try_from(most.max(1)).unwrap_or(u64::MAX)).max(1);
        all.iter().step_by(usize::try_from(step).unwrap_or(usize::MAX)).collect()
    }

    /// Those who joined since.
    #[must_use]
    pub const fn joined(&self) -> &Members {
        &self.joined
    }
}

/// The order of devices is apart from their cohorts.
fn order(salt: &str) -> String {
    format!("{salt}/wave")
}

/// Freezes a plan for these devices, each once. `queries` are those whom the queries of waves mean, by the number of the wave.
/// Costs a hash and a place in a sorted list for each device.
#[must_use]
pub fn freeze(plan: &Plan, members: &[Member], queries: &[(usize, Members)]) -> (Frozen, Membership) {
    let (frozen, membership, _) = freeze_and_draw(plan, members, queries, 0);
    (frozen, membership)
}

/// The same, and up to `most` devices of each wave: the first of the order, in which every device is as likely as any other.
#[must_use]
pub fn freeze_and_draw(
    plan: &Plan,
    members: &[Member],
    queries: &[(usize, Members)],
    most: usize,
) -> (Frozen, Membership, Vec<Vec<Member>>) {
    let order = order(&plan.salt);
    let mut left: Vec<(u64, Member)> = members.iter().map(|member| (bucket(&order, member.id), *member)).collect();
    left.sort_unstable_by_key(|(place, member)| (*place, member.number));
    let total = left.len() as u64;
    let cohorts = plan.cohorts.as_ref().map_or(0, |cohorts| cohorts.variants.len());
    let mut waves = Vec::with_capacity(plan.waves.len());
    let mut drawn = Vec::with_capacity(plan.waves.len());
    for (n, wave) in plan.waves.iter().enumerate() {
        let (bound, taken) = match &wave.size {
            WaveSize::Query(_) => (None, take_meant(&mut left, queries.iter().find(|(wave, _)| *wave == n))),
            WaveSize::Rest => (Some(Bound::ALL), std::mem::take(&mut left)),
            WaveSize::Share(parts) => take_first(&mut left, share_of(total, *parts)),
            WaveSize::Devices(n) => take_first(&mut left, *n),
        };
        let mut by_cohort = vec![0_u64; cohorts + 1];
        for (_, member) in &taken {
            let cohort = cohort_of(plan.cohorts.as_ref(), &plan.salt, member.id, n);
            if let Some(n) = by_cohort.get_mut(cohort) {
                *n += 1;
            }
        }
        drawn.push(taken.iter().take(most).map(|(_, member)| *member).collect());
        let meant = queries.iter().find(|(wave, _)| *wave == n).filter(|_| bound.is_none());
        let sha256 = meant.map(|(_, members)| numbers_hash(members));
        waves.push(FrozenWave { bound, sha256, count: taken.len() as u64, cohorts: by_cohort });
    }
    let target: Members = members.iter().map(|member| member.number).collect();
    let frozen = Frozen { count: target.len(), sha256: numbers_hash(&target), waves, left_out: 0, forecast: None };
    let membership = Membership::new(plan, &frozen, target, queries, Members::default());
    (frozen, membership, drawn)
}

/// So many devices a share of the target is, rounded up: the smallest share is a device.
fn share_of(total: u64, parts: u32) -> u64 {
    (u128::from(total) * u128::from(parts)).div_ceil(u128::from(PARTS)).try_into().unwrap_or(u64::MAX)
}

type Placed = (u64, Member);

/// Takes the first of the order, and says below which bound they are.
fn take_first(left: &mut Vec<Placed>, n: u64) -> (Option<Bound>, Vec<Placed>) {
    let n = usize::try_from(n).unwrap_or(usize::MAX);
    let bound = left.get(n).map_or(Bound::ALL, |(place, _)| Bound::below(*place));
    // Two of the same place go together: a bound can't tell them apart.
    let n = left.partition_point(|(place, _)| bound.holds(*place));
    let rest = left.split_off(n);
    (Some(bound), std::mem::replace(left, rest))
}

/// Takes those whom a query means, wherever they are in the order.
fn take_meant(left: &mut Vec<Placed>, meant: Option<&(usize, Members)>) -> Vec<Placed> {
    let is_meant = |member: &Member| meant.is_some_and(|(_, members)| members.contains(member.number));
    let (taken, rest) = std::mem::take(left).into_iter().partition(|(_, member)| is_meant(member));
    *left = rest;
    taken
}
