//! Nodes: which processes serve the fleet.

use super::extract::{Answer, Program};
use crate::Console;
use axum::{Json, extract::State};
use domain::{
    node::Lease,
    time::{SECOND, Timestamp},
};
use fleet::node::{NodeRow, Nodes};
use serde::Serialize;
use utoipa::ToSchema;

/// Work that is one node's alone, as long as it has the lease of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeaseShape {
    /// Which: `crls`, `revocations`, `imports` or `webhooks`.
    #[schema(example = "webhooks")]
    name: String,
    /// Since when.
    #[schema(format = DateTime)]
    since: String,
}

impl From<&(Lease, Timestamp)> for LeaseShape {
    fn from((lease, since): &(Lease, Timestamp)) -> Self {
        Self { name: lease.to_string(), since: since.rfc3339() }
    }
}

/// A node.
#[derive(Debug, Serialize, ToSchema)]
pub struct NodeShape {
    /// Its id, which is its data folder's.
    id: String,
    /// What it is called.
    #[schema(example = "fleet-1")]
    name: String,
    /// Which version of Muster it runs.
    version: String,
    /// `running`, `unheard` or `stopped`.
    state: String,
    /// Since when it runs, or ran.
    #[schema(format = DateTime)]
    started_at: String,
    /// When it was last heard.
    #[schema(format = DateTime)]
    seen_at: String,
    /// How many seconds ago that was, by the database's clock.
    seen_ago: i64,
    /// Whether it is the one that answers.
    is_this: bool,
    /// What it alone does at the moment.
    leases: Vec<LeaseShape>,
}

impl NodeShape {
    fn of(node: &NodeRow, now: Timestamp) -> Self {
        Self {
            id: node.id.clone(),
            name: node.name.clone(),
            version: node.version.clone(),
            state: node.state.to_string(),
            started_at: node.started_at.rfc3339(),
            seen_at: node.seen_at.rfc3339(),
            seen_ago: (now.0 - node.seen_at.0).max(0) / SECOND,
            is_this: node.is_this,
            leases: node.leases.iter().map(Into::into).collect(),
        }
    }
}

/// All nodes.
#[derive(Debug, Serialize, ToSchema)]
pub struct NodesShape {
    /// The nodes, by name.
    items: Vec<NodeShape>,
    /// What a command beside them does alone at the moment.
    commands: Vec<LeaseShape>,
}

impl From<&Nodes> for NodesShape {
    fn from(nodes: &Nodes) -> Self {
        Self {
            items: nodes.nodes.iter().map(|node| NodeShape::of(node, nodes.now)).collect(),
            commands: nodes.others.iter().map(Into::into).collect(),
        }
    }
}

/// List the nodes that serve the fleet, or did within the last week. All times are the database's.
#[utoipa::path(get, path = "/api/v1/nodes", operation_id = "listNodes", tag = "Nodes",
    responses((status = 200, description = "All nodes.", body = NodesShape)))]
pub async fn list(State(console): State<Console>, Program(actor): Program) -> Answer<Json<NodesShape>> {
    let nodes = console.fleet.nodes(&actor).await?;
    Ok(Json((&nodes).into()))
}
