//! The columns of the device list: which there are, who wants which, and what stands in a cell.

use super::request::Request;
use crate::components::{
    icons,
    status::{Status, Tone, certificate},
    table::{Sorted, heading},
    text::{ago, day},
};
use domain::{
    batch::Model,
    device::{Connection, Device},
    time::{Timestamp, span_words},
};
use fleet::{
    catalogue::Catalogue,
    devices::{Sort, SortKey},
};
use leptos::prelude::*;

/// A column beside the serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Model and hardware revision.
    Model,
    /// Trust.
    Trust,
    /// Lifecycle.
    Lifecycle,
    /// Connection.
    Connection,
    /// Firmware.
    Firmware,
    /// Who holds it.
    Custodian,
    /// Where, in the holder's words.
    Place,
    /// The batch.
    Batch,
    /// The factory.
    Factory,
    /// The release channel.
    Channel,
    /// When it was made.
    Made,
    /// How long its certificate lasts.
    Certificate,
    /// When it was last heard from.
    Seen,
}

impl Column {
    /// Every column, in the order in which they stand.
    pub const ALL: [Self; 13] = [
        Self::Model,
        Self::Trust,
        Self::Lifecycle,
        Self::Connection,
        Self::Batch,
        Self::Factory,
        Self::Made,
        Self::Channel,
        Self::Firmware,
        Self::Custodian,
        Self::Place,
        Self::Certificate,
        Self::Seen,
    ];

    /// What is shown to whoever chose nothing.
    pub const USUAL: [Self; 8] = [
        Self::Model,
        Self::Trust,
        Self::Lifecycle,
        Self::Connection,
        Self::Firmware,
        Self::Custodian,
        Self::Certificate,
        Self::Seen,
    ];

    /// The word in addresses and in the cookie, and the heading.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Model => ("model", "Model"),
            Self::Trust => ("trust", "Trust"),
            Self::Lifecycle => ("state", "Lifecycle"),
            Self::Connection => ("conn", "Connection"),
            Self::Firmware => ("fw", "Firmware"),
            Self::Custodian => ("custodian", "Held by"),
            Self::Place => ("place", "Place"),
            Self::Batch => ("batch", "Batch"),
            Self::Factory => ("factory", "Factory"),
            Self::Channel => ("channel", "Channel"),
            Self::Made => ("made", "Made"),
            Self::Certificate => ("cert", "Certificate"),
            Self::Seen => ("seen", "Seen"),
        }
    }

    /// The word in addresses and in the cookie.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.words().0
    }

    /// The heading.
    #[must_use]
    pub const fn label(self) -> &'static str {
        self.words().1
    }

    const fn sort_key(self) -> Option<SortKey> {
        match self {
            Self::Seen => Some(SortKey::Seen),
            Self::Made => Some(SortKey::Made),
            Self::Firmware => Some(SortKey::Firmware),
            Self::Certificate => Some(SortKey::Certificate),
            _ => None,
        }
    }

    const fn is_numeric(self) -> bool {
        matches!(self, Self::Firmware | Self::Certificate | Self::Seen | Self::Made)
    }

    /// Reads words separated by commas, in the order of [`Self::ALL`]; without any known word, the usual columns.
    #[must_use]
    pub fn read(words: Option<&str>) -> Vec<Self> {
        let Some(words) = words else { return Self::USUAL.to_vec() };
        let wanted: Vec<&str> = words.split(',').map(str::trim).collect();
        let found: Vec<Self> = Self::ALL.into_iter().filter(|column| wanted.contains(&column.word())).collect();
        if found.is_empty() { Self::USUAL.to_vec() } else { found }
    }

    /// Columns as words separated by commas.
    #[must_use]
    pub fn write(columns: &[Self]) -> String {
        columns.iter().map(|column| column.word()).collect::<Vec<_>>().join(",")
    }

    /// The heading, a link where the list can be sorted by it.
    #[must_use]
    pub fn heading(self, request: &Request) -> impl IntoView + use<> {
        let key = self.sort_key();
        let href = key.map(|key| request.href_sorted_by(key));
        heading(self.label(), href, sorted(request.sort, key), self.is_numeric())
    }

    /// What stands in this column for a device.
    #[must_use]
    pub fn cell(self, device: &Device, catalogue: &Catalogue, now: Timestamp) -> AnyView {
        let label = self.label();
        match self {
            Self::Trust => view! { <td data-l=label>{Status::from(device.trust).cell()}</td> }.into_any(),
            Self::Lifecycle => view! { <td data-l=label>{Status::from(device.lifecycle).cell()}</td> }.into_any(),
            Self::Connection => {
                let connection = connection(device, catalogue, now);
                view! { <td data-l=label>{Status::from(connection).cell()}</td> }.into_any()
            }
            Self::Model => plain(label, model_words(device, catalogue)),
            Self::Custodian => plain(label, catalogue.custodian_name(device.custodian_id).to_owned()),
            Self::Place => plain(label, device.place.clone()),
            Self::Batch => plain(label, catalogue.batch_code(device.batch_id).to_owned()),
            Self::Factory => plain(label, catalogue.custodian_name(device.factory_id).to_owned()),
            Self::Channel => plain(label, device.channel.clone()),
            Self::Firmware => number(label, device.firmware.clone().unwrap_or_else(|| "–".to_owned()).into_any()),
            Self::Made => number(label, day(device.made_at).into_any()),
            Self::Certificate => number(label, certificate_cell(device, now)),
            Self::Seen => {
                let seen = device.last_seen_at.map_or_else(|| "never".into_any(), |at| ago(at, now).into_any());
                view! { <td data-l=label class="num nowrap quiet">{seen}</td> }.into_any()
            }
        }
    }
}

/// Which way the list is sorted by a key.
#[must_use]
pub fn sorted(sort: Sort, key: Option<SortKey>) -> Sorted {
    match key {
        Some(key) if key == sort.key && sort.descending => Sorted::Down,
        Some(key) if key == sort.key => Sorted::Up,
        _ => Sorted::No,
    }
}

fn plain(label: &'static str, text: String) -> AnyView {
    view! { <td data-l=label><span class="clip wide">{text}</span></td> }.into_any()
}

fn number(label: &'static str, content: AnyView) -> AnyView {
    view! { <td data-l=label class="num">{content}</td> }.into_any()
}

/// Model and revision: `GW-200 rev C`.
#[must_use]
pub fn model_words(device: &Device, catalogue: &Catalogue) -> String {
    let model = catalogue.model_name(device.model_id);
    match device.hardware_revision.as_str() {
        "" => model.to_owned(),
        revision => format!("{model} rev {revision}"),
    }
}

/// Whether the device is heard from.
#[must_use]
pub fn connection(device: &Device, catalogue: &Catalogue, now: Timestamp) -> Connection {
    let poll = catalogue.model(device.model_id).map_or(0, |model: &Model| model.poll_interval_s);
    Connection::at(now, device.last_seen_at, poll)
}

/// The time that is left; an icon only where something must be done.
fn certificate_cell(device: &Device, now: Timestamp) -> AnyView {
    let (Some(end), Some(status)) = (device.certificate_not_after, certificate(device, now)) else {
        return view! { <span class="quiet">"none"</span> }.into_any();
    };
    let left = end.0.saturating_sub(now.0);
    let words = if left > 0 { span_words(left) } else { "ended".to_owned() };
    let title = format!("{}: ends {}", status.word, end.exact_words());
    if status.tone == Tone::Ok {
        return view! { <span title=title>{words}</span> }.into_any();
    }
    let class = if status.tone == Tone::Bad { "st st-bad" } else { "st st-warn" };
    view! { <span class=class title=title>{icons::icon_small(status.icon)}{words}</span> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_in_their_order() {
        assert_eq!(Column::read(Some("seen, trust,<b>")), [Column::Trust, Column::Seen]);
        assert_eq!(Column::read(Some("nothing")), Column::USUAL);
        assert_eq!(Column::read(None), Column::USUAL);
        assert_eq!(Column::read(Some(&Column::write(&Column::ALL))), Column::ALL);
    }
}
