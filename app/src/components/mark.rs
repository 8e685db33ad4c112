//! The mark: an M of dots in ranks; those that are absent are small.

use leptos::prelude::*;

const MARK: [&str; 4] = ["#...#", "##.##", "#.#.#", "#...#"];

/// The mark beside the word.
#[must_use]
pub fn mark() -> impl IntoView {
    view! { <svg class="mark" viewBox="0 0 22 18" aria-hidden="true" inner_html=mark_dots()></svg> }
}

fn mark_dots() -> String {
    let mut dots = String::new();
    for (row, line) in MARK.iter().enumerate() {
        for (column, cell) in line.chars().enumerate() {
            let (class, radius) = if cell == '#' { ("on", "1.65") } else { ("off", "1.1") };
            let (x, y) = (1.9 + 4.55 * column as f64, 2.0 + 4.65 * row as f64);
            dots.push_str(&format!(r#"<circle class="{class}" cx="{x:.2}" cy="{y:.2}" r="{radius}"/>"#));
        }
    }
    dots
}

const WALL: [&str; 14] = [
    "........................",
    "........................",
    "......##........##......",
    "......###......###......",
    "......####....####......",
    "......##.##..##.##......",
    "......##..####..##......",
    "......##...##...##......",
    "......##........##......",
    "......##........##......",
    "......##........##......",
    "......##........##......",
    "........................",
    "........................",
];

/// The wall beside the sign-in.
#[must_use]
pub fn wall() -> impl IntoView {
    let mut dots = String::new();
    for (row, line) in WALL.iter().enumerate() {
        for (column, cell) in line.chars().enumerate() {
            let (class, radius) = if cell == '#' { ("on", "6") } else { ("off", "2.5") };
            let (x, y) = (13 + 26 * column, 13 + 26 * row);
            dots.push_str(&format!(r#"<circle class="{class}" cx="{x}" cy="{y}" r="{radius}"/>"#));
        }
    }
    view! { <svg class="wall" viewBox="0 0 624 364" inner_html=dots></svg> }
}

/// The icon of the browser's tab, as an address.
#[must_use]
pub fn favicon() -> String {
    let mut dots = String::new();
    for (row, line) in MARK.iter().enumerate() {
        for (column, _) in line.chars().enumerate().filter(|(_, cell)| *cell == '#') {
            let (x, y) = (1.9 + 4.55 * column as f64, 2.0 + 4.65 * row as f64);
            dots.push_str(&format!("%3Ccircle cx='{x:.2}' cy='{y:.2}' r='1.9'/%3E"));
        }
    }
    format!(
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='-1 -3 24 24'%3E%3Cg fill='%2317788c'%3E{dots}%3C/g%3E%3C/svg%3E"
    )
}
