//! The only code that reaches the browser. Each island is a behaviour laid over markup that the server made and that
//! works without it. None of them renders anything: that would bring a copy of the markup along.

#[cfg(feature = "hydrate")]
mod browser;
#[cfg(feature = "hydrate")]
mod follow;
#[cfg(feature = "hydrate")]
mod keys;
#[cfg(feature = "hydrate")]
mod live;
#[cfg(feature = "hydrate")]
mod manners;
#[cfg(feature = "hydrate")]
mod palette;
#[cfg(feature = "hydrate")]
mod query_box;

mod paint;

pub use paint::paint;

use leptos::prelude::*;

/// `g` and a letter: where it leads, and what that is called.
pub const PLACES: &[(char, &str, &str)] = &[
    ('o', "/", "Overview"),
    ('d', "/devices", "Devices"),
    ('f', "/factories", "Factories"),
    ('b', "/batches", "Batches"),
    ('i', "/imports", "Imports"),
    ('t', "/authorities", "Authorities"),
    ('r', "/revocations", "Revocations"),
    ('p', "/approvals", "Approvals"),
    ('w', "/repairs", "Repairs"),
    ('s', "/scan", "Scan"),
    ('c', "/custodians", "Custodians"),
    ('a', "/audit", "Audit"),
    ('u', "/users", "Users"),
];

/// Copying, selecting rows, looking at a file before it is sent, closing menus.
#[island]
pub fn Manners() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    manners::start();
}

/// What the frame of the console gains: the command palette, single keys, and the bell.
#[island]
pub fn Frame() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    {
        palette::start();
        keys::start();
        live::start();
    }
}

/// The query field: painted by its parts, and completed from the fleet's own words.
#[island]
pub fn QueryBox() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    query_box::start();
}

/// The progress of what runs, on the page that shows it.
#[island]
pub fn Follow() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    follow::start();
}
