//! GS1 keys as canonical Digital Link URIs: one spelling for EPC URNs and for Digital Links of any domain
//! (GS1 Digital Link: URI Syntax, section 4.11; CBV 2.0, section 8.9.2, rules 17 and 18).

use super::percent_encode;

const HOME: &str = "https://id.gs1.org";

/// The canonical Digital Link of an EPC URN or a Digital Link, down to its finest level; none for any other text.
pub(super) fn canonical(uri: &str) -> Option<String> {
    if let Some(rest) = uri.strip_prefix("urn:epc:id:") {
        return from_urn(rest, false);
    }
    if let Some(rest) = uri.strip_prefix("urn:epc:idpat:") {
        return from_urn(rest.strip_suffix(".*")?, true);
    }
    if let Some(rest) = uri.strip_prefix("urn:epc:class:lgtin:") {
        let (company, item, lot) = three(rest)?;
        return Some(format!("{HOME}/01/{}/10/{}", gtin(company, item)?, link(lot)));
    }
    from_link(uri)
}

/// The check digit that GS1 keys end in (GS1 General Specifications, section 7.9.1).
pub(super) fn check_digit(body: &str) -> Option<u32> {
    let mut sum = 0;
    for (place, c) in body.chars().rev().enumerate() {
        sum += c.to_digit(10)? * if place % 2 == 0 { 3 } else { 1 };
    }
    Some((10 - sum % 10) % 10)
}

/// `body` with its check digit, if it has exactly `length` digits.
fn checked(body: &str, length: usize) -> Option<String> {
    if body.len() != length || !body.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(format!("{body}{}", check_digit(body)?))
}

/// A company prefix and a reference whose first digit goes to the front, as in a GTIN and an SSCC.
fn indicated(company: &str, reference: &str, length: usize) -> Option<String> {
    let (indicator, rest) = reference.split_at_checked(1)?;
    checked(&format!("{indicator}{company}{rest}"), length)
}

fn gtin(company: &str, item: &str) -> Option<String> {
    indicated(company, item, 13)
}

fn two(text: &str) -> Option<(&str, &str)> {
    let (company, rest) = text.split_once('.')?;
    let sound = (6..=12).contains(&company.len()) && company.bytes().all(|b| b.is_ascii_digit());
    sound.then_some((company, rest))
}

fn three(text: &str) -> Option<(&str, &str, &str)> {
    let (company, rest) = two(text)?;
    let (reference, serial) = rest.split_once('.')?;
    (!serial.is_empty()).then_some((company, reference, serial))
}

/// Escapes what an EPC URN may hold plainly and a Digital Link may not; what is escaped stays so.
fn link(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "!()*+,:".contains(c) {
            out.push_str(&percent_encode(c.encode_utf8(&mut [0; 4]), b""));
        } else {
            out.push(c);
        }
    }
    out
}

/// Whatever follows `urn:epc:id:`, or `urn:epc:idpat:` without its star.
fn from_urn(rest: &str, pattern: bool) -> Option<String> {
    let (scheme, body) = rest.split_once(':')?;
    let path = match (scheme, pattern) {
        ("sgtin" | "upui", true) => {
            two(body).and_then(|(company, item)| gtin(company, item)).map(|g| format!("01/{g}"))
        }
        ("grai", true) => two(body).and_then(|(c, r)| checked(&format!("0{c}{r}"), 13)).map(|k| format!("8003/{k}")),
        ("gdti", true) => two(body).and_then(|(c, r)| checked(&format!("{c}{r}"), 12)).map(|k| format!("253/{k}")),
        ("sgcn", true) => two(body).and_then(|(c, r)| checked(&format!("{c}{r}"), 12)).map(|k| format!("255/{k}")),
        ("cpi", true) => two(body).map(|(company, part)| format!("8010/{company}{}", link(part))),
        ("itip", true) => {
            let (company, item, rest) = three(body)?;
            let (piece, total) = rest.split_once('.')?;
            Some(format!("8006/{}{piece}{total}", gtin(company, item)?))
        }
        (_, true) => None,
        ("sscc", _) => two(body).and_then(|(c, r)| indicated(c, r, 17)).map(|k| format!("00/{k}")),
        ("gsrn", _) => two(body).and_then(|(c, r)| checked(&format!("{c}{r}"), 17)).map(|k| format!("8018/{k}")),
        ("gsrnp", _) => two(body).and_then(|(c, r)| checked(&format!("{c}{r}"), 17)).map(|k| format!("8017/{k}")),
        ("gsin", _) => two(body).and_then(|(c, r)| checked(&format!("{c}{r}"), 16)).map(|k| format!("402/{k}")),
        ("pgln", _) => two(body).and_then(|(c, r)| checked(&format!("{c}{r}"), 12)).map(|k| format!("417/{k}")),
        ("giai", _) => two(body).map(|(company, asset)| format!("8004/{company}{}", link(asset))),
        ("ginc", _) => two(body).map(|(company, consignment)| format!("401/{company}{}", link(consignment))),
        _ => serialised(scheme, body),
    };
    path.map(|path| format!("{HOME}/{path}"))
}

fn serialised(scheme: &str, body: &str) -> Option<String> {
    let (company, reference, serial) = three(body)?;
    let key = format!("{company}{reference}");
    Some(match scheme {
        "sgtin" => format!("01/{}/21/{}", gtin(company, reference)?, link(serial)),
        "upui" => format!("01/{}/235/{}", gtin(company, reference)?, link(serial)),
        "sgln" if serial == "0" => format!("414/{}", checked(&key, 12)?),
        "sgln" => format!("414/{}/254/{}", checked(&key, 12)?, link(serial)),
        "grai" => format!("8003/{}{}", checked(&format!("0{key}"), 13)?, link(serial)),
        "gdti" => format!("253/{}{}", checked(&key, 12)?, link(serial)),
        "sgcn" => format!("255/{}{serial}", checked(&key, 12)?),
        "cpi" => format!("8010/{}/8011/{serial}", link(&key)),
        "itip" => {
            let mut rest = serial.splitn(3, '.');
            let (piece, total, serial) = (rest.next()?, rest.next()?, rest.next()?);
            format!("8006/{}{piece}{total}/21/{}", gtin(company, reference)?, link(serial))
        }
        _ => return None,
    })
}

/// Application identifiers that begin a Digital Link, with their old short names.
const KEYS: &[(&str, &str)] = &[
    ("01", "gtin"),
    ("8006", "itip"),
    ("8010", "cpid"),
    ("414", "gln"),
    ("417", "party"),
    ("8017", "gsrnp"),
    ("8018", "gsrn"),
    ("255", "gcn"),
    ("00", "sscc"),
    ("253", "gdti"),
    ("401", "ginc"),
    ("402", "gsin"),
    ("8003", "grai"),
    ("8004", "giai"),
];

fn from_link(uri: &str) -> Option<String> {
    let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"))?;
    let rest = rest.split(['?', '#']).next()?;
    let segments: Vec<&str> = rest.split('/').skip(1).filter(|segment| !segment.is_empty()).collect();
    let key = |segment: &str| KEYS.iter().find(|(ai, name)| *ai == segment || *name == segment).map(|(ai, _)| *ai);
    let digits = |text: &str| text.len() >= 4 && text.bytes().take(4).all(|b| b.is_ascii_digit());
    let at = segments.windows(2).position(|pair| match pair {
        [name, value] => key(name).is_some() && digits(value),
        _ => false,
    })?;
    let mut segments = segments.into_iter().skip(at);
    let (ai, value) = (key(segments.next()?)?, segments.next()?);
    let value = if ai == "01" { padded(value)? } else { value.to_owned() };
    let mut finest: Option<(usize, &str, &str)> = None;
    // Later in this list is finer: a serial says more than a lot.
    let levels: &[(&str, &str)] = match ai {
        "01" => &[("10", "lot"), ("235", "235"), ("21", "ser")],
        "8006" => &[("10", "lot"), ("21", "ser")],
        "8010" => &[("8011", "8011")],
        "414" => &[("254", "254")],
        _ => &[],
    };
    while let (Some(name), Some(value)) = (segments.next(), segments.next()) {
        let level = levels.iter().position(|(ai, short)| *ai == name || *short == name);
        if let Some((level, (ai, _))) = level.and_then(|level| levels.get(level).map(|found| (level, *found)))
            && finest.is_none_or(|(other, ..)| other < level)
        {
            finest = Some((level, ai, value));
        }
    }
    Some(match finest {
        Some((_, qualifier, fine)) => format!("{HOME}/{ai}/{value}/{qualifier}/{fine}"),
        None => format!("{HOME}/{ai}/{value}"),
    })
}

/// A GTIN of 8, 12, 13 or 14 digits as one of 14.
fn padded(gtin: &str) -> Option<String> {
    let sound = matches!(gtin.len(), 8 | 12 | 13 | 14) && gtin.bytes().all(|b| b.is_ascii_digit());
    sound.then(|| format!("{gtin:0>14}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urns() {
        for (urn, path) in [
            ("id:sgtin:0614141.107346.2017", "01/10614141073464/21/2017"),
            ("id:sgln:0614141.07346.1234", "414/0614141073467/254/1234"),
            ("id:sgln:4012345.00001.0", "414/4012345000016"),
            ("id:pgln:4012345.00001", "417/4012345000016"),
            ("id:grai:4012345.55555.987", "8003/04012345555554987"),
            ("id:giai:4000001.12345", "8004/400000112345"),
            ("id:sscc:0614141.1234567890", "00/106141412345678908"),
            ("idpat:sgtin:4012345.098765.*", "01/04012345987652"),
            ("class:lgtin:4012345.012345.998877", "01/04012345123456/10/998877"),
            ("id:sgtin:0614141.107346.a+b", "01/10614141073464/21/a%2Bb"),
        ] {
            assert_eq!(canonical(&format!("urn:epc:{urn}")), Some(format!("{HOME}/{path}")), "{urn}");
        }
        for urn in ["urn:epc:id:sgtin:061414.107346.1", "urn:epc:id:sgtin:x.y.z", "urn:epc:id:what:0614141.1", "urn:x"]
        {
            assert_eq!(canonical(urn), None, "{urn}");
        }
    }

    #[test]
    fn links_lose_domain_query_and_coarse_levels() {
        for (link, path) in [
            ("https://acme.example/a/01/614141073464/10/L1/21/S?17=261130", "01/00614141073464/21/S"),
            ("http://acme.example/gtin/10614141073464/lot/L1", "01/10614141073464/10/L1"),
            ("https://id.gs1.org/414/4012345000016/254/7#x", "414/4012345000016/254/7"),
        ] {
            assert_eq!(canonical(link), Some(format!("{HOME}/{path}")));
        }
        for other in ["https://acme.example/", "https://acme.example/01/abcd/21/1", "https://acme.example/01/123/21/1"]
        {
            assert_eq!(canonical(other), None);
        }
    }
}
