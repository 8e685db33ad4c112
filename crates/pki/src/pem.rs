//! PEM (RFC 7468), read as leniently as people paste it: text around the blocks, any line lengths, any line ends.

use base64::{Engine, engine::general_purpose::STANDARD};

const LINE: usize = 64;

/// Every block of a label, decoded. `None` when one has no end or is no base64.
pub(crate) fn blocks(text: &str, label: &str) -> Option<Vec<Vec<u8>>> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(begin.as_str()) {
        let (body, behind) = after.split_once(end.as_str())?;
        found.push(decode(body)?);
        rest = behind;
    }
    Some(found)
}

/// Base64 with any white space in it.
pub(crate) fn decode(body: &str) -> Option<Vec<u8>> {
    let dense: Vec<u8> = body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(dense).ok()
}

/// One block.
pub(crate) fn block(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        // Base64 is ASCII, so every place is a boundary.
        let (line, behind) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = behind;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}
