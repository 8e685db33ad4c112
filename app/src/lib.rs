//! The console: pages, components, charts, and the islands that reach the browser.
//!
//! This crate compiles twice. On the server (`ssr`) it renders whole documents; in the browser (`hydrate`)
//! only [`islands`] is left, and wakes in a page that works without it.

#![recursion_limit = "256"]

pub mod islands;

#[cfg(feature = "ssr")]
pub mod actions;
#[cfg(feature = "ssr")]
pub mod charts;
#[cfg(feature = "ssr")]
pub mod components;
#[cfg(feature = "ssr")]
pub mod context;
#[cfg(feature = "ssr")]
mod cookies;
#[cfg(feature = "ssr")]
pub mod page;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
pub mod render;
#[cfg(feature = "ssr")]
pub mod session;
#[cfg(feature = "ssr")]
pub mod shell;

#[cfg(feature = "ssr")]
pub use context::{AssetNames, Ctx};
#[cfg(feature = "ssr")]
pub use pages::App;
#[cfg(feature = "ssr")]
pub use render::router;
