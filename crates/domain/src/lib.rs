//! What things are and which rules hold. Pure: no clock, no input or output, no SQL; compiles to WASM.

pub mod words;

pub use words::UnknownWord;

pub mod approval;
pub mod audit;
pub mod authority;
pub mod batch;
pub mod bucket;
pub mod cadence;
pub mod certificate;
pub mod claim;
pub mod component;
pub mod custody;
pub mod decimal;
pub mod device;
pub mod epcis;
pub mod evidence;
pub mod factor;
pub mod factory_manifest;
pub mod fitting;
pub mod hbom;
pub mod history;
pub mod id;
pub mod identifier;
pub mod import;
pub mod manifest;
pub mod node;
pub mod oidc;
pub mod person;
pub mod query;
pub mod release;
pub mod repair;
pub mod report;
pub mod retention;
pub mod revocation;
pub mod rollout;
pub mod supply;
pub mod suspicion;
pub mod time;
pub mod version;
pub mod webhook;
