//! A virtual fleet: the same for the same seed, with two years of life behind it and a present that goes on.

pub mod demo;
pub mod device;
pub mod events;
pub mod image;
pub mod live;
pub mod manifest_file;
pub mod releases;
pub mod repairs;
pub mod reports;
pub mod rollouts;

mod certify;
mod chance;
mod journey;
mod parts;
mod travel;
mod wired;
mod world;

pub use certify::PastAct;
pub use journey::lives;
pub use travel::Travel;
pub use wired::FOLDER as WIRED_FOLDER;
pub use world::World;
