//! Files of imports in the bucket that nodes share: when the node that received one is gone, another goes on with it.

use super::{spool, worker::RULE};
use crate::{Fleet, Result};
use domain::{
    id::ImportId,
    node::{Lease, NodeState},
    person::Permission,
};
use serde_json::json;
use std::{
    collections::{HashMap, HashSet},
    path::Path,
    time::Duration,
};
use store::{Db, import::Import};

/// How often it is looked for imports whose node is gone.
const LOOK: Duration = Duration::from_secs(2);

/// What the name of an import's file begins with in the bucket.
fn name(id: ImportId) -> String {
    format!("imports/{id}")
}

impl Fleet {
    /// Whether other nodes find files here.
    fn shares_files(&self) -> bool {
        matches!(self.db(), Db::Postgres(_)) && self.artifacts().is_bucket()
    }

    /// Puts a file that was received where other nodes find it, if there is such a place.
    pub(super) async fn share_import(&self, id: ImportId, file: &Path, sha256: &str) -> Result<()> {
        if !self.shares_files() {
            return Ok(());
        }
        let file = tokio::fs::File::open(file).await.map_err(spool::trouble)?;
        self.artifacts().keep_as(file, &name(id), sha256).await
    }

    /// Removes the file of an import that needs it no longer, wherever it lies.
    pub(super) async fn forget_import_file(&self, id: ImportId) {
        spool::remove(self.folder(), id).await;
        if self.shares_files()
            && let Err(error) = self.artifacts().remove(&name(id)).await
        {
            tracing::warn!(%error, import = %id, "the file of a finished import was not removed from the bucket");
        }
    }

    /// Goes on with imports of nodes that are gone, until the process ends.
    pub async fn keep_taking_over_imports(self) {
        // Those that are not in the bucket: they were received before there was one, or without.
        let mut not_there = HashSet::new();
        loop {
            tokio::time::sleep(LOOK).await;
            if self.shares_files()
                && let Err(error) = self.take_over_imports(&mut not_there).await
            {
                tracing::warn!(%error, "imports of nodes that are gone were not taken over; it is tried again");
            }
        }
    }

    /// Takes over the imports of nodes that are gone and goes on with them, but for those whose file is known not to be in the bucket.
    /// How many.
    ///
    /// # Errors
    /// When the database or the bucket fails.
    pub async fn take_over_imports(&self, not_there: &mut HashSet<ImportId>) -> Result<usize> {
        let node = self.node().await?;
        let elsewhere = store::import::unfinished_elsewhere(self.db(), &node).await?;
        if elsewhere.iter().all(|import| not_there.contains(&import.id)) {
            return Ok(0);
        }
        let states = self.node_states().await?;
        // A command's folder is no node; its imports can be done by anybody, too.
        let is_gone = |import: &&Import| states.get(&import.node) != Some(&NodeState::Running);
        let mut gone: Vec<Import> =
            elsewhere.iter().filter(|import| !not_there.contains(&import.id)).filter(is_gone).cloned().collect();
        if gone.is_empty() {
            return Ok(0);
        }
        // Whoever works on one of them has this; a node that only hangs loses it, and with it what it was about to write.
        let turn = self.turn(Lease::Imports).await?;
        // While we waited another one may have taken them.
        let left = store::import::unfinished_elsewhere(self.db(), &node).await?;
        gone.retain(|import| left.iter().any(|left| left.id == import.id && left.node == import.node));
        let mut taken = 0;
        for import in &gone {
            match turn.run(self.take_over(import, &node)).await? {
                Some(true) => taken += 1,
                Some(false) => {}
                None => drop(not_there.insert(import.id)),
            }
        }
        drop(turn);
        if taken > 0 {
            self.wake_importer();
        }
        Ok(taken)
    }

    /// Makes an import this node's. False when it ended or another was faster; none when its file is not in the bucket.
    async fn take_over(&self, import: &Import, node: &str) -> Result<Option<bool>> {
        let Some(arriving) = self.artifacts().whole(&name(import.id)).await? else { return Ok(None) };
        let size = u64::try_from(import.size).unwrap_or_default();
        // Its lock keeps a sweep from it until the import is ours.
        let file = spool::receive(self.folder(), import.id, size, super::IMPORTS_ROOM, arriving).await?;
        if file.sha256 != import.sha256 {
            spool::remove(self.folder(), import.id).await;
            tracing::error!(import = %import.id, "the file of an import is not what it was when it came");
            return Ok(None);
        }
        let subject = format!("import:{}", import.id);
        let mut deed = self.allow(&RULE, Permission::ImportRun, &subject).await?;
        if !store::import::adopt(&mut deed.tx, import.id, &import.node, node).await? {
            drop(deed);
            spool::remove(self.folder(), import.id).await;
            return Ok(Some(false));
        }
        deed.ring("import", &import.id.to_string()).await?;
        deed.commit("import.take_over", &subject, &json!({"from": import.node, "to": node})).await?;
        tracing::info!(import = %import.id, from = import.node, "took over the import of a node that is gone");
        Ok(Some(true))
    }

    /// How each node stands, by its id.
    pub(super) async fn node_states(&self) -> Result<HashMap<String, NodeState>> {
        let now = store::node::clock(self.db()).await?;
        let nodes = store::node::all(self.db()).await?;
        let state = |node: store::node::Node| {
            let state = NodeState::of(node.seen_at, node.stopped_at, now);
            (node.id, state)
        };
        Ok(nodes.into_iter().map(state).collect())
    }
}
