//! What is known of makers: which addresses the IEEE assigned to them, and which type codes their modems have.

use super::line::{LineError, LineErrors, LineProblem, excerpt, lines, sides};
use crate::identifier::{Imei, Mac};
use std::{collections::BTreeMap, fmt};

/// The beginning of the MAC addresses that the IEEE assigned to a maker: 24, 28 or 36 bits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oui(String);

impl Oui {
    /// Reads 6, 7 or 9 hexadecimal digits; colons, hyphens and dots between them don't count.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(text: &str) -> Result<Self, LineProblem> {
        let digits: String = text.chars().filter(|c| !":-.".contains(*c)).map(|c| c.to_ascii_lowercase()).collect();
        let right = matches!(digits.len(), 6 | 7 | 9) && digits.bytes().all(|b| b.is_ascii_hexdigit());
        if right { Ok(Self(digits)) } else { Err(LineProblem::Oui(excerpt(text))) }
    }

    /// Whether the address begins so.
    #[must_use]
    pub fn holds(&self, mac: Mac) -> bool {
        hex::encode(mac.bytes()).starts_with(&self.0)
    }
}

impl fmt::Display for Oui {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, digit) in self.0.chars().enumerate() {
            if at > 0 && at % 2 == 0 {
                f.write_str(":")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// A type allocation code: the first eight digits of the IMEIs of one model of modem.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tac(String);

impl Tac {
    /// Reads eight digits.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(text: &str) -> Result<Self, LineProblem> {
        let right = text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit());
        if right { Ok(Self(text.to_owned())) } else { Err(LineProblem::Tac(excerpt(text))) }
    }

    /// The code of this IMEI.
    #[must_use]
    pub fn of(imei: Imei) -> Self {
        Self(imei.tac())
    }
}

impl fmt::Display for Tac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name with its words apart by one space. Names compare without case.
#[derive(Clone, Debug)]
struct Name(String);

impl Name {
    fn new(text: &str) -> Self {
        Self(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

/// Which beginnings of addresses and IMEIs are known, by maker and by model of the part. A maker or model that nothing
/// is known of is not doubted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Makers {
    ouis: BTreeMap<String, (String, Vec<Oui>)>,
    tacs: BTreeMap<String, (String, Vec<Tac>)>,
}

impl Makers {
    /// Adds a beginning of the addresses of this maker.
    pub fn add_oui(&mut self, maker: &str, oui: Oui) {
        add(&mut self.ouis, &Name::new(maker), oui);
    }

    /// Adds a type code of this model of modem.
    pub fn add_tac(&mut self, model: &str, tac: Tac) {
        add(&mut self.tacs, &Name::new(model), tac);
    }

    /// What is known of the addresses of this maker.
    #[must_use]
    pub fn ouis(&self, maker: &str) -> &[Oui] {
        self.ouis.get(&Name::new(maker).key()).map_or(&[], |(_, known)| known)
    }

    /// What is known of the type codes of this model of modem.
    #[must_use]
    pub fn tacs(&self, model: &str) -> &[Tac] {
        self.tacs.get(&Name::new(model).key()).map_or(&[], |(_, known)| known)
    }

    /// Reads lines like `oui d8:80:39 00:04:a3 = Microchip` and `tac 86194105 = EG25-G`.
    ///
    /// # Errors
    /// Says of every line what is wrong with it and what to write.
    pub fn parse(text: &str) -> Result<Self, LineErrors> {
        let mut makers = Self::default();
        let errors: Vec<LineError> = lines(text)
            .filter_map(|(line, content)| makers.take(content).err().map(|problem| LineError { line, problem }))
            .collect();
        if errors.is_empty() { Ok(makers) } else { Err(LineErrors(errors)) }
    }

    fn take(&mut self, line: &str) -> Result<(), LineProblem> {
        let (prefixes, name) = sides(line)?;
        let mut words = prefixes.split_whitespace();
        let kind = words.next().unwrap_or_default();
        let given: Vec<&str> = words.collect();
        match kind {
            "oui" if given.is_empty() => Err(LineProblem::Oui(String::new())),
            "tac" if given.is_empty() => Err(LineProblem::Tac(String::new())),
            "oui" => given.iter().try_for_each(|text| Oui::parse(text).map(|oui| self.add_oui(name, oui))),
            "tac" => given.iter().try_for_each(|text| Tac::parse(text).map(|tac| self.add_tac(name, tac))),
            _ => Err(LineProblem::UnknownPrefix(excerpt(kind))),
        }
    }
}

fn add<T: PartialEq>(known: &mut BTreeMap<String, (String, Vec<T>)>, name: &Name, prefix: T) {
    let (_, prefixes) = known.entry(name.key()).or_insert_with(|| (name.0.clone(), Vec::new()));
    if !prefixes.contains(&prefix) {
        prefixes.push(prefix);
    }
}

impl fmt::Display for Makers {
    /// Writes it as [`Makers::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ouis.values().try_for_each(|(name, known)| written(f, "oui", name, known))?;
        self.tacs.values().try_for_each(|(name, known)| written(f, "tac", name, known))
    }
}

fn written<T: fmt::Display>(f: &mut fmt::Formatter<'_>, kind: &str, name: &str, known: &[T]) -> fmt::Result {
    f.write_str(kind)?;
    known.iter().try_for_each(|prefix| write!(f, " {prefix}"))?;
    writeln!(f, " = {name}")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const TEXT: &str =
        "oui d8:80:39 00:04:a3 = Microchip Technology\noui 70:b3:d5:12:3 = u-blox\ntac 86194105 = EG25-G\n";

    #[test]
    fn reads_what_it_writes() {
        let makers = Makers::parse(TEXT).unwrap();
        assert_eq!(Makers::parse(&makers.to_string()), Ok(makers.clone()));
        assert_eq!(makers.to_string(), TEXT);
        let mac = Mac::parse("70:b3:d5:12:34:56").unwrap();
        assert!(makers.ouis("U-BLOX").iter().any(|oui| oui.holds(mac)));
        assert!(!makers.ouis(" microchip  technology").iter().any(|oui| oui.holds(mac)));
        assert_eq!(makers.tacs("eg25-g"), [Tac::parse("86194105").unwrap()]);
        assert_eq!((makers.tacs("EC25").len(), makers.ouis("").len()), (0, 0));
    }

    #[test]
    fn errors_point_at_the_line() {
        let errors = Makers::parse("# makers\noui d8:80 = A\ntac 1 = B\nmac d8:80:39 = C\ntac = D\n\nup").unwrap_err();
        let lines: Vec<usize> = errors.0.iter().map(|error| error.line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 7]);
        assert_eq!(errors.0.last().unwrap().problem, LineProblem::NoEquals);
        assert!(errors.to_string().starts_with("line 2: “d8:80” is not how addresses"));
    }
}
