//! Factory manifests of any length, as a factory would send them.

use crate::{World, chance::Chance, parts};
use domain::time::{MINUTE, Timestamp};
use std::io::{self, Write};

/// The slots that a column stands for, in the order of the columns.
const SLOTS: &[&str] = &["cpu", "se", "board", "emmc", "eth0", "wlan0", "lte0", "psu"];

/// Writes a CSV manifest of `devices` devices in twelve batches, each with five to seven components. Serials start
/// with `prefix`, so that several files can be of different devices.
///
/// # Errors
/// When `out` can't be written.
pub fn write_csv(out: &mut impl Write, prefix: &str, devices: i64, seed: u64, now: Timestamp) -> io::Result<()> {
    let world = World::new(seed, now, devices / 12 + 1);
    let mut chance = Chance::new(seed);
    writeln!(out, "serial,model,hardware_revision,batch,factory,factory_name,made_at,firmware,{}", SLOTS.join(","))?;
    let batches = i64::try_from(world.batches.len()).unwrap_or(1);
    for n in 0..devices {
        let index = usize::try_from(n * batches / devices).unwrap_or(0);
        let Some((batch, revision)) = world.batches.get(index) else { continue };
        let model = world.models.iter().find(|m| m.id == batch.model_id).map_or("", |m| m.name.as_str());
        let Some(factory) = world.custodians.iter().find(|c| c.id == batch.factory_id) else { continue };
        let made_at = batch.started_at.plus(n % 40_000 * MINUTE).min(now);
        write!(
            out,
            "{prefix}{revision}-{n:07},{model},{revision},{prefix}{},{},{},{made_at},1.4.2",
            batch.code, factory.code, factory.name
        )?;
        let parts = parts::parts_of(model, revision, &mut chance);
        for slot in SLOTS {
            match parts.iter().find(|part| part.slot == *slot) {
                Some(part) => write!(out, ",{}|{}|{}", part.maker, part.model, part.identifier)?,
                None => write!(out, ",")?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::factory_manifest::csv_rows;

    #[test]
    fn every_row_is_a_good_one() -> Result<(), Box<dyn std::error::Error>> {
        let now = Timestamp(1_790_000_000_000_000);
        let mut file = Vec::new();
        write_csv(&mut file, "T", 500, 9, now)?;
        let mut keys = std::collections::HashSet::new();
        let mut n = 0;
        for result in csv_rows(file.as_slice(), now)? {
            let row = result?.row.map_err(|problems| format!("{problems:?}"))?;
            assert!(row.parts.iter().all(|part| keys.insert(part.identifier_key.clone())), "{}", row.serial);
            n += 1;
        }
        assert_eq!(n, 500);
        Ok(())
    }
}
