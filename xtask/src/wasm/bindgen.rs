//! wasm-bindgen as a library, at exactly the version that the program was compiled against.

use std::path::Path;

use wasm_bindgen_cli_support::Bindgen;

use super::{Browser, Profile};
use crate::error::Error;

/// Part of what decides whether the program has to be made again.
pub const VERSION: &str = "wasm-bindgen 0.2.130, layout 2";

/// Makes the JavaScript module and the stripped program.
///
/// `appended` comes after the module's own: it exports `hydrate`, which wakes the islands of a page.
pub fn prepare(compiled: &Path, appended: &[u8], profile: Profile) -> Result<Browser, Error> {
    let keep = profile == Profile::Dev;
    let mut output = Bindgen::new()
        .input_path(compiled)
        .out_name("muster")
        .web(true)
        .map_err(spoken)?
        .typescript(false)
        .debug(keep)
        .keep_debug(keep)
        .remove_name_section(!keep)
        .remove_producers_section(true)
        .generate_output()
        .map_err(spoken)?;
    let inline = output.snippets().iter().filter(|(_, texts)| !texts.is_empty()).map(|(name, _)| name);
    if let Some(name) = inline.chain(output.local_modules().keys()).next() {
        return Err(Error::Bindgen(format!(
            "{name} carries JavaScript of its own, and the site folder holds one module only. Write it with web-sys \
             instead."
        )));
    }
    let mut script = output.js().as_bytes().to_vec();
    script.push(b'\n');
    script.extend_from_slice(appended);
    Ok(Browser { script, program: output.wasm_mut().emit_wasm() })
}

fn spoken(error: impl std::fmt::Display) -> Error {
    Error::Bindgen(format!("{error:#}"))
}
