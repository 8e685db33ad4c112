//! The icons: 16 by 16 strokes, drawn once, inlined where they are used.

use leptos::prelude::*;

/// One icon: what stands inside its `<svg>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icon(pub &'static str);

/// `antenna`.
pub const ANTENNA: Icon = Icon(
    r#"<path d="M8 14V8M3.8 11.5a5.8 5.8 0 0 1 0-8.2M12.2 3.3a5.8 5.8 0 0 1 0 8.2M5.7 9.5a3.1 3.1 0 0 1 0-4.3M10.3 5.2a3.1 3.1 0 0 1 0 4.3"/><circle cx="8" cy="7.3" r=".8" fill="currentColor"/>"#,
);
/// `approve`.
pub const APPROVE: Icon =
    Icon(r#"<rect x="2.5" y="2.5" width="11" height="11" rx="1.5"/><path d="m5.3 8.1 1.9 1.9 3.6-4"/>"#);
/// `archive`.
pub const ARCHIVE: Icon = Icon(r#"<path d="M2 3h12v3H2zM3 6v7.5h10V6M6.5 9h3"/>"#);
/// `arrow-down`.
pub const ARROW_DOWN: Icon = Icon(r#"<path d="M8 3v10M4 9l4 4 4-4"/>"#);
/// `arrow-up`.
pub const ARROW_UP: Icon = Icon(r#"<path d="M8 13V3M4.5 6.5 8 3l3.5 3.5"/>"#);
/// `audit`.
pub const AUDIT: Icon = Icon(r#"<path d="M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01"/>"#);
/// `auto`.
pub const AUTO: Icon = Icon(r#"<circle cx="8" cy="8" r="5.8"/><path d="M8 2.2v11.6M8 5h3M8 8h5.5M8 11h3"/>"#);
/// `ban`.
pub const BAN: Icon = Icon(r#"<circle cx="8" cy="8" r="5.8"/><path d="m4 4 8 8"/>"#);
/// `board`.
pub const BOARD: Icon =
    Icon(r#"<rect x="2" y="2.5" width="12" height="11" rx="1"/><path d="M5 5.5h3v3H5zM11 5.5v5M5 11h3"/>"#);
/// `bolt`.
pub const BOLT: Icon = Icon(r#"<path d="M9 1.8 3.5 9H8l-1 5.2L12.5 7H8z"/>"#);
/// `box`.
pub const BOX: Icon = Icon(r#"<path d="M2.5 5.5h11v8h-11zM2.5 5.5 4 2.5h8l1.5 3M6.5 8.5h3"/>"#);
/// `building`.
pub const BUILDING: Icon = Icon(r#"<path d="M3.5 13.5v-11h6v11M9.5 6.5h3v7M2 13.5h12M5.5 5h2M5.5 7.5h2M5.5 10h2"/>"#);
/// `camera`.
pub const CAMERA: Icon = Icon(r#"<path d="M2 5h2.8L6 3h4l1.2 2H14v8H2z"/><circle cx="8" cy="8.8" r="2.4"/>"#);
/// `cert`.
pub const CERT: Icon = Icon(
    r#"<path d="M13.5 9V3.5a1 1 0 0 0-1-1h-9a1 1 0 0 0-1 1v7a1 1 0 0 0 1 1h4M5 5.5h6M5 8h3"/><circle cx="11" cy="10.3" r="1.8"/><path d="m10 12-.4 2.3 1.4-.7 1.4.7L12 12"/>"#,
);
/// `check`.
pub const CHECK: Icon = Icon(r#"<circle cx="8" cy="8" r="5.8"/><path d="m5.5 8.2 1.8 1.8 3.3-3.8"/>"#);
/// `chip`.
pub const CHIP: Icon = Icon(
    r#"<rect x="4" y="4" width="8" height="8" rx="1"/><path d="M6.5 1.8V4M9.5 1.8V4M6.5 12v2.2M9.5 12v2.2M1.8 6.5H4M1.8 9.5H4M12 6.5h2.2M12 9.5h2.2"/>"#,
);
/// `clock`.
pub const CLOCK: Icon = Icon(r#"<circle cx="8" cy="8" r="5.8"/><path d="M8 4.8V8l2.2 1.6"/>"#);
/// `columns`.
pub const COLUMNS: Icon = Icon(r#"<rect x="2" y="3" width="12" height="10" rx="1"/><path d="M6 3v10M10 3v10"/>"#);
/// `copy`.
pub const COPY: Icon = Icon(r#"<rect x="5.5" y="5.5" width="8" height="8" rx="1"/><path d="M3.5 10.5h-1v-8h8v1"/>"#);
/// `cross`.
pub const CROSS: Icon = Icon(r#"<circle cx="8" cy="8" r="5.8"/><path d="m6 6 4 4M10 6l-4 4"/>"#);
/// `device`.
pub const DEVICE: Icon =
    Icon(r#"<rect x="2" y="5" width="12" height="7" rx="1"/><path d="M5 5V2.5M11 5V2.5M4.5 9.5h.01M7 9.5h4.5"/>"#);
/// `disk`.
pub const DISK: Icon = Icon(r#"<path d="M2.5 9.5 4.5 3h7l2 6.5V13h-11zM2.5 9.5h11M11 11.3h.01"/>"#);
/// `doc`.
pub const DOC: Icon = Icon(r#"<path d="M3.5 2h6l3 3v9h-9zM9.5 2v3h3M6 8.5h4M6 11h4"/>"#);
/// `dots`.
pub const DOTS: Icon = Icon(r#"<path d="M3.5 8h.01M8 8h.01M12.5 8h.01" stroke-width="2.2"/>"#);
/// `download`.
pub const DOWNLOAD: Icon = Icon(r#"<path d="M8 2v8M4.8 7 8 10.2 11.2 7M2.5 13.5h11"/>"#);
/// `enclave`.
pub const ENCLAVE: Icon =
    Icon(r#"<rect x="3" y="3" width="10" height="10" rx="1"/><circle cx="8" cy="7" r="1.5"/><path d="M8 8.5v2"/>"#);
/// `factory`.
pub const FACTORY: Icon = Icon(r#"<path d="M2 13.5V7l4 2.5V7l4 2.5V2.5h4v11zM5 11.5h.01M8 11.5h.01M11 11.5h.01"/>"#);
/// `finding`.
pub const FINDING: Icon = Icon(r#"<circle cx="7" cy="7" r="4.5"/><path d="m10.5 10.5 3 3M7 5v2.2M7 9.1v.01"/>"#);
/// `flask`.
pub const FLASK: Icon =
    Icon(r#"<path d="M6 2h4M6.7 2v4.2l-3.9 6A1.2 1.2 0 0 0 3.8 14h8.4a1.2 1.2 0 0 0 1-1.8l-3.9-6V2M4.7 10h6.6"/>"#);
/// `gnss`.
pub const GNSS: Icon =
    Icon(r#"<circle cx="8" cy="8" r="2"/><circle cx="8" cy="8" r="5.5"/><path d="M8 .9v3M8 12.1v3M.9 8h3M12.1 8h3"/>"#);
/// `halt`.
pub const HALT: Icon = Icon(r#"<path d="M5.5 2h5L14 5.5v5L10.5 14h-5L2 10.5v-5zM8 5v3.5M8 10.8v.01"/>"#);
/// `hammer`.
pub const HAMMER: Icon = Icon(r#"<path d="m2.5 13.5 6-6M7 3.5l1.5-1.5 5.5 5.5-1.5 1.5-2.2-.7L7.7 5.7z"/>"#);
/// `help`.
pub const HELP: Icon =
    Icon(r#"<circle cx="8" cy="8" r="5.8"/><path d="M6.3 6.4A1.8 1.8 0 1 1 8.6 8.1c-.4.2-.6.4-.6.9M8 11v.01"/>"#);
/// `history`.
pub const HISTORY: Icon = Icon(r#"<path d="M2.5 3v3h3M2.8 6a5.6 5.6 0 1 1-.3 3.4M8 5v3.2l2 1.4"/>"#);
/// `hourglass`.
pub const HOURGLASS: Icon = Icon(r#"<path d="M4 2h8M4 14h8M4.8 2v2.5L8 8l3.2-3.5V2M4.8 14v-2.5L8 8l3.2 3.5V14"/>"#);
/// `info`.
pub const INFO: Icon = Icon(r#"<circle cx="8" cy="8" r="5.8"/><path d="M8 7.3v3.5M8 5.2v.01"/>"#);
/// `install`.
pub const INSTALL: Icon = Icon(r#"<path d="M3.5 9.5v4h9v-4M8 2.5v7M5.3 7 8 9.7 10.7 7"/>"#);
/// `key`.
pub const KEY: Icon = Icon(r#"<circle cx="5" cy="8" r="2.8"/><path d="M7.8 8h6.2M11.5 8v2.5M14 8v2"/>"#);
/// `keyboard`.
pub const KEYBOARD: Icon = Icon(
    r#"<rect x="1.5" y="4" width="13" height="8.5" rx="1"/><path d="M4 6.7h.01M6.7 6.7h.01M9.3 6.7h.01M12 6.7h.01M5 9.8h6"/>"#,
);
/// `left`.
pub const LEFT: Icon = Icon(r#"<path d="m10 4-4 4 4 4"/>"#);
/// `link`.
pub const LINK: Icon = Icon(
    r#"<path d="M6.5 9.5l3-3M7.3 4.6l1.5-1.5a2.9 2.9 0 0 1 4.1 4.1l-1.5 1.5M8.7 11.4l-1.5 1.5a2.9 2.9 0 0 1-4.1-4.1l1.5-1.5"/>"#,
);
/// `lock`.
pub const LOCK: Icon = Icon(r#"<rect x="3" y="7" width="10" height="6.5" rx="1"/><path d="M5 7V5a3 3 0 0 1 6 0v2"/>"#);
/// `menu`.
pub const MENU: Icon = Icon(r#"<path d="M2 4.5h12M2 8h12M2 11.5h12"/>"#);
/// `minus`.
pub const MINUS: Icon = Icon(r#"<path d="M3 8h10"/>"#);
/// `moon`.
pub const MOON: Icon = Icon(r#"<path d="M13 9.6A5.6 5.6 0 0 1 6.4 3 5.6 5.6 0 1 0 13 9.6Z"/>"#);
/// `offered`.
pub const OFFERED: Icon = Icon(r#"<path d="M2 4l6 4.5L14 4M2 3.5h12v9H2z"/>"#);
/// `online`.
pub const ONLINE: Icon = Icon(
    r#"<circle cx="8" cy="8" r="1.6" fill="currentColor"/><path d="M4.7 11.3a4.7 4.7 0 0 1 0-6.6M11.3 4.7a4.7 4.7 0 0 1 0 6.6M2.6 13.4a7.6 7.6 0 0 1 0-10.8M13.4 2.6a7.6 7.6 0 0 1 0 10.8"/>"#,
);
/// `overview`.
pub const OVERVIEW: Icon = Icon(r#"<path d="M2.5 2.5h4v4h-4zM9.5 2.5h4v4h-4zM2.5 9.5h4v4h-4zM9.5 9.5h4v4h-4z"/>"#);
/// `package`.
pub const PACKAGE: Icon = Icon(r#"<path d="M8 1.8 13.5 5v6L8 14.2 2.5 11V5zM2.7 5.1 8 8.2l5.3-3.1M8 8.2v5.8"/>"#);
/// `pause`.
pub const PAUSE: Icon = Icon(r#"<circle cx="8" cy="8" r="5.8"/><path d="M6.5 6v4M9.5 6v4"/>"#);
/// `pencil`.
pub const PENCIL: Icon = Icon(r#"<path d="m2.5 13.5.6-3L10.8 2.8l2.4 2.4-7.7 7.7zM9.3 4.3l2.4 2.4"/>"#);
/// `pencil-note`.
pub const PENCIL_NOTE: Icon = Icon(r#"<path d="M3 2h10v8l-4 4H3zM13 10H9v4M5.5 5.5h5M5.5 8h3"/>"#);
/// `people`.
pub const PEOPLE: Icon = Icon(
    r#"<circle cx="6" cy="5.5" r="2.3"/><path d="M1.8 13.5c.3-2.7 2-4 4.2-4s3.9 1.3 4.2 4M10.2 3.4a2.3 2.3 0 0 1 0 4.2M12 9.8c1.3.5 2 1.8 2.2 3.7"/>"#,
);
/// `pin`.
pub const PIN: Icon =
    Icon(r#"<path d="M8 14s4.5-4.2 4.5-7.7a4.5 4.5 0 0 0-9 0C3.5 9.8 8 14 8 14Z"/><circle cx="8" cy="6.3" r="1.6"/>"#);
/// `play`.
pub const PLAY: Icon = Icon(r#"<circle cx="8" cy="8" r="5.8"/><path d="M6.7 5.6v4.8L10.5 8z"/>"#);
/// `plus`.
pub const PLUS: Icon = Icon(r#"<path d="M8 3v10M3 8h10"/>"#);
/// `port`.
pub const PORT: Icon = Icon(r#"<path d="M2 3.5h12v9h-2.5v-2.5h-7v2.5H2zM5 6.5v-1M8 6.5v-1M11 6.5v-1"/>"#);
/// `pulse`.
pub const PULSE: Icon = Icon(r#"<path d="M1.5 8h3l2-5 3 10 2-5h3"/>"#);
/// `reboot`.
pub const REBOOT: Icon = Icon(r#"<path d="M13 8a5 5 0 1 1-1.6-3.7M13.3 2v3h-3"/>"#);
/// `revert`.
pub const REVERT: Icon = Icon(r#"<path d="M3 6.5h6.5a3.5 3.5 0 0 1 0 7H6M5.8 3.5 2.8 6.5l3 3"/>"#);
/// `right`.
pub const RIGHT: Icon = Icon(r#"<path d="m6 4 4 4-4 4"/>"#);
/// `ring`.
pub const RING: Icon = Icon(r#"<circle cx="8" cy="8" r="5.8" stroke-dasharray="2.3 2.3"/>"#);
/// `save`.
pub const SAVE: Icon = Icon(r#"<path d="M4 2.5h8v11.3L8 10.6l-4 3.2z"/>"#);
/// `scan`.
pub const SCAN: Icon = Icon(r#"<path d="M2 5V2.5h3M11 2.5h3V5M14 11v2.5h-3M5 13.5H2V11M2 8h12"/>"#);
/// `search`.
pub const SEARCH: Icon = Icon(r#"<circle cx="7" cy="7" r="4.5"/><path d="m10.4 10.4 3.3 3.3"/>"#);
/// `shield`.
pub const SHIELD: Icon = Icon(r#"<path d="M8 1.8 13 3.6v4c0 3.2-2 5.4-5 6.6-3-1.2-5-3.4-5-6.6v-4z"/>"#);
/// `shield-check`.
pub const SHIELD_CHECK: Icon =
    Icon(r#"<path d="M8 1.8 13 3.6v4c0 3.2-2 5.4-5 6.6-3-1.2-5-3.4-5-6.6v-4z"/><path d="m5.6 7.8 1.7 1.7 3.2-3.4"/>"#);
/// `sign-out`.
pub const SIGN_OUT: Icon = Icon(r#"<path d="M6.5 2.5h-4v11h4M6 8h7.5M10.7 5.2 13.5 8l-2.8 2.8"/>"#);
/// `silent`.
pub const SILENT: Icon = Icon(
    r#"<path d="M2 2l12 12M4.7 11.3a4.7 4.7 0 0 1-.6-5.9M11.3 4.7a4.7 4.7 0 0 1 .7 5.8M2.6 13.4A7.6 7.6 0 0 1 1.7 4M13.4 2.6a7.6 7.6 0 0 1 1 9.7"/>"#,
);
/// `sim`.
pub const SIM: Icon = Icon(r#"<path d="M4 2h5.5L12.5 5v9H4zM6 8h4.5v4H6zM8.2 8v4"/>"#);
/// `sliders`.
pub const SLIDERS: Icon = Icon(
    r#"<path d="M2.5 4.5h6M11.5 4.5h2M2.5 11.5h2M7.5 11.5h6"/><circle cx="10" cy="4.5" r="1.5"/><circle cx="6" cy="11.5" r="1.5"/>"#,
);
/// `sun`.
pub const SUN: Icon = Icon(
    r#"<circle cx="8" cy="8" r="2.8"/><path d="M8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9"/>"#,
);
/// `swap`.
pub const SWAP: Icon =
    Icon(r#"<path d="M2.5 5.5h10M9.8 2.8l2.7 2.7-2.7 2.7M13.5 10.5h-10M6.2 7.8l-2.7 2.7 2.7 2.7"/>"#);
/// `tick`.
pub const TICK: Icon = Icon(r#"<path d="m3 8.5 3.3 3.3L13 4.8"/>"#);
/// `truck`.
pub const TRUCK: Icon = Icon(
    r#"<path d="M1.5 4h8v7h-8zM9.5 6.5h2.6l2.4 2.5v2h-5z"/><circle cx="4.5" cy="11.8" r="1.4"/><circle cx="11.5" cy="11.8" r="1.4"/>"#,
);
/// `twin`.
pub const TWIN: Icon =
    Icon(r#"<rect x="2" y="2" width="8" height="8" rx="1"/><path d="M6 12.5V14h8V6h-1.5" stroke-dasharray="2 1.6"/>"#);
/// `upload`.
pub const UPLOAD: Icon = Icon(r#"<path d="M8 10.5v-8M4.8 5.5 8 2.3l3.2 3.2M2.5 11v2.5h11V11"/>"#);
/// `user`.
pub const USER: Icon =
    Icon(r#"<circle cx="8" cy="5.3" r="2.6"/><path d="M2.8 14c.4-3 2.5-4.5 5.2-4.5s4.8 1.5 5.2 4.5"/>"#);
/// `warn`.
pub const WARN: Icon = Icon(r#"<path d="M8 2.3 14.2 13.2H1.8zM8 6.5v3M8 11.3v.01"/>"#);
/// `waves`.
pub const WAVES: Icon = Icon(r#"<path d="M2.5 13.5v-3M6.2 13.5v-5M9.8 13.5v-8M13.5 13.5v-11"/>"#);
/// `wrench`.
pub const WRENCH: Icon = Icon(
    r#"<path d="M13.2 4.6 11 6.8 9.2 5 11.4 2.8a3.6 3.6 0 0 0-4.7 4.6L2.4 11.7a1.35 1.35 0 0 0 1.9 1.9l4.3-4.3a3.6 3.6 0 0 0 4.6-4.7Z"/>"#,
);
/// `x`.
pub const X: Icon = Icon(r#"<path d="m4 4 8 8M12 4l-8 8"/>"#);

/// An icon beside a word. It says nothing to assistive technology: the word does.
#[must_use]
pub fn icon(icon: Icon) -> impl IntoView + use<> {
    sized(icon, "i")
}

/// A smaller icon, 14 pixels.
#[must_use]
pub fn icon_small(icon: Icon) -> impl IntoView + use<> {
    sized(icon, "i i-s")
}

/// An icon with classes of its own; `class` begins with `i`.
#[must_use]
pub fn sized(icon: Icon, class: &'static str) -> impl IntoView + use<> {
    view! { <svg class=class viewBox="0 0 16 16" aria-hidden="true" inner_html=icon.0></svg> }
}
