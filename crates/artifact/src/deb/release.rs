//! The signed list of a suite, as Debian's “Repository format” describes it: what indexes there are, each by its SHA-256.

use super::{DebRefused, control::stanzas};
use domain::time::Timestamp;
use std::{collections::BTreeMap, time::UNIX_EPOCH};

/// A suite's list.
#[derive(Debug)]
pub(super) struct SuiteList {
    /// The version that it says it is of.
    pub(super) version: Option<String>,
    /// Size and SHA-256 by the path below the suite.
    pub(super) indexes: BTreeMap<String, (u64, String)>,
}

impl SuiteList {
    /// Reads what was signed, and asks of its times what apt asks.
    pub(super) fn read(path: &str, text: &str, at: Timestamp) -> Result<Self, DebRefused> {
        let mut found = None;
        stanzas(path, text, |stanza| {
            if found.is_some() {
                return Err(syntax(path, stanza.line, "a second paragraph begins here"));
            }
            let missing = |field| DebRefused::NoField { path: path.to_owned(), what: "the suite".to_owned(), field };
            in_time(path, stanza.value("Date").ok_or_else(|| missing("Date"))?, stanza.value("Valid-Until"), at)?;
            let mut indexes = BTreeMap::new();
            for line in stanza.lines("SHA256") {
                let (file, entry) =
                    entry(line).ok_or_else(|| syntax(path, stanza.line, "an entry of SHA256 is none"))?;
                if indexes.insert(file.to_owned(), entry).is_some() {
                    return Err(syntax(path, stanza.line, "SHA256 lists a file twice"));
                }
            }
            if indexes.is_empty() {
                return Err(missing("SHA256"));
            }
            let version = stanza.value("Version").filter(|version| !version.is_empty()).map(ToOwned::to_owned);
            found = Some(Self { version, indexes });
            Ok(())
        })?;
        found.ok_or_else(|| syntax(path, 1, "nothing stands in it"))
    }
}

fn syntax(path: &str, line: usize, why: &'static str) -> DebRefused {
    DebRefused::Syntax { path: path.to_owned(), line, why }
}

/// `SHA256 SIZE PATH`.
fn entry(line: &str) -> Option<(&str, (u64, String))> {
    let mut words = line.split_ascii_whitespace();
    let (sha256, size, path, end) = (words.next()?, words.next()?, words.next()?, words.next());
    let is_plain = !path.starts_with('/') && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    (end.is_none() && is_sha256(sha256) && is_plain).then_some(())?;
    Some((path, (size.parse().ok()?, sha256.to_ascii_lowercase())))
}

/// Whether this is a SHA-256 in hexadecimal.
pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn in_time(path: &str, made: &str, until: Option<&str>, at: Timestamp) -> Result<(), DebRefused> {
    let time = |why: String| DebRefused::Time { path: path.to_owned(), why };
    let read = |text: &str| moment(text).ok_or_else(|| time(format!("has a time that can't be read ({text})")));
    let made_at = read(made)?;
    if made_at > at {
        return Err(time(format!("is of {made}, which is yet to come")));
    }
    if let Some(until) = until
        && read(until)? <= at
    {
        return Err(time(format!("was good until {until}")));
    }
    Ok(())
}

/// Until when apt takes a suite's list, as it says itself; nothing is checked.
pub(super) fn good_until(document: &str) -> Option<Timestamp> {
    document.lines().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case("Valid-Until").then(|| moment(value.trim()))?
    })
}

/// `Sat, 28 Nov 2026 10:11:12 UTC`.
fn moment(text: &str) -> Option<Timestamp> {
    let text =
        ["UTC", "+0000", "Z"].iter().find_map(|zone| text.strip_suffix(zone)).or_else(|| text.strip_suffix("GMT"))?;
    let at = httpdate::parse_http_date(&format!("{} GMT", text.trim_end())).ok()?;
    let micros = at.duration_since(UNIX_EPOCH).ok()?.as_micros();
    i64::try_from(micros).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn until_when_a_list_is_good_stands_in_it() {
        let text = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nSuite: stable\nvalid-until: Sat, 28 Nov 2026 10:11:12 UTC\n";
        assert_eq!(good_until(text), Some(Timestamp(1_795_860_672_000_000)));
        assert_eq!((good_until("Suite: stable\n"), good_until("Valid-Until: soon\n")), (None, None));
    }

    #[test]
    fn times_are_read_as_apt_ftparchive_and_reprepro_write_them() {
        let at = Some(Timestamp(1_795_860_672_000_000));
        for text in
            ["Sat, 28 Nov 2026 10:11:12 UTC", "Sat, 28 Nov 2026 10:11:12 +0000", "Sat, 28 Nov 2026 10:11:12 GMT"]
        {
            assert_eq!(moment(text), at, "{text}");
        }
        assert_eq!((moment("28 Nov 2026"), moment(""), moment("Sat, 28 Nov 2026 10:11:12 +0100")), (None, None, None));
    }
}
