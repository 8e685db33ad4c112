//! What goes on by itself: backups, imports, webhooks, and the place of releases' files.

use super::finding::{Findings, Mark};
use crate::commands::COMMAND_LINE;
use domain::{
    time::{DAY, Timestamp},
    webhook::{DeliveryState, HookState},
};
use fleet::{AuditFilter, Fleet, release::Unreached};
use store::{
    import::Import,
    webhook::{Webhook, delivery::Delivery},
};

const BACKUP: &str = "backup";
const IMPORTS: &str = "imports";
const WEBHOOKS: &str = "webhooks";
const FILES: &str = "files of releases";

/// How old the last backup may be.
const BACKUP_OLD: i64 = 7 * DAY;
/// How many imports are looked at.
const IMPORTS_SEEN: i64 = 50;

/// Looks at all of it.
pub async fn look(fleet: &Fleet, found: &mut Findings) {
    if let Err(why) = look_at_all(fleet, found).await {
        found.wrong("records", format!("they can't be read: {why}"), "see what is said of the database");
    }
    match fleet.reach_shelf().await {
        Ok(()) => found.ok(FILES, "their place can be used"),
        Err(Unreached::Refused(told)) => found.wrong(FILES, told, "see “Files in a bucket” in OPERATIONS.md"),
        Err(Unreached::Away(told)) => {
            found.wrong(FILES, told, "Muster runs without it, but no device gets a file of a release");
        }
    }
}

async fn look_at_all(fleet: &Fleet, found: &mut Findings) -> fleet::Result<()> {
    let written = AuditFilter { action: "backup.write".to_owned(), ..AuditFilter::default() };
    let last = fleet.audit_log(&COMMAND_LINE, &written, 1).await?;
    judge_backup(last.first().map(|entry| entry.record.at), fleet.now(), found);
    judge_imports(&fleet.imports(&COMMAND_LINE, None, IMPORTS_SEEN).await?, found);
    let mut hooks = 0;
    for row in fleet.webhooks(&COMMAND_LINE).await? {
        let detail = fleet.webhook(&COMMAND_LINE, row.hook.id, None).await?;
        hooks += usize::from(judge_webhook(&detail.hook, &detail.deliveries, fleet.now(), found));
    }
    if hooks > 0 {
        found.ok(WEBHOOKS, format!("{hooks} are told what happens"));
    }
    Ok(())
}

fn judge_backup(last: Option<Timestamp>, now: Timestamp, found: &mut Findings) {
    let advice = "write one each night, and take it to another place: muster backup FILE";
    match last {
        None => found.attention(BACKUP, "`muster backup` has never written one", advice),
        Some(at) if at.plus(BACKUP_OLD) < now => {
            found.attention(BACKUP, format!("the last one was written {}", at.ago(now)), advice);
        }
        Some(at) => found.ok(BACKUP, format!("the last one was written {}", at.ago(now))),
    }
}

/// An import that goes on has nothing to say.
fn judge_imports(imports: &[Import], found: &mut Findings) {
    let waits = |import: &&Import| !import.state.is_final() && !import.message.is_empty();
    let mut n = 0;
    for import in imports.iter().filter(waits) {
        n += 1;
        found.attention(
            IMPORTS,
            format!("{} does not go on: {}", import.file_name, import.message),
            "see the log of the node that received it, and that this node runs",
        );
    }
    if n == 0 {
        found.ok(IMPORTS, "none is set aside");
    }
}

/// Whether all is well with it.
fn judge_webhook(hook: &Webhook, deliveries: &[Delivery], now: Timestamp, found: &mut Findings) -> bool {
    let advice = "see Settings → Webhooks: put its receiver right, then resend";
    let late = deliveries.iter().any(|one| one.state == DeliveryState::Owed && one.owed_at.plus(DAY) < now);
    let settled = deliveries.iter().find(|one| one.state != DeliveryState::Owed);
    let judged = if settled.is_some_and(|last| last.state == DeliveryState::Dead) {
        Some((Mark::Wrong, "its receiver did not answer for a day, and was given up on"))
    } else if hook.state == HookState::Paused {
        Some((Mark::Attention, "it is paused; what happens is kept for it"))
    } else if late {
        Some((Mark::Wrong, "something has waited for it for more than a day"))
    } else if hook.troubles > 0 {
        Some((Mark::Attention, "its receiver does not take what it is told; it is tried again"))
    } else {
        None
    };
    if let Some((mark, told)) = judged {
        found.add(mark, WEBHOOKS, format!("{}: {told}", hook.url), advice);
    }
    judged.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        id::{EventId, ImportId, WebhookId},
        import::{ImportFormat, ImportState},
        webhook::Secrets,
    };

    const NOW: Timestamp = Timestamp(20_000 * DAY);

    #[test]
    fn backups_that_are_old_or_were_never_written_are_told() {
        let judged = |last| {
            let mut found = Findings::default();
            judge_backup(last, NOW, &mut found);
            found.worst()
        };
        assert_eq!(judged(None), Mark::Attention);
        assert_eq!((judged(Some(NOW.plus(-DAY))), judged(Some(NOW.plus(-8 * DAY)))), (Mark::Ok, Mark::Attention));
    }

    #[test]
    fn imports_that_wait_are_told() {
        let import = |state, message: &str| Import {
            id: ImportId::default(),
            file_name: "a.csv".to_owned(),
            format: ImportFormat::Csv,
            sha256: String::new(),
            size: 1,
            dry_run: false,
            skip_bad_rows: false,
            state,
            actor: String::new(),
            node: String::new(),
            rows_checked: 1,
            rows_applied: 0,
            bytes_done: 1,
            added: 0,
            unchanged: 0,
            bad: 0,
            left_out: 0,
            message: message.to_owned(),
            created_at: NOW,
            finished_at: None,
        };
        let judged = |import: Import| {
            let mut found = Findings::default();
            judge_imports(&[import], &mut found);
            found.worst()
        };
        assert_eq!(judged(import(ImportState::Applying, "")), Mark::Ok);
        assert_eq!(judged(import(ImportState::Done, "2 devices")), Mark::Ok);
        assert_eq!(judged(import(ImportState::Applying, "It is set aside")), Mark::Attention);
    }

    #[test]
    fn webhooks_whose_receivers_do_not_answer_are_told() {
        let delivery = |state, owed: i64| Delivery {
            seq: 1,
            event: EventId::default(),
            kind: "release.pushed".to_owned(),
            at: NOW,
            state,
            attempts: 1,
            owed_at: NOW.plus(owed),
            next_at: NOW,
            last_at: None,
            status: 0,
            note: String::new(),
        };
        let judged = |change: &dyn Fn(&mut Webhook), deliveries: &[Delivery]| {
            let mut hook = Webhook {
                id: WebhookId::default(),
                url: "https://receiver.example/".to_owned(),
                kinds: Vec::new(),
                state: HookState::Active,
                note: String::new(),
                secrets: Secrets { generation: 1, signs_from: 1, signs_until: NOW },
                troubles: 0,
                wait_until: NOW,
                created_by: String::new(),
                created_at: NOW,
            };
            change(&mut hook);
            let mut found = Findings::default();
            let well = judge_webhook(&hook, deliveries, NOW, &mut found);
            assert_eq!(well, found.worst() == Mark::Ok);
            found.worst()
        };
        let delivered = delivery(DeliveryState::Delivered, -DAY);
        assert_eq!(judged(&|_| {}, std::slice::from_ref(&delivered)), Mark::Ok);
        assert_eq!(judged(&|hook| hook.state = HookState::Paused, &[]), Mark::Attention);
        assert_eq!(judged(&|hook| hook.troubles = 2, std::slice::from_ref(&delivered)), Mark::Attention);
        assert_eq!(judged(&|_| {}, &[delivery(DeliveryState::Dead, -2 * DAY), delivered]), Mark::Wrong);
        assert_eq!(judged(&|_| {}, &[delivery(DeliveryState::Owed, -2 * DAY)]), Mark::Wrong);
        assert_eq!(judged(&|_| {}, &[delivery(DeliveryState::Owed, -DAY / 2)]), Mark::Ok);
    }
}
