//! A virtual fleet: the same for the same seed, with two years of life behind it and a present that goes on.

pub mod demo;
pub mod live;
pub mod manifest_file;

mod chance;
mod journey;
mod parts;
mod world;

pub use journey::lives;
pub use world::World;
