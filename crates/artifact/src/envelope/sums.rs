//! `SHA256SUMS`: lines of sha256sum (GNU coreutils), against what is there.

use super::{EnvelopeRefused, LIST, SIGNATURE};
use crate::{Member, Refused, tar::plain};
use std::collections::{BTreeMap, BTreeSet};

const DIGITS: usize = 64;

/// Every file must be listed, every listed one be there, with its sum.
pub(super) fn compare(list: &[u8], members: &BTreeMap<String, Member>) -> Result<(), Refused> {
    let mut listed: BTreeSet<String> = BTreeSet::new();
    let lines = list.strip_suffix(b"\n").unwrap_or(list).split(|byte| *byte == b'\n');
    for (at, line) in lines.enumerate().filter(|_| !list.is_empty()) {
        let (sum, path) = read(line).ok_or(EnvelopeRefused::Line { line: at + 1 })?;
        let path = plain(path, false)?;
        if path == LIST || path == SIGNATURE {
            return Err(EnvelopeRefused::Itself { path }.into());
        }
        let Some(member) = members.get(&path) else { return Err(EnvelopeRefused::Missing { path }.into()) };
        if !member.sha256.as_bytes().eq_ignore_ascii_case(sum) {
            return Err(EnvelopeRefused::WrongSum { path }.into());
        }
        if !listed.insert(path.clone()) {
            return Err(EnvelopeRefused::ListedTwice { path }.into());
        }
    }
    match members.keys().find(|path| !listed.contains(*path)) {
        Some(path) => Err(EnvelopeRefused::Unlisted { path: path.clone() }.into()),
        None => Ok(()),
    }
}

/// The sum and the path of a line. A path that sha256sum would have to escape can't be in an archive, either.
fn read(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sum, rest) = line.split_at_checked(DIGITS)?;
    let path = rest.strip_prefix(b"  ").or_else(|| rest.strip_prefix(b" *"))?;
    (sum.iter().all(u8::is_ascii_hexdigit) && !path.is_empty()).then_some((sum, path))
}
