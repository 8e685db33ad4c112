//! Somebody repairs devices while a manifest is entered: a part is in one device, whoever was first.

use crate::world::{OPERATOR, World, finished, is_done, manifest, support, worlds};
use domain::import::ImportState;
use fleet::{
    import::ImportRequest,
    repair::{Authorised, OpenForm, PartForm},
};
use futures::stream;
use std::time::Duration;

/// How many devices are repaired meanwhile.
const REPAIRED: u64 = 12;
/// How many rows the file has: of these each of the repairs wants a part of one.
const ROWS: u64 = 6_000;

/// The WLAN address of a row.
fn wlan(n: u64) -> String {
    format!("{:012x}", 0xd880_3900_0000_u64 + n * 2 + 1)
}

/// The row whose part a repair wants: spread over the file, the last pieces first.
fn wanted(repair: u64) -> u64 {
    1_000 + (REPAIRED - repair) * (ROWS - 1_001) / REPAIRED
}

/// A repair on the bench in which a device gets the part of a row to come.
async fn drafted(world: &World, n: u64) -> String {
    let form = OpenForm { symptom: "No network".into(), technician: String::new() };
    let code = world.fleet.open_repair(&support(), &format!("GW-{n:06}"), &form).await.unwrap();
    let part = PartForm { slot: "wlan0".into(), part_in: wlan(wanted(n)), ..PartForm::default() };
    let look = world.fleet.draft_part(&support(), &code, &part).await.unwrap();
    assert!(look.errors().is_empty(), "{:?}", look.errors());
    code
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_and_a_manifest_never_put_one_part_into_two_devices() {
    for world in worlds().await {
        is_done(&world.import("first.csv", manifest(0..REPAIRED)).await, i64::try_from(REPAIRED).unwrap(), 0, 0);
        let mut codes = Vec::new();
        for n in 0..REPAIRED {
            codes.push(drafted(&world, n).await);
        }
        let request = ImportRequest { skip_bad_rows: true, ..ImportRequest::new("second.csv") };
        let pieces = stream::iter([Ok::<_, std::io::Error>(manifest(1_000..ROWS).into_bytes())]);
        let id = world.fleet.start_import(&OPERATOR, &request, pieces).await.unwrap();
        // Its check is over: from here on only what applies can notice.
        while matches!(
            world.fleet.import(&OPERATOR, id).await.unwrap().state,
            ImportState::Received | ImportState::Checking
        ) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let mut repaired = 0;
        for code in &codes {
            let done = world.fleet.authorise_repair(&support(), code, "its modem is broken").await;
            // Where the row was faster, the part comes from another device, and that takes a second person.
            repaired += i64::from(matches!(done, Ok(Authorised::Done(_))));
        }
        let import = finished(&world.fleet, id).await;
        assert!(repaired > 0, "{}: no repair was faster than its row", world.name());
        let rows = i64::try_from(ROWS - 1_000).unwrap();
        is_done(&import, rows - repaired, 0, repaired);
        let problems = world.problems(&import).await;
        assert_eq!(i64::try_from(problems.len()).unwrap(), repaired);
        assert!(problems.iter().all(|problem| problem.code == "component_taken" && problem.column == "wlan0"));
        assert!(import.message.contains("only because the fleet changed meanwhile"), "{}", import.message);
        for n in 0..REPAIRED {
            let key =
                domain::identifier::normalise(domain::component::ComponentClass::Wlan, &wlan(wanted(n))).unwrap().key;
            let stays = store::component::fitted(world.fleet.db(), &[&key]).await.unwrap();
            assert_eq!(stays.len(), 1, "{}: {stays:?}", world.name());
        }
    }
}
