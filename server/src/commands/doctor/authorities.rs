//! Certification authorities: when they end, how old their CRLs are, and whether their keys are here and open.

use super::finding::{Findings, Mark};
use crate::commands::COMMAND_LINE;
use domain::{
    authority::{AuthorityKind, AuthorityState},
    time::{DAY, HOUR, Timestamp},
};
use fleet::{Fleet, authority::AuthorityRow};

const ABOUT: &str = "authorities";
const CRLS: &str = "CRLs";
const KEYS: &str = "keys";

/// How long before an authority ends somebody should know; a root is not made in a day.
const SOON: (i64, i64) = (90 * DAY, 365 * DAY);
/// The same of a root's CRL, for which a ceremony is held.
const CRL_SOON: i64 = 30 * DAY;
/// When a CRL of ours should have been followed by another one: each day there is one, which holds for three.
const CRL_LATE: i64 = 36 * HOUR;
/// Opening a key takes the time that guessing a passphrase should.
const KEYS_TRIED: usize = 12;

/// Looks at all of them.
pub async fn look(fleet: &Fleet, found: &mut Findings) {
    let rows = match fleet.authorities(&COMMAND_LINE).await {
        Ok(rows) => rows,
        Err(why) => {
            found.wrong(ABOUT, format!("they can't be read: {why}"), "see what is said of the database");
            return;
        }
    };
    if rows.is_empty() {
        found.ok(ABOUT, "there are none yet; see “The authority” in OPERATIONS.md");
        return;
    }
    let now = fleet.now();
    summed(ABOUT, rows.iter().filter_map(|row| judge_end(row, now)), "none ends soon", found);
    summed(CRLS, rows.iter().filter_map(|row| judge_crl(row, now)), "all are fresh", found);
    keys(fleet, &rows, found).await;
}

type Judged = (Mark, String, String);

/// Each that is not as it should be, or one line for all.
fn summed(about: &'static str, judged: impl Iterator<Item = Judged>, well: &str, found: &mut Findings) {
    let mut n = 0;
    for (mark, told, advice) in judged {
        found.add(mark, about, told, advice);
        n += 1;
    }
    if n == 0 {
        found.ok(about, well);
    }
}

fn judge_end(row: &AuthorityRow, now: Timestamp) -> Option<Judged> {
    let (authority, kind) = (&row.authority, row.authority.kind);
    let ends = authority.not_after.filter(|_| authority.state == AuthorityState::Active)?;
    let advice = match kind {
        AuthorityKind::Root => "make a new root and cross-sign it: muster ceremony root, muster ceremony cross-sign",
        AuthorityKind::Batch => "devices of this batch can't renew after that: request another CA for it",
        AuthorityKind::Factory | AuthorityKind::Operations => {
            "request the next one: Authorities → Request an authority"
        }
    };
    let soon = if kind == AuthorityKind::Root { SOON.1 } else { SOON.0 };
    let told = |word: &str| format!("“{}” {word} on {}", authority.name, ends.day_words());
    if ends <= now {
        // A batch that is over has devices that are over, too.
        let mark = if kind == AuthorityKind::Batch { Mark::Attention } else { Mark::Wrong };
        Some((mark, told("ended"), advice.to_owned()))
    } else if ends <= now.plus(soon) {
        Some((Mark::Attention, told("ends"), advice.to_owned()))
    } else {
        None
    }
}

fn judge_crl(row: &AuthorityRow, now: Timestamp) -> Option<Judged> {
    let (authority, is_root) = (&row.authority, row.authority.kind == AuthorityKind::Root);
    let publishes = !matches!(
        authority.state,
        AuthorityState::Requested | AuthorityState::AwaitingCertificate | AuthorityState::Rejected
    );
    if !publishes || authority.not_after.is_none_or(|ends| ends <= now) {
        return None;
    }
    let name = &authority.name;
    let advice = if is_root {
        format!("make one and bring it: muster ceremony crl, muster authority crl {}", authority.slug)
    } else {
        "see that Muster runs with the passphrase of its keys, and what its log says of this authority".to_owned()
    };
    let Some(crl) = &row.crl else {
        return Some((
            Mark::Wrong,
            format!("“{name}” has none; who checks the whole chain refuses all below it"),
            advice,
        ));
    };
    let until = crl.next_update.minute_words();
    if crl.next_update <= now {
        Some((Mark::Wrong, format!("that of “{name}” ended on {until}"), advice))
    } else if is_root && crl.next_update <= now.plus(CRL_SOON) {
        Some((Mark::Attention, format!("that of “{name}” ends on {until}"), advice))
    } else if !is_root && crl.this_update.plus(CRL_LATE) <= now {
        let told = format!("that of “{name}” is of {} and was not made anew", crl.this_update.minute_words());
        Some((Mark::Attention, told, advice))
    } else {
        None
    }
}

async fn keys(fleet: &Fleet, rows: &[AuthorityRow], found: &mut Findings) {
    let signs = rows.iter().map(|row| &row.authority).filter(|authority| {
        authority.state == AuthorityState::Active
            && authority.kind != AuthorityKind::Root
            && (fleet.can_seal() || authority.key_location.starts_with("pkcs11:"))
    });
    // Those that sign for others come first in the hierarchy, and are few.
    let mut signs: Vec<_> = signs.collect();
    signs.sort_by_key(|authority| authority.kind == AuthorityKind::Batch);
    let all = signs.len();
    let (mut tried, mut failed) = (0, 0);
    for authority in signs.into_iter().take(KEYS_TRIED) {
        tried += 1;
        if let Err(why) = fleet.try_key(&COMMAND_LINE, authority.id).await {
            failed += 1;
            let advice = "bring its file back from a backup, or give the passphrase that it was sealed with";
            found.wrong(KEYS, format!("that of “{}” can't be used: {why}", authority.name), advice);
        }
    }
    if tried > 0 && failed == 0 {
        found.ok(KEYS, format!("{tried} of {all} were tried, and open"));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use domain::{authority::Authority, id::AuthorityId};
    use store::authority::CrlSummary;

    const NOW: Timestamp = Timestamp(1_000 * 365 * DAY / 20);

    fn row(kind: AuthorityKind, ends: i64, crl: Option<(i64, i64)>) -> AuthorityRow {
        let summary = |(made, until)| CrlSummary {
            number: 1,
            entries: 0,
            this_update: NOW.plus(made),
            next_update: NOW.plus(until),
        };
        AuthorityRow {
            authority: Authority {
                id: AuthorityId::default(),
                kind,
                name: "It".to_owned(),
                slug: "it".to_owned(),
                parent_id: None,
                factory_id: None,
                batch_id: None,
                state: AuthorityState::Active,
                key_location: "file:it.pem".to_owned(),
                serial: "01".to_owned(),
                key_id: "02".to_owned(),
                not_before: Some(NOW.plus(-DAY)),
                not_after: Some(NOW.plus(ends)),
                quota: None,
                issued: 0,
                days: 1,
                delegated: false,
                requested_by: String::new(),
                created_at: NOW,
                activated_at: None,
                state_at: NOW,
            },
            depth: 0,
            factory: None,
            batch: None,
            valid: 0,
            held: 0,
            revoked: 0,
            superseded: 0,
            crl: crl.map(summary),
        }
    }

    #[test]
    fn authorities_that_end_are_told_in_time() {
        let judged = |kind, ends| judge_end(&row(kind, ends, None), NOW).map(|(mark, ..)| mark);
        assert_eq!(judged(AuthorityKind::Root, 400 * DAY), None);
        assert_eq!(judged(AuthorityKind::Root, 300 * DAY), Some(Mark::Attention));
        assert_eq!(judged(AuthorityKind::Operations, 300 * DAY), None);
        assert_eq!(judged(AuthorityKind::Operations, 80 * DAY), Some(Mark::Attention));
        assert_eq!(judged(AuthorityKind::Factory, -DAY), Some(Mark::Wrong));
        assert_eq!(judged(AuthorityKind::Batch, -DAY), Some(Mark::Attention));
        let mut retired = row(AuthorityKind::Factory, -DAY, None);
        retired.authority.state = AuthorityState::Retired;
        assert_eq!(judge_end(&retired, NOW), None);
    }

    #[test]
    fn crls_that_are_missing_or_old_are_told() {
        let judged = |kind, crl| judge_crl(&row(kind, 1_000 * DAY, crl), NOW).map(|(mark, ..)| mark);
        let (root, batch) = (AuthorityKind::Root, AuthorityKind::Batch);
        assert_eq!((judged(root, None), judged(batch, None)), (Some(Mark::Wrong), Some(Mark::Wrong)));
        assert_eq!(judged(root, Some((-90 * DAY, 90 * DAY))), None);
        assert_eq!(judged(root, Some((-160 * DAY, 20 * DAY))), Some(Mark::Attention));
        assert_eq!(judged(root, Some((-181 * DAY, -DAY))), Some(Mark::Wrong));
        assert_eq!(judged(batch, Some((-20 * HOUR, 52 * HOUR))), None);
        assert_eq!(judged(batch, Some((-40 * HOUR, 32 * HOUR))), Some(Mark::Attention));
        assert_eq!(judged(batch, Some((-80 * HOUR, -8 * HOUR))), Some(Mark::Wrong));
        assert_eq!(judge_crl(&row(batch, -DAY, None), NOW), None, "what has ended publishes nothing");
    }

    #[tokio::test]
    async fn a_fleet_without_authorities_is_well() {
        let fixture = store::testing::sqlite().await.unwrap();
        let fleet = Fleet::new(fixture.db.clone(), fixture.folder.path().to_owned());
        let mut found = Findings::default();
        look(&fleet, &mut found).await;
        assert_eq!(found.worst(), Mark::Ok, "{found:?}");
    }
}
