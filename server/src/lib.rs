//! The program `muster`: command line, listeners, device protocols, background jobs.

pub mod assets;
pub mod listener;
