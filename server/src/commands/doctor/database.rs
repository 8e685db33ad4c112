//! The database: whether it answers, fits this program, is whole, and has the same time as this machine.

use super::finding::{Findings, Mark};
use crate::{
    cli::Place,
    commands::{COMMAND_LINE, place},
    settings,
};
use domain::time::{HOUR, MINUTE, SECOND, Timestamp, span_words};
use fleet::{AuditFilter, Fleet};
use std::{path::Path, process::Command};
use store::{
    Db,
    look::{self, Standing},
};

const ABOUT: &str = "database";
const CLOCK: &str = "clock";

/// The first version of PostgreSQL that the tests run on.
const TESTED: u32 = 15;

/// Opens the database for reading and looks at it. None when nothing in it can be read by this program.
pub async fn look(place: &Place, folder: &Path, found: &mut Findings) -> Option<Fleet> {
    let url = match place::database_url(place) {
        Ok(url) => url,
        Err(why) => {
            found.wrong(ABOUT, why.to_string(), "its first line is to be postgres://USER:PASSWORD@HOST/DATABASE");
            return None;
        }
    };
    if folder.join(place::DEMO_MAKING).exists() {
        found.wrong(ABOUT, "the folder holds a demo that is not whole", "type: muster demo");
        return None;
    }
    let db = match Db::look(folder, url.as_deref()).await {
        Ok(db) => db,
        Err(why) => {
            let place = url.as_deref().map_or_else(|| folder.join("muster.db").display().to_string(), settings::masked);
            found.wrong(ABOUT, format!("{place} can't be opened: {why}"), advice(url.is_some()));
            return None;
        }
    };
    let before = fleet::system_time();
    match look::standing(&db).await {
        Ok(standing) => {
            let fits = fits(&standing, db.kind(), found);
            if let Some(there) = standing.clock {
                clock_there(before, there, fleet::system_time(), found);
            }
            if !fits {
                return None;
            }
        }
        Err(why) => {
            found.wrong(ABOUT, format!("it can't be read: {why}"), advice(url.is_some()));
            return None;
        }
    }
    whole(&db, found).await;
    let fleet = Fleet::new(db, folder.to_owned());
    clock_here(&fleet, found).await;
    Some(fleet)
}

const fn advice(is_server: bool) -> &'static str {
    if is_server {
        "see that PostgreSQL runs, that its address, user and password are right, and that pg_hba.conf lets this machine in"
    } else {
        "say where the data folder is with --data FOLDER; restore a backup if the file is damaged: muster restore FILE"
    }
}

/// Whether this program can read it.
fn fits(standing: &Standing, kind: &str, found: &mut Findings) -> bool {
    let Standing { version, missing, unknown, barring, altered, recovering, .. } = standing;
    let known = missing.len() + altered.len();
    if let Some(step) = barring.first() {
        let told = format!("{kind} has tables of a newer Muster (step {step}), without what this one needs");
        found.wrong(ABOUT, told, "install that Muster here");
        return false;
    }
    if !altered.is_empty() {
        let told = format!("step {} of its tables is not whole, or of another Muster", altered[0]);
        found.wrong(ABOUT, told, "restore a backup, or start the Muster that began it again");
        return false;
    }
    if known > 0 {
        let told = format!("{known} steps of its tables are still to be made");
        found.attention(ABOUT, told, "the next start makes them; nodes of the version before run on meanwhile");
        return false;
    }
    if *recovering {
        let told = format!("{kind} {version} only follows another server; nothing can be written");
        found.wrong(ABOUT, told, "name the server that leads in --database-url, or promote this one");
        return true;
    }
    if let Some(step) = unknown.first() {
        let told = format!("{kind} has tables of a newer Muster (step {step}), beside which this one runs");
        found.attention(ABOUT, told, "install that Muster here, too, to end the upgrade");
    }
    let major: u32 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or_default();
    if kind == "PostgreSQL" && major < TESTED {
        let told = format!("{kind} {version} is older than what Muster is tested on");
        found.attention(ABOUT, told, format!("upgrade it to {TESTED} or later"));
    } else {
        found.ok(ABOUT, format!("{kind} {version} answers, and its tables are of this Muster"));
    }
    true
}

async fn whole(db: &Db, found: &mut Findings) {
    if !matches!(db, Db::Sqlite { .. }) {
        return;
    }
    match look::damage(db).await {
        Ok(told) if told.is_empty() => found.ok(ABOUT, "the file is whole"),
        Ok(told) => damaged(&told[0], found),
        Err(why) => damaged(&why.to_string(), found),
    }
}

fn damaged(told: &str, found: &mut Findings) {
    let advice = "stop Muster, keep a copy of the folder, and restore the last backup: muster restore --force FILE";
    found.wrong(ABOUT, format!("the file is damaged: {told}"), advice);
}

/// How far the database's clock is from ours; what the question itself took is nobody's difference.
fn clock_there(before: Timestamp, there: Timestamp, after: Timestamp, found: &mut Findings) {
    let ahead = (there.0 - after.0).max(0);
    let behind = (before.0 - there.0).max(0);
    let away = ahead.max(behind);
    let told = format!("the database's is {} {}", span_words(away), if ahead > 0 { "ahead" } else { "behind" });
    match away {
        away if away < SECOND => found.ok(CLOCK, "the database's is the same within a second"),
        away if away < MINUTE => found.attention(CLOCK, told, "let both machines follow NTP"),
        _ => found.wrong(CLOCK, told, "let both machines follow NTP: certificates and rollouts go by these clocks"),
    }
}

async fn clock_here(fleet: &Fleet, found: &mut Findings) {
    let newest = fleet.audit_log(&COMMAND_LINE, &AuditFilter::default(), 1).await;
    if let Some(newest) = newest.ok().and_then(|log| log.into_iter().next()) {
        clock_before(newest.record.at, fleet.now(), found);
    }
    // Elsewhere nobody tells whether the clock is led; in a container it is led by whoever leads the machine's.
    if !Path::new("/run/systemd/system").exists() || Path::new("/run/systemd/container").exists() {
        return;
    }
    let asked = Command::new("timedatectl").args(["show", "-p", "NTPSynchronized", "--value"]).output();
    match asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).as_deref() {
        Ok("yes") => found.ok(CLOCK, "it is led by NTP"),
        Ok("no") => found.attention(CLOCK, "it is not led by NTP", "type: timedatectl set-ntp true"),
        _ => {}
    }
}

/// What was written can't be of a time that is still to come.
fn clock_before(newest: Timestamp, now: Timestamp, found: &mut Findings) {
    let ahead = newest.0.saturating_sub(now.0);
    if ahead < MINUTE {
        return;
    }
    let mark = if ahead < HOUR { Mark::Attention } else { Mark::Wrong };
    let told = format!("the last entry of the audit log is {} in the future", span_words(ahead));
    found.add(mark, CLOCK, told, "this machine's clock was put back, or was wrong then: set it right");
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't write to its temporary folder should fail")]
    use super::*;
    use std::fs;

    fn place(url: Option<&str>) -> Place {
        Place { data: None, database_url: url.map(str::to_owned), database_url_file: None }
    }

    async fn looked(folder: &Path, url: Option<&str>) -> Findings {
        let mut found = Findings::default();
        if let Some(fleet) = look(&place(url), folder, &mut found).await {
            fleet.db().close().await;
        }
        found
    }

    #[tokio::test]
    async fn a_database_that_is_well_is_said_to_be() {
        let folder = tempfile::tempdir().unwrap();
        Db::open(folder.path(), None).await.unwrap().close().await;
        let found = looked(folder.path(), None).await;
        assert_eq!(found.marks(ABOUT).len(), 2, "{found:?}");
        assert!(found.marks(ABOUT).iter().all(|(mark, _)| *mark == Mark::Ok), "{found:?}");
        let fixture = store::testing::postgres().await.unwrap();
        let found = looked(folder.path(), fixture.url.as_deref()).await;
        assert_eq!((found.marks(ABOUT)[0].0, found.marks(CLOCK)[0].0), (Mark::Ok, Mark::Ok), "{found:?}");
    }

    #[tokio::test]
    async fn what_can_t_be_opened_is_told_without_its_password() {
        let folder = tempfile::tempdir().unwrap();
        assert!(looked(folder.path(), None).await.marks(ABOUT)[0].1.contains("can't be opened"));
        let found = looked(folder.path(), Some("postgres://muster:s3cret@127.0.0.1:1/m")).await;
        let (mark, told) = found.marks(ABOUT)[0];
        assert!(mark == Mark::Wrong && told.contains("muster:…@127.0.0.1:1") && !told.contains("s3cret"), "{told}");
        fs::write(folder.path().join(place::DEMO_MAKING), "sqlite").unwrap();
        assert!(looked(folder.path(), None).await.marks(ABOUT)[0].1.contains("demo that is not whole"));
    }

    #[tokio::test]
    async fn a_damaged_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        Db::open(folder.path(), None).await.unwrap().close().await;
        let file = folder.path().join("muster.db");
        let mut bytes = fs::read(&file).unwrap();
        // Behind the pages of the schema and of the list of migrations.
        let from = bytes.len() / 2;
        bytes[from..].fill(0xa5);
        fs::write(&file, bytes).unwrap();
        let found = looked(folder.path(), None).await;
        assert!(found.marks(ABOUT).iter().any(|(mark, _)| *mark == Mark::Wrong), "{found:?}");
    }

    #[test]
    fn tables_that_do_not_fit_are_told() {
        let judged = |change: &dyn Fn(&mut Standing), kind: &str| {
            let mut standing = Standing { version: "15.6 (Debian)".to_owned(), ..Standing::default() };
            change(&mut standing);
            let mut found = Findings::default();
            let fits = fits(&standing, kind, &mut found);
            (fits, found.worst())
        };
        let postgres = "PostgreSQL";
        assert_eq!(judged(&|_| {}, postgres), (true, Mark::Ok));
        assert_eq!(judged(&|standing| standing.missing = vec![29], postgres), (false, Mark::Attention));
        assert_eq!(
            judged(&|standing| standing.unknown = vec![99], postgres),
            (true, Mark::Attention),
            "it runs beside them"
        );
        assert_eq!(judged(&|standing| standing.barring = vec![99], postgres), (false, Mark::Wrong));
        assert_eq!(judged(&|standing| standing.altered = vec![3], postgres), (false, Mark::Wrong));
        assert_eq!(judged(&|standing| standing.recovering = true, postgres), (true, Mark::Wrong));
        assert_eq!(judged(&|standing| standing.version = "13.4".to_owned(), postgres), (true, Mark::Attention));
        assert_eq!(judged(&|standing| standing.version = "3.45".to_owned(), "SQLite"), (true, Mark::Ok));
    }

    #[test]
    fn clocks_that_differ_are_told() {
        let now = Timestamp(1_000_000 * SECOND);
        let there = |away: i64| {
            let mut found = Findings::default();
            clock_there(now, now.plus(away), now.plus(SECOND / 10), &mut found);
            found.worst()
        };
        assert_eq!(there(SECOND / 20), Mark::Ok);
        assert_eq!((there(5 * SECOND), there(-5 * SECOND)), (Mark::Attention, Mark::Attention));
        assert_eq!((there(10 * MINUTE), there(-10 * MINUTE)), (Mark::Wrong, Mark::Wrong));
        let before = |ahead: i64| {
            let mut found = Findings::default();
            clock_before(now.plus(ahead), now, &mut found);
            found.worst()
        };
        assert_eq!((before(-HOUR), before(5 * MINUTE), before(2 * HOUR)), (Mark::Ok, Mark::Attention, Mark::Wrong));
    }
}
