//! SQL: one file per resource, the same queries on SQLite and PostgreSQL.
//!
//! Reads take a [`Db`]; writes take a [`Tx`], because whoever changes something also writes its audit entry in the
//! same transaction. Nothing here decides or authorises: that is `fleet`'s part.

#[macro_use]
mod macros;

mod db;
mod deadline;
mod error;
mod migrate;
mod reach;

pub mod approval;
pub mod artifact;
pub mod audit;
pub mod authority;
pub mod auto_confirm;
pub mod backup;
pub mod batch;
pub mod brake;
pub mod certificate;
pub mod change;
pub mod claim;
pub mod component;
pub mod count;
pub mod crl;
pub mod custodian;
pub mod device;
pub mod device_list;
pub mod device_token;
pub mod evidence;
pub mod export;
pub mod factor;
pub mod finding;
pub mod fitting;
pub mod history;
pub mod idempotency;
pub mod identity;
pub mod import;
pub mod key_copy;
pub mod link;
pub mod look;
pub mod manifest;
pub mod member;
pub mod model_rule;
pub mod node;
pub mod observe;
pub mod passkey;
pub mod poll;
pub mod private;
pub mod release;
pub mod repair;
pub mod report;
pub mod retention;
pub mod revocation;
pub mod revoked;
pub mod rollout;
pub mod sbom;
pub mod sealed_key;
pub mod session;
pub mod setting;
pub mod spread;
pub mod stage_rule;
pub mod supply;
pub mod taint;
#[cfg(feature = "testing")]
pub mod testing;
pub mod throttle;
pub mod token;
pub mod turn;
pub mod update_action;
pub mod upload;
pub mod user;
pub mod view;
pub mod voucher;
pub mod webhook;

pub use db::{Db, Tx};
pub use error::{StoreError, StoreResult};

/// Every query text of this crate with its name, so that a test can describe each on both databases.
#[must_use]
pub fn queries() -> Vec<(&'static str, &'static str)> {
    [
        approval::QUERIES,
        artifact::QUERIES,
        audit::QUERIES,
        authority::QUERIES,
        auto_confirm::QUERIES,
        batch::QUERIES,
        brake::QUERIES,
        certificate::QUERIES,
        certificate::acts::QUERIES,
        certificate::batch::QUERIES,
        certificate::claims::QUERIES,
        change::QUERIES,
        claim::QUERIES,
        component::QUERIES,
        count::QUERIES,
        crl::QUERIES,
        custodian::QUERIES,
        device::QUERIES,
        device_list::QUERIES,
        device_list::members::QUERIES,
        device_token::QUERIES,
        evidence::QUERIES,
        evidence::exposure::QUERIES,
        evidence::point::QUERIES,
        export::QUERIES,
        factor::QUERIES,
        finding::QUERIES,
        finding::fold::QUERIES,
        finding::settled::QUERIES,
        finding::trend::QUERIES,
        fitting::QUERIES,
        history::QUERIES,
        idempotency::QUERIES,
        identity::QUERIES,
        import::QUERIES,
        key_copy::QUERIES,
        link::QUERIES,
        look::QUERIES,
        manifest::QUERIES,
        member::QUERIES,
        migrate::QUERIES,
        model_rule::QUERIES,
        node::QUERIES,
        observe::QUERIES,
        passkey::QUERIES,
        poll::QUERIES,
        release::QUERIES,
        report::QUERIES,
        report::holder::QUERIES,
        retention::QUERIES,
        repair::QUERIES,
        repair::attached::QUERIES,
        revocation::QUERIES,
        revoked::QUERIES,
        revoked::cut::QUERIES,
        revoked::record::QUERIES,
        sbom::QUERIES,
        rollout::QUERIES,
        rollout::count::QUERIES,
        rollout::course::QUERIES,
        rollout::target::QUERIES,
        rollout::event::QUERIES,
        rollout::level::QUERIES,
        sealed_key::QUERIES,
        session::QUERIES,
        setting::QUERIES,
        spread::QUERIES,
        stage_rule::QUERIES,
        taint::QUERIES,
        supply::QUERIES,
        throttle::QUERIES,
        token::QUERIES,
        upload::QUERIES,
        upload::piece::QUERIES,
        update_action::QUERIES,
        update_action::feedback::QUERIES,
        user::QUERIES,
        view::QUERIES,
        voucher::QUERIES,
        webhook::QUERIES,
        webhook::delivery::QUERIES,
    ]
    .concat()
}
