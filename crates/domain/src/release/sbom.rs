//! Software bills of materials: what a release is made of, out of CycloneDX or SPDX in JSON.

use crate::words::words;
use serde::{Deserialize, de::IgnoredAny};

words! {
    /// How a bill of materials is written.
    BomFormat {
        /// CycloneDX, any version, as JSON.
        CycloneDx => "cyclonedx", "CycloneDX";
        /// SPDX 2, as JSON.
        Spdx => "spdx", "SPDX";
    }
}

/// The largest document that is taken, in bytes.
pub const SBOM_MAX: usize = 16 * 1024 * 1024;
/// The most components that one may list.
pub const COMPONENTS_MAX: usize = 20_000;
/// How long a component's name, version and purl may be, in characters.
const LONGEST: [(&str, usize); 3] = [("name", 300), ("version", 200), ("purl", 1_000)];

/// One component of a release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BomComponent {
    /// Its name.
    pub name: String,
    /// Its version; may be empty.
    pub version: String,
    /// Its package URL; may be empty.
    pub purl: String,
}

/// A bill of materials that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bom {
    /// How it is written.
    pub format: BomFormat,
    /// What it lists, by name, each once.
    pub components: Vec<BomComponent>,
}

/// Why a document can't be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BomError {
    /// It is larger than [`SBOM_MAX`].
    #[error("the document is larger than {} MiB", SBOM_MAX / (1024 * 1024))]
    Large,
    /// It is no JSON, or not of the form that it should have.
    #[error("the document can't be read: {0}")]
    Unreadable(String),
    /// It is JSON of something else.
    #[error("this is neither CycloneDX (“bomFormat”) nor SPDX 2 (“spdxVersion”) in JSON")]
    Unknown,
    /// It is SPDX 3.
    #[error("this is SPDX 3; write SPDX 2.3 or CycloneDX in JSON")]
    Spdx3,
    /// It lists nothing.
    #[error("the document lists no components")]
    Empty,
    /// It lists more than [`COMPONENTS_MAX`].
    #[error("the document lists more than {COMPONENTS_MAX} components")]
    Many,
    /// A component has no name.
    #[error("component {0} has no name")]
    Nameless(usize),
    /// A component has a text that is too long or holds a control character.
    #[error("the {1} of component {0} is too long or holds a control character")]
    Text(usize, &'static str),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    bom_format: Option<String>,
    spdx_version: Option<String>,
    #[serde(rename = "@graph")]
    graph: Option<IgnoredAny>,
    #[serde(default)]
    components: Option<Vec<CycloneDx>>,
    #[serde(default)]
    packages: Option<Vec<Spdx>>,
}

#[derive(Deserialize)]
struct CycloneDx {
    name: Option<String>,
    version: Option<String>,
    purl: Option<String>,
    #[serde(default)]
    components: Option<Vec<Self>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spdx {
    name: Option<String>,
    version_info: Option<String>,
    #[serde(default)]
    external_refs: Option<Vec<Reference>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    reference_type: Option<String>,
    reference_locator: Option<String>,
}

/// Reads CycloneDX or SPDX 2 in JSON.
///
/// # Errors
/// Says why the document can't be taken.
pub fn read_bom(document: &[u8]) -> Result<Bom, BomError> {
    if document.len() > SBOM_MAX {
        return Err(BomError::Large);
    }
    let read: Document = serde_json::from_slice(document).map_err(|error| BomError::Unreadable(error.to_string()))?;
    let mut found = Found::default();
    let format = match (read.bom_format.as_deref(), read.spdx_version.as_deref()) {
        (Some("CycloneDX"), _) => {
            found.take_nested(read.components.unwrap_or_default())?;
            BomFormat::CycloneDx
        }
        (_, Some(version)) if version.starts_with("SPDX-2.") => {
            for package in read.packages.unwrap_or_default() {
                found.take(package.name, package.version_info, package.external_refs.and_then(purl))?;
            }
            BomFormat::Spdx
        }
        (_, Some(version)) if version.starts_with("SPDX-3") => return Err(BomError::Spdx3),
        (None, None) if read.graph.is_some() => return Err(BomError::Spdx3),
        _ => return Err(BomError::Unknown),
    };
    let mut components = found.0;
    if components.is_empty() {
        return Err(BomError::Empty);
    }
    components.sort_unstable();
    components.dedup();
    Ok(Bom { format, components })
}

fn purl(references: Vec<Reference>) -> Option<String> {
    let is_purl = |reference: &Reference| reference.reference_type.as_deref() == Some("purl");
    references.into_iter().find(is_purl)?.reference_locator
}

#[derive(Default)]
struct Found(Vec<BomComponent>);

impl Found {
    /// What contains others is a component as they are. `serde_json` ends what is nested deeper than 128.
    fn take_nested(&mut self, components: Vec<CycloneDx>) -> Result<(), BomError> {
        for component in components {
            self.take(component.name, component.version, component.purl)?;
            self.take_nested(component.components.unwrap_or_default())?;
        }
        Ok(())
    }

    fn take(&mut self, name: Option<String>, version: Option<String>, purl: Option<String>) -> Result<(), BomError> {
        let nth = self.0.len() + 1;
        if nth > COMPONENTS_MAX {
            return Err(BomError::Many);
        }
        let texts = [name, version, purl].map(|text| text.unwrap_or_default().trim().to_owned());
        for (text, (what, most)) in texts.iter().zip(LONGEST) {
            if text.chars().count() > most || text.chars().any(char::is_control) {
                return Err(BomError::Text(nth, what));
            }
        }
        let [name, version, purl] = texts;
        if name.is_empty() {
            return Err(BomError::Nameless(nth));
        }
        self.0.push(BomComponent { name, version, purl });
        Ok(())
    }
}
