//! What goes wrong, one after the other, while the field is alive; and what is looked at while it does.

use crate::{
    Sizes,
    field::{Field, Stretch},
    fill::{Caller, UPDATED},
    net::DATABASE,
    node::{Node, TRUST_MAX_AGE},
    people,
    postgres::{Postgres, ask},
    tls,
    world::{RULE, World},
};
use std::{
    thread::sleep,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;

/// No node may let a device in for longer after another one cut it off.
pub const REVOKED_WITHIN: Duration = Duration::from_secs(1);
/// Nobody waits longer for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that plays.
pub struct Stage<'a> {
    pub sizes: &'a Sizes,
    pub runtime: &'a Runtime,
    pub world: &'a World,
    pub postgres: Postgres,
    pub nodes: Vec<Node>,
    pub field: Field,
    /// Devices that only come to be cut off.
    pub victims: Vec<Caller>,
    pub token: String,
    pub told: Vec<Scene>,
}

/// What came of one thing that went wrong.
pub struct Scene {
    pub what: &'static str,
    pub stretch: Stretch,
    /// What else was measured: what it is, how long it took, and how long it may.
    pub times: Vec<(&'static str, Duration, Duration)>,
}

impl Stage<'_> {
    /// Plays all of it.
    pub fn play(&mut self) {
        self.scene("nothing goes wrong", |_| Vec::new());
        self.scene("a device is revoked at node 1", |stage| vec![stage.revokes(0)]);
        self.scene("the node that tells webhooks is killed, and started again", Self::killed);
        self.scene("the node that tells webhooks hangs, and goes on", Self::hangs);
        self.scene("node 3 is cut off from the database, and comes back", Self::cut_off);
        if self.nodes[2].shift_clock(0) {
            self.scene("the clock of node 3 is 5 minutes ahead", |stage| stage.shifted(300));
            self.scene("the clock of node 3 is 5 minutes behind", |stage| stage.shifted(-300));
            self.nodes[2].shift_clock(0);
        }
        self.scene("the node that tells webhooks stops in order, and is started again", Self::stopped);
        self.scene("PostgreSQL is killed, and started again", |stage| {
            stage.postgres.restart();
            stage.everybody_is_back()
        });
        self.scene("PostgreSQL fails over to its standby", |stage| {
            stage.postgres.fail_over();
            stage.everybody_is_back()
        });
        self.scene("a device is revoked at node 2, after all that", |stage| vec![stage.revokes(1)]);
    }

    fn scene(&mut self, what: &'static str, deed: impl FnOnce(&mut Self) -> Vec<(&'static str, Duration, Duration)>) {
        eprintln!("{what} …");
        // Taken out for as long as it is looked at.
        let field = std::mem::replace(&mut self.field, Field::none());
        let mut times = Vec::new();
        let stretch = field.during(|| {
            times = deed(self);
            sleep(self.sizes.calm());
        });
        self.field = field;
        eprintln!("    {stretch:?}");
        for (what, took, most) in &times {
            eprintln!("    {what}: {took:?} of {most:?}");
        }
        self.told.push(Scene { what, stretch, times });
    }

    /// Cuts a device off at one node, and looks how long another one still lets it in.
    fn revokes(&mut self, at: usize) -> (&'static str, Duration, Duration) {
        let victim = self.victims.pop().unwrap();
        let connector = tls::connector(self.world, &victim.device);
        for node in &self.nodes {
            // One that could not read for some seconds trusts nobody.
            until(|| self.lets_in(node, &connector));
        }
        people::revoke(&self.nodes[at], &self.token, &victim.device.serial);
        let begun = Instant::now();
        for node in &self.nodes {
            until(|| !self.lets_in(node, &connector));
        }
        ("until the last node refused it", begun.elapsed(), REVOKED_WITHIN)
    }

    /// Whether a node lets a device in. One that says nothing for a while has neither let it in nor refused it, and is asked again.
    fn lets_in(&self, node: &Node, connector: &TlsConnector) -> bool {
        let begun = Instant::now();
        loop {
            let asked =
                async { tokio::time::timeout(Duration::from_secs(2), tls::is_let_in(connector, node.gateway())).await };
            if let Ok(is_let_in) = self.runtime.block_on(asked) {
                return is_let_in;
            }
            assert!(begun.elapsed() < PATIENCE, "{} says nothing", node.name());
        }
    }

    fn killed(&mut self) -> Vec<(&'static str, Duration, Duration)> {
        let at = self.holder();
        self.nodes[at].kill();
        let taken = self.leases_are_taken(self.nodes[at].name());
        sleep(self.sizes.calm());
        let started = self.nodes[at].start();
        vec![taken, ("until it ran again", started, PATIENCE)]
    }

    fn hangs(&mut self) -> Vec<(&'static str, Duration, Duration)> {
        let at = self.holder();
        self.nodes[at].hang();
        let taken = self.leases_are_taken(self.nodes[at].name());
        sleep(self.sizes.calm());
        self.nodes[at].go_on();
        let mut times = vec![taken];
        times.extend(self.everybody_is_back());
        times
    }

    /// A node without its database must not go on trusting what it knew: neither those who are revoked meanwhile, nor anybody.
    fn cut_off(&mut self) -> Vec<(&'static str, Duration, Duration)> {
        let (good, bad) = (self.victims.pop().unwrap(), self.victims.pop().unwrap());
        let (good, refused) = (tls::connector(self.world, &good.device), tls::connector(self.world, &bad.device));
        self.nodes[2].host().cut();
        let begun = Instant::now();
        people::revoke(&self.nodes[0], &self.token, &bad.device.serial);
        until(|| !self.lets_in(&self.nodes[2], &refused));
        until(|| !self.lets_in(&self.nodes[2], &good));
        let stopped = begun.elapsed();
        self.leases_are_taken("n3");
        self.nodes[2].host().mend();
        let mended = Instant::now();
        until(|| self.lets_in(&self.nodes[2], &good));
        assert!(!self.lets_in(&self.nodes[2], &refused), "what was revoked meanwhile is let in");
        vec![
            ("until it trusted nobody", stopped, Duration::from_secs(TRUST_MAX_AGE + 2)),
            ("until it let devices in again", mended.elapsed(), PATIENCE),
        ]
    }

    fn shifted(&mut self, seconds: i64) -> Vec<(&'static str, Duration, Duration)> {
        self.nodes[2].shift_clock(seconds);
        sleep(self.sizes.calm());
        let (_, here, most) = self.revokes(2);
        let (_, there, _) = self.revokes(0);
        vec![
            ("revoked there, until all refused it", here, most),
            ("revoked at node 1, until all refused it", there, most),
        ]
    }

    fn stopped(&mut self) -> Vec<(&'static str, Duration, Duration)> {
        let at = self.holder();
        let stopping = self.nodes[at].stop();
        let taken = self.leases_are_taken(self.nodes[at].name());
        let started = self.nodes[at].start();
        vec![("until it had stopped", stopping, PATIENCE), taken, ("until it ran again", started, PATIENCE)]
    }

    /// Which node tells webhooks: that is always some node's work.
    fn holder(&self) -> usize {
        let named = "SELECT n.name FROM lease l JOIN node n ON n.id = l.holder WHERE l.name = 'webhooks'";
        let find = || self.nodes.iter().position(|node| node.name() == ask("muster", named));
        until(|| find().is_some());
        find().unwrap_or_default()
    }

    /// Waits until no lease is a node's that is gone, each of which must be taken by another one within 5 seconds.
    fn leases_are_taken(&self, gone: &str) -> (&'static str, Duration, Duration) {
        let begun = Instant::now();
        let held = format!(
            "SELECT count(*) FROM lease l LEFT JOIN node n ON n.id = l.holder WHERE l.holder <> '' AND (n.name = '{gone}' \
             OR l.expires_at < (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)"
        );
        until(|| ask("muster", &held) == "0");
        ("until all its leases were another node's", begun.elapsed(), Duration::from_secs(5))
    }

    /// Waits until so many devices have installed what they were told of, for as long as more do. One whose answer was lost has, too.
    pub fn everybody_installs(&self, code: &str, all: usize) {
        let installed = "SELECT count(*) FROM update_action WHERE state IN ('verifying', 'verified')";
        let (mut known, mut since) = (0, Instant::now());
        while known < all {
            let now = ask("muster", installed).parse().unwrap();
            if now > known {
                (known, since) = (now, Instant::now());
            }
            // One whose turn failed comes again after a while, and one whose report was lost reports in one of so many turns. These
            // take longer than the pause between them while others have all the places.
            let habit = self.sizes.habit();
            let turns = u32::try_from(2 * habit.reports).unwrap_or(u32::MAX);
            let patience = PATIENCE + habit.pause.saturating_mul(turns);
            assert!(since.elapsed() < patience, "{known} of {all} have installed it; {:?}", self.why_not(code));
            sleep(Duration::from_millis(500));
        }
    }

    /// Why some of those that have not installed it have not, and when each was heard last.
    fn why_not(&self, code: &str) -> impl std::fmt::Debug {
        let of = |serial: &str| {
            let why = self.runtime.block_on(self.world.fleet.why_not(&RULE, serial, code));
            let trust = ask("muster", &format!("SELECT trust FROM device WHERE serial = '{serial}'"));
            (serial.to_owned(), self.field.last_turn(serial).map(|at| at.elapsed()), trust, why)
        };
        let others = format!(
            "SELECT d.serial FROM device d LEFT JOIN update_action a ON a.device_id = d.id \
             WHERE d.hardware_revision = '{UPDATED}' AND (a.state IS NULL OR a.state NOT IN ('verifying', 'verified')) \
             ORDER BY d.serial LIMIT 20"
        );
        let serials = ask("muster", &others);
        serials.lines().filter(|serial| self.field.last_turn(serial).is_some()).map(of).collect::<Vec<_>>()
    }

    /// Waits until every node lets devices in, and does what takes the database.
    fn everybody_is_back(&mut self) -> Vec<(&'static str, Duration, Duration)> {
        let begun = Instant::now();
        for node in &self.nodes {
            until(|| node.is_ready());
        }
        vec![("until all nodes were ready", begun.elapsed(), PATIENCE)]
    }
}

/// Waits until it is so.
pub fn until(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(
            begun.elapsed() < PATIENCE,
            "it did not come to this within {PATIENCE:?} (the database is at {DATABASE})"
        );
        sleep(Duration::from_millis(10));
    }
}
