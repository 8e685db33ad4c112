//! Parts with identifiers as their makers give them.

use crate::chance::Chance;
use domain::{
    component::{ComponentClass, Part},
    identifier::{imei_with_check_digit, normalise},
};

/// A kind of part that a model is built with.
#[derive(Clone, Copy, Debug)]
pub struct PartKind {
    slot: &'static str,
    class: ComponentClass,
    maker: &'static str,
    model: &'static str,
    identifier: Scheme,
}

/// How a maker numbers a part.
#[derive(Clone, Copy, Debug)]
enum Scheme {
    /// So many random bytes in hexadecimal.
    Hex(usize),
    /// A prefix, then digits.
    Digits(&'static str),
    /// A MAC address with the maker's OUI, as registered with the IEEE.
    Mac([u8; 3]),
    /// An IMEI with the modem's type allocation code.
    Imei([u8; 8]),
}

const fn kind(
    slot: &'static str,
    class: ComponentClass,
    maker: &'static str,
    model: &'static str,
    identifier: Scheme,
) -> PartKind {
    PartKind { slot, class, maker, model, identifier }
}

/// A gateway's parts; those after the fifth are not in every revision.
const GATEWAY: &[PartKind] = &[
    kind("cpu", ComponentClass::Cpu, "NXP", "i.MX 8M Mini", Scheme::Hex(8)),
    kind("se", ComponentClass::SecureElement, "Microchip", "ATECC608B", Scheme::Hex(9)),
    kind("board", ComponentClass::Board, "Muster", "GW200-MB", Scheme::Digits("MB")),
    kind("eth0", ComponentClass::Ethernet, "Microchip", "LAN8742A", Scheme::Mac([0xd8, 0x80, 0x39])),
    kind("lte0", ComponentClass::Lte, "Quectel", "EG25-G", Scheme::Imei([8, 6, 1, 9, 4, 1, 0, 5])),
    kind("wlan0", ComponentClass::Wlan, "Murata", "1MW", Scheme::Mac([0x44, 0x91, 0x60])),
    kind("emmc", ComponentClass::Storage, "Kioxia", "THGAMVG8T13BAIL 16 GB", Scheme::Hex(8)),
];

/// A camera's parts; those after the fifth are not in every revision.
const CAMERA: &[PartKind] = &[
    kind("cpu", ComponentClass::Cpu, "Rockchip", "RV1126", Scheme::Hex(8)),
    kind("board", ComponentClass::Board, "Muster", "CAM80-MB", Scheme::Digits("CB")),
    kind("emmc", ComponentClass::Storage, "Samsung", "KLM8G1GETF 8 GB", Scheme::Hex(8)),
    kind("eth0", ComponentClass::Ethernet, "Microchip", "LAN8720A", Scheme::Mac([0x00, 0x1e, 0xc0])),
    kind("wlan0", ComponentClass::Wlan, "Murata", "1DX", Scheme::Mac([0x00, 0x9d, 0x6b])),
    kind("psu", ComponentClass::Power, "Mean Well", "IRM-10-12", Scheme::Digits("IR")),
];

/// What a replacement modem is: the successor of what a gateway is built with.
const REPLACEMENT: PartKind =
    kind("lte0", ComponentClass::Lte, "Telit", "LE910C4-EU", Scheme::Imei([3, 5, 3, 3, 3, 8, 0, 9]));

/// The parts of a device of this model and revision (`A`, `B` or `C`: five, six or seven of a gateway's).
pub fn parts_of(model: &str, revision: &str, chance: &mut Chance) -> Vec<Part> {
    let kinds = if model.starts_with("GW") { GATEWAY } else { CAMERA };
    let n = match revision {
        "A" => 5,
        "B" => 6,
        _ => 7,
    };
    kinds.iter().take(n).filter_map(|kind| part(*kind, chance)).collect()
}

/// A part of the same kind as one that broke.
pub fn replacement(broken: &Part, chance: &mut Chance) -> Option<Part> {
    if broken.class == ComponentClass::Lte && chance.happens(0.3) {
        return part(REPLACEMENT, chance);
    }
    let all = GATEWAY.iter().chain(CAMERA);
    let same = all.copied().find(|kind| kind.class == broken.class && kind.model == broken.model);
    same.and_then(|kind| part(kind, chance))
}

fn part(kind: PartKind, chance: &mut Chance) -> Option<Part> {
    let text = match kind.identifier {
        Scheme::Hex(bytes) => chance.hex(bytes),
        Scheme::Digits(prefix) => {
            let (number, used_up) = chance.number_below(1_000_000);
            format!("{prefix}{used_up:02}{number:06}")
        }
        Scheme::Mac([a, b, c]) => {
            let (number, _) = chance.number_below(1 << 24);
            format!("{a:02x}{b:02x}{c:02x}{number:06x}")
        }
        Scheme::Imei(mut tac) => {
            let (number, used_up) = chance.number_below(1_000_000);
            // A maker that has used up an allocation code is given another.
            tac[7] = tac[7].wrapping_add(u8::try_from(used_up % 10).unwrap_or(0)) % 10;
            tac[6] = tac[6].wrapping_add(u8::try_from(used_up / 10 % 10).unwrap_or(0)) % 10;
            let serial: [u8; 6] = std::array::from_fn(|i| {
                let power = 10_u64.pow(5 - u32::try_from(i).unwrap_or(0));
                u8::try_from(number / power % 10).unwrap_or(0)
            });
            let mut digits = [0; 14];
            digits[..8].copy_from_slice(&tac);
            digits[8..].copy_from_slice(&serial);
            imei_with_check_digit(&digits).ok()?.digits()
        }
    };
    let identifier = normalise(kind.class, &text).ok()?;
    Some(Part {
        slot: kind.slot.to_owned(),
        class: kind.class,
        maker: kind.maker.to_owned(),
        model: kind.model.to_owned(),
        identifier: identifier.shown,
        identifier_key: identifier.key,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_revision_has_five_to_seven_parts_with_valid_identifiers() {
        let mut chance = Chance::new(1);
        for (model, most) in [("GW-200", 7), ("CAM-80", 6)] {
            for revision in ["A", "B", "C"] {
                let n = parts_of(model, revision, &mut chance).len();
                assert!((5..=most).contains(&n), "{model} {revision} has {n}");
            }
        }
    }
}
