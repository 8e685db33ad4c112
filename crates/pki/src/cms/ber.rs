//! BER to DER. OpenSSL's `-stream` writes lengths that are not known in advance and contents in pieces (X.690, 8.1.3.6
//! and 8.7); what reads CMS here knows DER alone.

use crate::wire;

/// How deep values may stand in each other; certificates need 12.
const DEPTH: usize = 32;
/// How many values may stand side by side: sets are sorted while they are read, which takes their number squared.
const SIBLINGS: usize = 128;

const CONSTRUCTED: u8 = 0x20;
const LONG_TAG: u8 = 0x1f;
const INDEFINITE: u8 = 0x80;
const END: [u8; 2] = [0, 0];

/// Writes one BER value anew as DER: with definite, shortest lengths, and octet strings in one piece. The order of sets
/// stays as it is.
///
/// # Errors
/// When it is cut off, nested too deep, too wide, has a tag of several bytes, or something behind it. The text says
/// which.
pub(super) fn to_der(bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut rest = bytes;
    let mut out = Vec::with_capacity(bytes.len());
    value(&mut rest, &mut out, 0)?;
    if rest.is_empty() { Ok(out) } else { Err("something stands behind it") }
}

fn value(rest: &mut &[u8], out: &mut Vec<u8>, depth: usize) -> Result<(), &'static str> {
    if depth > DEPTH {
        return Err("it is nested too deep");
    }
    let tag = byte(rest)?;
    if tag & LONG_TAG == LONG_TAG {
        return Err("it has a tag of several bytes");
    }
    let length = length(rest)?;
    if tag & CONSTRUCTED == 0 {
        let content = take(rest, length.ok_or("a value without parts has no length")?)?;
        wire::value(out, tag, content);
        return Ok(());
    }
    let mut parts = Vec::new();
    if let Some(length) = length {
        let mut content = take(rest, length)?;
        let mut count = 0;
        while !content.is_empty() {
            part(&mut content, tag, &mut parts, depth, &mut count)?;
        }
    } else {
        let mut count = 0;
        while !rest.starts_with(&END) {
            part(rest, tag, &mut parts, depth, &mut count)?;
        }
        take(rest, END.len())?;
    }
    // A string in pieces becomes one without.
    let tag = if tag == wire::OCTET_STRING | CONSTRUCTED { wire::OCTET_STRING } else { tag };
    wire::value(out, tag, &parts);
    Ok(())
}

/// One part of a constructed value: of an octet string its content alone.
fn part(rest: &mut &[u8], tag: u8, parts: &mut Vec<u8>, depth: usize, count: &mut usize) -> Result<(), &'static str> {
    if tag == wire::OCTET_STRING | CONSTRUCTED {
        if byte(rest)? != wire::OCTET_STRING {
            return Err("an octet string has pieces that are none");
        }
        let length = length(rest)?.ok_or("a value without parts has no length")?;
        parts.extend_from_slice(take(rest, length)?);
        return Ok(());
    }
    *count += 1;
    if *count > SIBLINGS {
        return Err("it has too many parts");
    }
    value(rest, parts, depth + 1)
}

fn byte(rest: &mut &[u8]) -> Result<u8, &'static str> {
    take(rest, 1).map(|taken| taken.first().copied().unwrap_or_default())
}

/// A length, or `None` where it is only known at the end.
fn length(rest: &mut &[u8]) -> Result<Option<usize>, &'static str> {
    let first = byte(rest)?;
    if first < INDEFINITE {
        return Ok(Some(first.into()));
    }
    if first == INDEFINITE {
        return Ok(None);
    }
    let bytes = take(rest, usize::from(first & !INDEFINITE))?;
    if bytes.len() > size_of::<u32>() {
        return Err("it has a length that no file has");
    }
    let length = bytes.iter().fold(0_u32, |length, byte| length << 8 | u32::from(*byte));
    Ok(Some(usize::try_from(length).map_err(|_| "it has a length that no file has")?))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], &'static str> {
    let (taken, left) = rest.split_at_checked(length).ok_or("it is cut off")?;
    *rest = left;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use proptest::{collection::vec, prelude::*};

    #[test]
    fn unknown_lengths_become_known_and_pieces_one() {
        // SEQUENCE { OCTET STRING "a" "bc", INTEGER 5 }
        let ber = [0x30, 0x80, 0x24, 0x80, 4, 1, b'a', 4, 0x81, 2, b'b', b'c', 0, 0, 2, 1, 5, 0, 0];
        assert_eq!(to_der(&ber).unwrap(), [0x30, 8, 4, 3, b'a', b'b', b'c', 2, 1, 5]);
        assert_eq!(to_der(&[&ber[..], &[0]].concat()), Err("something stands behind it"));
        for length in 0..ber.len() {
            assert!(to_der(&ber[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn der_stays_as_it_is() {
        let long = [&[0x30, 0x82, 1, 4, 4, 0x82, 1, 0][..], &[7; 256]].concat();
        assert_eq!(to_der(&long).unwrap(), long);
    }

    #[test]
    fn deep_and_wide_ones_are_refused() {
        let mut deep = [0x30, 0x80].repeat(20_000);
        assert_eq!(to_der(&deep), Err("it is nested too deep"));
        deep = vec![0x30, 0x80];
        deep.extend([5, 0].repeat(SIBLINGS + 1));
        deep.extend([0, 0]);
        assert_eq!(to_der(&deep), Err("it has too many parts"));
        assert_eq!(to_der(&[4, 0x84, 0xff, 0xff, 0xff, 0xff]), Err("it is cut off"));
    }

    proptest! {
        #[test]
        fn what_comes_out_is_its_own_der(bytes in vec(any::<u8>(), 0..64)) {
            if let Ok(der) = to_der(&bytes) {
                prop_assert!(der.len() <= bytes.len());
                prop_assert_eq!(to_der(&der).unwrap(), der);
            }
        }
    }
}
