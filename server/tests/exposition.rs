//! Metrics as Prometheus reads them: text in OpenMetrics 1.0, taken apart strictly.

use std::collections::BTreeMap;

/// What was read.
#[derive(Debug, Default)]
pub struct Exposition {
    /// The kind of each family.
    pub families: BTreeMap<String, String>,
    /// The value of each series, by its name with its labels in the order of their names.
    pub series: BTreeMap<String, f64>,
}

impl Exposition {
    /// Reads a text, which must be right in every line.
    pub fn read(text: &str) -> Self {
        let mut out = Self::default();
        let body = text.strip_suffix("# EOF\n").unwrap();
        let (mut family, mut kind) = (String::new(), String::new());
        for line in body.lines() {
            if let Some(told) = line.strip_prefix("# HELP ") {
                family = told.split(' ').next().unwrap().to_owned();
                assert!(is_name(&family) && told.len() > family.len() + 5, "{line}");
                continue;
            }
            if let Some(told) = line.strip_prefix("# TYPE ") {
                let (name, of) = told.split_once(' ').unwrap();
                assert_eq!(name, family, "HELP and TYPE stand together");
                kind = of.to_owned();
                assert!(out.families.insert(name.to_owned(), kind.clone()).is_none(), "{name} comes twice");
                continue;
            }
            assert!(!line.starts_with('#'), "{line}");
            let (name, labels, value) = sample(line);
            assert!(belongs(&name, &family, &kind), "{line} is none of {family} ({kind})");
            let value: f64 = value.parse().unwrap();
            assert!(kind != "counter" || value >= 0.0, "{line}");
            let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
            let key = if labels.is_empty() { name } else { format!("{name}{{{}}}", labels.join(",")) };
            assert!(out.series.insert(key.clone(), value).is_none(), "{key} comes twice");
        }
        out.check_histograms();
        out
    }

    /// The value of a series; 0 if it isn't there.
    pub fn value(&self, series: &str) -> f64 {
        self.series.get(series).copied().unwrap_or_default()
    }

    /// Buckets grow, and the last is the whole.
    fn check_histograms(&self) {
        for (name, _) in self.families.iter().filter(|(_, kind)| *kind == "histogram") {
            let mut buckets: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
            for (series, value) in
                self.series.iter().filter(|(series, _)| series.starts_with(&format!("{name}_bucket")))
            {
                let (_, labels, _) = sample(&format!("{series} 0"));
                let (le, others): (Vec<_>, Vec<_>) = labels.into_iter().partition(|(name, _)| name == "le");
                let bound = le[0].1.replace("+Inf", "inf").parse().unwrap();
                let others: Vec<String> = others.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
                buckets.entry(others.join(",")).or_default().push((bound, *value));
            }
            for (labels, mut all) in buckets {
                all.sort_by(|a, b| a.partial_cmp(b).unwrap());
                assert!(all.windows(2).all(|two| two[0].1 <= two[1].1), "{name}{{{labels}}}: {all:?}");
                let whole =
                    if labels.is_empty() { format!("{name}_count") } else { format!("{name}_count{{{labels}}}") };
                assert_eq!(all.last().copied(), Some((f64::INFINITY, self.series[&whole])), "{whole}");
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
    first && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Whether a sample of this name may stand in a family.
fn belongs(name: &str, family: &str, kind: &str) -> bool {
    let Some(suffix) = name.strip_prefix(family) else { return false };
    match kind {
        "counter" => suffix == "_total",
        "gauge" => suffix.is_empty(),
        "info" => suffix == "_info",
        "histogram" => matches!(suffix, "_sum" | "_count" | "_bucket"),
        _ => false,
    }
}

/// `name{label="value",…} value`; labels in the order of their names.
fn sample(line: &str) -> (String, Vec<(String, String)>, String) {
    let end = line.find(['{', ' ']).unwrap();
    let (name, rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let (labels, value) = match rest.strip_prefix('{') {
        Some(rest) => rest.rsplit_once("} ").unwrap(),
        None => ("", rest.trim_start()),
    };
    let mut out = Vec::new();
    let mut left = labels;
    while !left.is_empty() {
        let (label, after) = left.split_once("=\"").unwrap();
        assert!(is_name(label), "{line}");
        // A quotation mark within a value has a backslash before it.
        let end = (0..after.len()).find(|at| after[*at..].starts_with('"') && !after[..*at].ends_with('\\')).unwrap();
        out.push((label.to_owned(), after[..end].to_owned()));
        left = after[end + 1..].trim_start_matches(',');
    }
    out.sort();
    (name.to_owned(), out, value.to_owned())
}
