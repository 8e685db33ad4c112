//! QR codes (ISO/IEC 18004) as SVG: dark on light in either theme, because scanners want that.

use leptos::prelude::*;
use qrcodegen::{QrCode, QrCodeEcc};

/// How many modules stay free around a code.
const QUIET: i32 = 4;

/// A text as a QR code, with what it is for whoever can't see it; nothing when the text is longer than a code can be.
#[must_use]
pub fn qr(text: &str, label: String) -> Option<impl IntoView + use<>> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let side = code.size() + 2 * QUIET;
    Some(view! {
        <svg class="qr" viewBox=format!("0 0 {side} {side}") role="img" aria-label=label shape-rendering="crispEdges">
            <path d=path(&code) />
        </svg>
    })
}

/// The dark modules, one rectangle for each run of a row.
fn path(code: &QrCode) -> String {
    let mut out = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let start = x;
            while code.get_module(x, y) {
                x += 1;
            }
            if x > start {
                out.push_str(&format!("M{} {}h{}v1H{}z", start + QUIET, y + QUIET, x - start, start + QUIET));
            }
            x += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn the_rectangles_are_the_dark_modules() {
        let code = QrCode::encode_text("https://m.example/c/GW-1#7K3M9QXR2J", QrCodeEcc::Medium).unwrap();
        let mut dark = std::collections::BTreeSet::new();
        for run in path(&code).split('M').skip(1) {
            let (at, rest) = run.split_once('h').unwrap();
            let (x, y) = at.split_once(' ').unwrap();
            let (n, _) = rest.split_once('v').unwrap();
            let [x, y, n] = [x, y, n].map(|number| number.parse::<i32>().unwrap());
            dark.extend((x..x + n).map(|x| (x - QUIET, y - QUIET)));
        }
        let all = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        assert!(all.clone().any(|(x, y)| code.get_module(x, y)));
        for (x, y) in all {
            assert_eq!(dark.contains(&(x, y)), code.get_module(x, y), "{x} {y}");
        }
    }

    #[test]
    fn what_is_too_long_has_no_code() {
        assert!(qr(&"x".repeat(4_000), String::new()).is_none());
    }
}
