//! SQL: one file per resource, the same queries on SQLite and PostgreSQL.
//!
//! Reads take a [`Db`]; writes take a [`Tx`], because whoever changes something also writes its audit entry in the
//! same transaction. Nothing here decides or authorises: that is `fleet`'s part.

#[macro_use]
mod macros;

mod db;
mod deadline;
mod error;

pub mod audit;
pub mod backup;
pub mod batch;
pub mod change;
pub mod component;
pub mod count;
pub mod custodian;
pub mod device;
pub mod device_list;
pub mod export;
pub mod history;
pub mod idempotency;
pub mod import;
pub mod link;
pub mod manifest;
pub mod private;
pub mod session;
#[cfg(feature = "testing")]
pub mod testing;
pub mod throttle;
pub mod token;
pub mod turn;
pub mod user;
pub mod view;

pub use db::{Db, Tx};
pub use error::{StoreError, StoreResult};

/// Every query text of this crate with its name, so that a test can describe each on both databases.
#[must_use]
pub fn queries() -> Vec<(&'static str, &'static str)> {
    [
        audit::QUERIES,
        batch::QUERIES,
        change::QUERIES,
        component::QUERIES,
        count::QUERIES,
        custodian::QUERIES,
        device::QUERIES,
        device_list::QUERIES,
        export::QUERIES,
        history::QUERIES,
        idempotency::QUERIES,
        import::QUERIES,
        link::QUERIES,
        manifest::QUERIES,
        session::QUERIES,
        throttle::QUERIES,
        token::QUERIES,
        user::QUERIES,
        view::QUERIES,
    ]
    .concat()
}
