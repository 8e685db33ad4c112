//! Rollouts from the draft to the last device, on both databases.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "figures are printed")]

#[path = "rollout/compared.rs"]
mod compared;
#[path = "rollout/confirm.rs"]
mod confirm;
#[path = "../../artifact/tests/debs/mod.rs"]
mod debs;
#[path = "rollout/delivery.rs"]
mod delivery;
#[path = "rollout/ends.rs"]
mod ends;
#[path = "rollout/experiment_size.rs"]
mod experiment_size;
#[path = "rollout/experiments.rs"]
mod experiments;
#[path = "rollout/files.rs"]
mod files;
#[path = "rollout/flow.rs"]
mod flow;
#[path = "rollout/foreseen.rs"]
mod foreseen;
#[path = "rollout/habit.rs"]
mod habit;
#[path = "rollout/held.rs"]
mod held;
#[path = "rollout/kept.rs"]
mod kept;
#[path = "rollout/last.rs"]
mod last;
#[path = "rollout/let_go.rs"]
mod let_go;
#[path = "rollout/looks.rs"]
mod looks;
#[path = "rollout/model.rs"]
mod model;
mod patience;
#[path = "rollout/people.rs"]
mod people;
#[allow(dead_code, unused_imports, reason = "what releases are tested by is more")]
#[path = "release/world.rs"]
mod pushing;
#[path = "rollout/repository.rs"]
mod repository;
#[path = "rollout/restored.rs"]
mod restored;
#[path = "rollout/returned.rs"]
mod returned;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "scene/mod.rs"]
mod scene;
#[path = "rollout/shown.rs"]
mod shown;
#[path = "rollout/stages.rs"]
mod stages;
#[path = "rollout/told.rs"]
mod told;
#[path = "rollout/virtually.rs"]
mod virtually;
#[path = "rollout/world.rs"]
mod world;
