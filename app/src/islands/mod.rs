//! The only code that reaches the browser. Each island makes better what already works without it.

mod keys;
mod live_bar;
mod manners;
mod palette;
mod query_box;

#[cfg(feature = "hydrate")]
mod browser;

pub use keys::Keys;
pub use live_bar::LiveBar;
pub use manners::Manners;
pub use palette::Palette;
pub use query_box::QueryBox;
