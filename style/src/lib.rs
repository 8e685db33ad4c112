//! style.
