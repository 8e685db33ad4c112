//! Models and batches: what is made, where, and how many may be made.

use crate::{
    id::{BatchId, CustodianId, ModelId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// A device model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// Its id.
    pub id: ModelId,
    /// Its name, unique: `GW-200`.
    pub name: String,
    /// What it is, in a sentence.
    pub description: String,
    /// How often a device of this model asks for news, in seconds.
    pub poll_interval_s: i64,
    /// GS1 company prefix and item reference as in an SGTIN EPC URI (`0614141.107346`), or empty.
    pub sgtin: String,
}

/// A production lot of one factory. Its code is unique in the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Its id.
    pub id: BatchId,
    /// Its code: `2026-11-A`.
    pub code: String,
    /// The factory.
    pub factory_id: CustodianId,
    /// What is made.
    pub model_id: ModelId,
    /// How many devices may be made; none means that nothing was agreed.
    pub quota: Option<i64>,
    /// When its first device was made.
    pub started_at: Timestamp,
}
