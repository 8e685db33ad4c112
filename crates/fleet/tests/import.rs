//! Imports and exports, on both databases.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "import/bad.rs"]
mod bad;
#[path = "import/custody.rs"]
mod custody;
#[path = "import/epcis.rs"]
mod epcis;
#[path = "import/export.rs"]
mod export;
#[path = "import/lasting.rs"]
mod lasting;
#[path = "import/manifests.rs"]
mod manifests;
#[path = "import/places.rs"]
mod places;
#[path = "import/races.rs"]
mod races;
#[path = "import/restart.rs"]
mod restart;
#[path = "import/round_trip.rs"]
mod round_trip;
#[path = "import/supply.rs"]
mod supply;
#[path = "import/world.rs"]
mod world;
