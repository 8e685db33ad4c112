//! `muster openapi`: the API's description.

use super::serve::say;
use crate::{
    api,
    failure::{Failure, Outcome},
};

/// Prints the OpenAPI document.
///
/// # Errors
/// When nobody reads it.
pub fn run() -> Outcome {
    let document = api::document().to_pretty_json().map_err(Failure::because)?;
    Ok(say(&document)?)
}
