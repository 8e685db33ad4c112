//! The browser's entry point: it makes the islands of `app` ready to be woken.
//!
//! `boot.js` calls [`prepare`] and then walks the page. On any other target this crate is empty,
//! so that building the whole workspace never mixes the browser's features into the server.

#[cfg(target_arch = "wasm32")]
mod browser {
    // Without this, the islands' exports are not linked.
    #[allow(unused_imports, reason = "linking is the use")]
    use app::*;
    use wasm_bindgen::prelude::wasm_bindgen;

    /// Starts the reactive system that the islands of a page share.
    #[wasm_bindgen]
    pub fn prepare() {
        leptos::mount::hydrate_islands();
    }
}

#[cfg(target_arch = "wasm32")]
pub use browser::prepare;
