//! Values as GLib's GVariant writes them (“GVariant Specification”, 2): in a container values of no fixed size are followed by
//! the places where they end, in as many bytes as the container's size asks for.

/// How many bytes a place takes in a container of so many.
pub(super) const fn width(size: usize) -> usize {
    match size {
        0 => 0,
        1..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    }
}

/// A place, little-endian, at `at`.
fn place(bytes: &[u8], at: usize) -> Option<usize> {
    let width = width(bytes.len());
    let digits = bytes.get(at..at.checked_add(width)?)?;
    let number = digits.iter().rev().fold(0_u64, |number, digit| number << 8 | u64::from(*digit));
    usize::try_from(number).ok()
}

/// The place that is the `count`-th from the end of a container, from 0.
pub(super) fn last_place(bytes: &[u8], count: usize) -> Option<usize> {
    place(bytes, bytes.len().checked_sub(width(bytes.len()) * (count + 1))?)
}

/// The elements of an array whose elements have no fixed size and are aligned to `alignment`.
pub(super) fn elements(bytes: &[u8], alignment: usize) -> Option<Vec<&[u8]>> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let width = width(bytes.len());
    let places = last_place(bytes, 0)?;
    let room = bytes.len().checked_sub(places)?;
    if room == 0 || room % width != 0 {
        return None;
    }
    let mut begin: usize = 0;
    let mut found = Vec::new();
    for at in (places..bytes.len()).step_by(width) {
        let end = place(bytes, at)?;
        found.push(bytes.get(begin.checked_next_multiple_of(alignment)?..end).filter(|_| end <= places)?);
        begin = end;
    }
    Some(found)
}

/// The text of a string: its zero stands at the end.
pub(super) fn text(bytes: &[u8]) -> Option<&str> {
    let (zero, text) = bytes.split_last()?;
    std::str::from_utf8(text).ok().filter(|text| *zero == 0 && !text.contains('\0'))
}

/// The text of a variant that is a string.
pub(super) fn variant_text(bytes: &[u8]) -> Option<&str> {
    text(bytes.strip_suffix(b"\0s")?)
}

/// What stands under a key of a dictionary from texts to variants.
pub(super) fn look_up<'a>(dictionary: &'a [u8], key: &str) -> Option<&'a [u8]> {
    const ALIGNMENT: usize = 8;
    elements(dictionary, ALIGNMENT)?.into_iter().find_map(|entry| {
        let end = last_place(entry, 0)?;
        let value =
            entry.get(end.checked_next_multiple_of(ALIGNMENT)?..entry.len().checked_sub(width(entry.len()))?)?;
        (text(entry.get(..end)?)? == key).then_some(value)
    })
}
