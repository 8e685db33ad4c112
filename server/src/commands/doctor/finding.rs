//! What was found, and how it is said.

use serde::Serialize;

/// How something stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// As it should.
    #[default]
    Ok,
    /// It works, but somebody should look at it.
    Attention,
    /// It does not work, or will not.
    Wrong,
}

impl Mark {
    const fn words(self) -> &'static str {
        match self {
            Self::Ok => "✓ ok       ",
            Self::Attention => "! attention",
            Self::Wrong => "✗ wrong    ",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How it stands.
    pub mark: Mark,
    /// What it is.
    pub about: &'static str,
    /// What was seen.
    pub told: String,
    /// What to do; empty where nothing is to be done.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub advice: String,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    findings: Vec<Finding>,
}

impl Findings {
    /// It is as it should be.
    pub fn ok(&mut self, about: &'static str, told: impl Into<String>) {
        self.add(Mark::Ok, about, told, "");
    }

    /// Somebody should look at it.
    pub fn attention(&mut self, about: &'static str, told: impl Into<String>, advice: impl Into<String>) {
        self.add(Mark::Attention, about, told, advice);
    }

    /// It is wrong.
    pub fn wrong(&mut self, about: &'static str, told: impl Into<String>, advice: impl Into<String>) {
        self.add(Mark::Wrong, about, told, advice);
    }

    /// As it was judged.
    pub fn add(&mut self, mark: Mark, about: &'static str, told: impl Into<String>, advice: impl Into<String>) {
        self.findings.push(Finding { mark, about, told: told.into(), advice: advice.into() });
    }

    /// How the worst of it stands.
    pub fn worst(&self) -> Mark {
        self.findings.iter().map(|finding| finding.mark).max().unwrap_or_default()
    }

    /// A line for each, and one for what to do.
    pub fn lines(&self) -> Vec<String> {
        let widest = self.findings.iter().map(|finding| finding.about.chars().count()).max().unwrap_or_default();
        let lines = self.findings.iter().flat_map(|Finding { mark, about, told, advice }| {
            let first = format!("{}  {about:<widest$}  {told}", mark.words());
            let second = format!("{:13}{:widest$}  → {advice}", "", "");
            std::iter::once(first).chain((!advice.is_empty()).then_some(second))
        });
        lines.collect()
    }

    #[cfg(test)]
    pub fn marks(&self, about: &str) -> Vec<(Mark, &str)> {
        let of = self.findings.iter().filter(|finding| finding.about == about);
        of.map(|finding| (finding.mark, finding.told.as_str())).collect()
    }
}
