//! What an address of the device page asks for, and the addresses that ask for something else.

use super::events::Group;
use crate::context::{Ctx, href, segment};
use domain::id::HistoryId;

/// One of the page's views.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Everything at a glance.
    #[default]
    Overview,
    /// The whole history.
    History,
    /// The manifests, and the difference between two.
    Manifests,
    /// The certificates.
    Certificates,
    /// The life as EPCIS.
    Epcis,
}

impl View {
    /// Every view, in the order of the tabs.
    pub const ALL: [Self; 5] = [Self::Overview, Self::History, Self::Manifests, Self::Certificates, Self::Epcis];

    /// The word in an address; none for the overview.
    const fn word(self) -> Option<&'static str> {
        match self {
            Self::Overview => None,
            Self::History => Some("history"),
            Self::Manifests => Some("manifests"),
            Self::Certificates => Some("certificates"),
            Self::Epcis => Some("epcis"),
        }
    }

    /// The word on its tab.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::History => "History",
            Self::Manifests => "Manifests",
            Self::Certificates => "Certificates",
            Self::Epcis => "Raw EPCIS",
        }
    }
}

/// What an address of the device page asks for.
#[derive(Clone, Debug)]
pub struct Place {
    /// The device's serial.
    pub serial: String,
    /// The view.
    pub view: View,
    /// Which events; none for all.
    pub group: Option<Group>,
    /// Which page of events, from 1.
    pub page: usize,
    /// The manifest to compare with, if one was chosen.
    pub from: Option<i64>,
    /// The manifest to show, if one was chosen.
    pub to: Option<i64>,
    /// The form to open: `custody` or `note`.
    pub doing: Option<String>,
}

impl Place {
    /// Reads the address; what can't be read is left at its usual value.
    #[must_use]
    pub fn of(ctx: &Ctx) -> Self {
        let value = |name: &str| ctx.query_value(name);
        let word = value("tab");
        let view = View::ALL.into_iter().find(|view| view.word() == word.as_deref()).unwrap_or_default();
        let number = |name: &str| value(name).and_then(|n| n.parse::<i64>().ok());
        let version = ctx.param("version").parse::<i64>().ok();
        Self {
            serial: ctx.param("serial").to_owned(),
            view: if version.is_some() { View::Manifests } else { view },
            group: value("kind").and_then(|word| Group::ALL.into_iter().find(|group| group.word() == word)),
            page: value("page").and_then(|n| n.parse().ok()).unwrap_or(1),
            from: number("from"),
            to: version.or_else(|| number("to")),
            doing: value("do"),
        }
    }

    /// The device's page.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/devices/{}", segment(&self.serial))
    }

    fn with(&self, pairs: &[(&str, &str)]) -> String {
        href(&self.path(), pairs)
    }

    /// Another view.
    #[must_use]
    pub fn view(&self, view: View) -> String {
        match view.word() {
            Some(word) => self.with(&[("tab", word)]),
            None => self.path(),
        }
    }

    /// A page of the history, filtered as it is.
    #[must_use]
    pub fn history(&self, page: usize) -> String {
        let page = page.to_string();
        let mut pairs = vec![("tab", "history")];
        pairs.extend(self.group.map(|group| ("kind", group.word())));
        if page != "1" {
            pairs.push(("page", &page));
        }
        self.with(&pairs)
    }

    /// The history, filtered otherwise.
    #[must_use]
    pub fn filtered(&self, group: Option<Group>) -> String {
        Self { group, ..self.clone() }.history(1)
    }

    /// The difference between two manifests.
    #[must_use]
    pub fn manifests(&self, from: i64, to: i64) -> String {
        self.with(&[("tab", "manifests"), ("from", &from.to_string()), ("to", &to.to_string())])
    }

    /// The page with one of its forms open.
    #[must_use]
    pub fn doing(&self, what: &str) -> String {
        format!("{}#record", self.with(&[("do", what)]))
    }

    /// The panel that says why trust is what it is; it stands on two of the views.
    #[must_use]
    pub fn why(&self) -> String {
        match self.view {
            View::Overview | View::History => "#why".to_owned(),
            _ => format!("{}#why", self.path()),
        }
    }

    /// An entry of the history: here, if the whole history is, else on its own page.
    #[must_use]
    pub fn entry(&self, id: HistoryId, is_here: bool) -> String {
        if is_here { format!("#e-{id}") } else { format!("{}#e-{id}", self.view(View::History)) }
    }

    /// A manifest as a bill of materials.
    #[must_use]
    pub fn bill_of_materials(&self, version: i64) -> String {
        format!("{}/manifests/{version}/bom.cdx.json", self.path())
    }

    /// The life as an EPCIS file.
    #[must_use]
    pub fn epcis_file(&self) -> String {
        format!("{}/epcis.jsonld", self.path())
    }
}
