//! Measures an import: `cargo run --release -p fleet --example import_rate -- 1000000 [FOLDER]`.
//!
//! Writes a manifest of that many devices with six components each, imports it into an empty SQLite fleet, and prints
//! how long checking and applying took. What stays in the folder can be looked at afterwards.
#![expect(clippy::print_stdout, reason = "a measurement is printed")]

use domain::import::ImportState;
use fleet::{Actor, Fleet, import::ImportRequest};
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    time::Instant,
};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A number spread over a range as production data is, without randomness.
fn spread(n: u64, salt: u64) -> u64 {
    (n ^ salt).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31).wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

fn check_digit(body: u64) -> u64 {
    let mut sum = 0;
    for (at, digit) in body.to_string().bytes().rev().map(|b| u64::from(b - b'0')).enumerate() {
        let doubled = if at % 2 == 0 { digit * 2 } else { digit };
        sum += doubled / 10 + doubled % 10;
    }
    (10 - sum % 10) % 10
}

fn write_manifest(path: &Path, devices: u64) -> Outcome {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "serial,model,hardware_revision,batch,factory,made_at,firmware,cpu,se,storage,eth0,wlan0,lte0")?;
    for n in 0..devices {
        let batch = n / 5_000;
        let month = 1 + batch % 12;
        let (cpu, mac, imei) = (spread(n, 1), 0xd880_3900_0000 + n * 2, 86_194_105_000_000 + n);
        writeln!(
            out,
            "GW2C-{n:08},GW-200,C,2025-{month:02}-{batch},brno,2025-{month:02}-02T08:26:00Z,1.4.2,NXP|i.MX8M Mini|{cpu:016X},\
             Microchip|ATECC608B|0123{n:012X},Kingston|EMMC32G-TX29|{:08X},{mac:012x},u-blox|MAYA-W1|{:012x},\
             Quectel|EG25-G|{imei}{}",
            n + 0x7F00_0000,
            mac + 1,
            check_digit(imei)
        )?;
    }
    Ok(out.flush()?)
}

#[tokio::main]
async fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let devices: u64 = arguments.next().as_deref().unwrap_or("100000").parse()?;
    let folder = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from).join(format!("import-rate-{devices}"));
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("manifest.csv");
    write_manifest(&file, devices)?;
    let fleet = Fleet::new(store::Db::open(&folder, None).await?, folder.clone());
    let actor = Actor::Rule { name: "measurement" };
    for round in ["first", "again"] {
        let begun = Instant::now();
        let mut checked = None;
        let import = fleet
            .import_and_wait(&actor, &ImportRequest::new("manifest.csv"), &file, |import| {
                if import.state == ImportState::Applying && checked.is_none() {
                    checked = Some(begun.elapsed());
                }
            })
            .await?;
        let took = begun.elapsed();
        let rate = devices as f64 / took.as_secs_f64();
        let begun = Instant::now();
        fleet.db().optimize().await?;
        println!("optimised in {:.1?}", begun.elapsed());
        println!("{round}: {} in {took:.1?}, checked after {checked:.1?}, {rate:.0} devices/s", import.message);
    }
    let database = std::fs::metadata(folder.join("muster.db"))?.len();
    let peak = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = peak.lines().find(|line| line.starts_with("RssAnon")).unwrap_or_default().to_owned();
    println!("database {} MiB; {peak}", database >> 20);
    fleet.db().close().await;
    Ok(())
}
