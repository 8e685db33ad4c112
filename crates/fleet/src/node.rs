//! Nodes: who serves this database, since when, and what each does alone at the moment.

use crate::{Actor, Error, Fleet, Result};
use domain::{
    node::{Lease, NodeState},
    person::Permission,
    time::{DAY, MINUTE, Timestamp},
};
use std::time::Duration;
use store::{Db, node::Node};

/// How often a node says that it is there. On SQLite, where it is the only one, seldom: each time is written to the disk.
const BEAT: Duration = Duration::from_secs(1);
const BEAT_ALONE: Duration = Duration::from_secs(60);
/// For how long is listened whether somebody runs by this node's id: several beats. Meanwhile is looked so often.
const LISTENED: Duration = Duration::from_secs(4);
const LOOKS: u32 = 16;
/// By how many beats that is proved: one may have been on its way when its process was killed.
const PROVED: u32 = 2;
/// For how long after its last beat a node is listened for.
const HEARD_LATELY: i64 = MINUTE;
/// For how long a node that is not heard any more is remembered.
const REMEMBERED: i64 = 7 * DAY;

/// A node, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Which version of Muster it runs.
    pub version: String,
    /// Since when.
    pub started_at: Timestamp,
    /// When it was last heard.
    pub seen_at: Timestamp,
    /// How it stands.
    pub state: NodeState,
    /// Whether it is the one that answers.
    pub is_this: bool,
    /// What it alone does, and since when.
    pub leases: Vec<(Lease, Timestamp)>,
}

/// All nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nodes {
    /// What the database's clock says: all times here are its.
    pub now: Timestamp,
    /// The nodes, by name.
    pub nodes: Vec<NodeRow>,
    /// What a command or a node that is forgotten does alone, and since when.
    pub others: Vec<(Lease, Timestamp)>,
    /// Whether several can serve this database.
    pub is_shared: bool,
    /// Whether nodes of the version before serve it, too. They enter themselves nowhere.
    pub beside_before: bool,
}

impl Fleet {
    /// The nodes that serve this database, or did within the last week.
    ///
    /// # Errors
    /// When the actor may not see them, or the database fails.
    pub async fn nodes(&self, actor: &Actor) -> Result<Nodes> {
        actor.require(Permission::PeopleRead)?;
        let now = store::node::clock(self.db()).await?;
        let mut held = store::node::leases(self.db(), now).await?;
        let is_shared = matches!(self.db(), Db::Postgres(_));
        let mut nodes = Vec::new();
        for node in store::node::all(self.db()).await? {
            let is_this = node.id == self.holder().id();
            let (own, others): (Vec<_>, Vec<_>) = held.into_iter().partition(|held| held.holder == node.id);
            held = others;
            // Whoever answers runs, and beats seldom where it is alone.
            let seen_at = if is_this { now } else { node.seen_at };
            nodes.push(NodeRow {
                state: NodeState::of(seen_at, node.stopped_at.filter(|_| !is_this), now),
                id: node.id,
                name: node.name,
                version: node.version,
                started_at: node.started_at,
                seen_at,
                is_this,
                leases: own.into_iter().map(|held| (held.lease, held.since)).collect(),
            });
        }
        let others = held.into_iter().map(|held| (held.lease, held.since)).collect();
        let beside_before = store::turn::beside_before(self.db()).await?;
        Ok(Nodes { now, nodes, others, is_shared, beside_before })
    }

    /// Refuses what a node of the version before would spoil, while one runs: it writes a rollout back without what it does not know.
    pub(crate) async fn refuse_beside_before(&self) -> Result<()> {
        if store::turn::beside_before(self.db()).await? {
            let why = "A node of Muster 0.1 still serves this fleet, and would spoil what is new. Bring every node up to this version, then \
                       try again.";
            return Err(Error::Conflict(why.to_owned()));
        }
        Ok(())
    }

    /// Enters this process among the nodes, by the id of its data folder: for the start of a server, before it takes any turn.
    /// Like when devices were heard, it is no deed of anybody and not audited.
    ///
    /// # Errors
    /// When another process runs by this id, whose data folder this one's is a copy of, or the database fails.
    pub async fn join_nodes(&self, name: &str, version: &str) -> Result<()> {
        self.refuse_twin().await?;
        let mut tx = self.db().begin().await?;
        store::node::join(&mut tx, self.holder().id(), name, version).await?;
        tx.commit().await?;
        self.look_beside().await
    }

    /// Whoever was killed a moment ago and starts again only waits until it is plain that nobody is heard by this id. Of two that start at
    /// the same moment neither hears the other.
    async fn refuse_twin(&self) -> Result<()> {
        let Some(mut known) = self.heard_by_this_id().await? else { return Ok(()) };
        let mut beats = 0;
        for _ in 0..LOOKS {
            tokio::time::sleep(LISTENED / LOOKS).await;
            let Some(heard) = self.heard_by_this_id().await? else { return Ok(()) };
            if heard.seen_at != known.seen_at {
                beats += 1;
                known = heard;
            }
            if beats >= PROVED {
                return Err(twin(&known.name));
            }
        }
        Ok(())
    }

    /// Who ran by this node's id lately and was not stopped in order. On SQLite, where the data folder's lock does the same, nobody.
    async fn heard_by_this_id(&self) -> Result<Option<Node>> {
        if matches!(self.db(), Db::Sqlite { .. }) {
            return Ok(None);
        }
        let since = store::node::clock(self.db()).await?.plus(-HEARD_LATELY);
        let mut nodes = store::node::all(self.db()).await?.into_iter();
        Ok(nodes.find(|node| node.id == self.holder().id() && node.stopped_at.is_none() && node.seen_at >= since))
    }

    /// Says that this node is there until the process ends.
    pub async fn beat(self, name: String, version: &'static str) {
        let pause = if matches!(self.db(), Db::Postgres(_)) { BEAT } else { BEAT_ALONE };
        loop {
            tokio::time::sleep(pause).await;
            if let Err(error) = self.beat_once(&name, version).await {
                tracing::debug!(%error, "this node could not say that it is there");
            }
        }
    }

    async fn beat_once(&self, name: &str, version: &str) -> Result<()> {
        let mut tx = self.db().begin().await?;
        if !store::node::beat(&mut tx, self.holder().id()).await? {
            store::node::join(&mut tx, self.holder().id(), name, version).await?;
        }
        tx.commit().await?;
        self.look_beside().await
    }

    async fn look_beside(&self) -> Result<()> {
        self.inner.polls.note_beside_before(store::turn::beside_before(self.db()).await?);
        Ok(())
    }

    /// Notes that this node was stopped in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn leave_nodes(&self) -> Result<()> {
        let mut tx = self.db().begin().await?;
        store::node::leave(&mut tx, self.holder().id()).await?;
        Ok(tx.commit().await?)
    }

    /// Forgets nodes that were not heard for a week.
    pub(crate) async fn forget_nodes(&self) -> Result<()> {
        let now = store::node::clock(self.db()).await?;
        let mut tx = self.db().begin().await?;
        store::node::forget(&mut tx, now.plus(-REMEMBERED)).await?;
        Ok(tx.commit().await?)
    }
}

fn twin(name: &str) -> Error {
    Error::Conflict(format!(
        "The node {name} runs by the id of this data folder, so that one is a copy of the other. Each node needs a folder of its own: \
         remove the file imports/node from this one, then start again."
    ))
}
