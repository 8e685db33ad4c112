//! The demo's fleet, filled on both databases.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use fleet::Fleet;
use simulator::demo::{self, ACTOR, Plan};
use std::sync::Arc;
use store::{device_list::Sort, testing};

#[tokio::test]
async fn a_filled_fleet_is_counted_as_it_is_listed() {
    // It stands still: who is late a moment later is counted as it is listed.
    let now = fleet::system_time();
    for fixture in testing::both().await.unwrap() {
        let fleet = Fleet::with_clock(fixture.db.clone(), fixture.folder.path().to_owned(), Arc::new(move || now));
        demo::fill(&fleet, Plan::new(now, 1, 600), |_| {}).await.unwrap();
        let overview = fleet.overview(&ACTOR).await.unwrap();
        assert_eq!(overview.total, 600, "{}", fixture.name);
        for (trust, n) in &overview.trust {
            let query = format!("trust:{trust}");
            assert_eq!(fleet.count_devices(&ACTOR, &query).await.unwrap(), *n, "{}: {query}", fixture.name);
        }
        for (state, n) in &overview.lifecycle {
            let query = format!("state:{state}");
            assert_eq!(fleet.count_devices(&ACTOR, &query).await.unwrap(), *n, "{}: {query}", fixture.name);
        }
        let connection = overview.connection;
        for (word, n) in [("online", connection.online), ("late", connection.late), ("silent", connection.silent)] {
            let query = format!("conn:{word}");
            let found = fleet.count_devices(&ACTOR, &query).await.unwrap();
            assert_eq!(found, n, "{}: {query}", fixture.name);
        }
        let list = fleet.devices(&ACTOR, "", Sort::default(), None, 50).await.unwrap();
        assert_eq!((list.page.devices.len(), list.count.number()), (50, 600));
        let serial = list.page.devices[0].serial.clone();
        let record = fleet.device_record(&ACTOR, &serial).await.unwrap();
        assert!(record.components.len() >= 5 && record.manifests.len() == 1, "{}", fixture.name);
        assert_eq!(record.manifests[0].hash, record.device.manifest_hash);
        assert_eq!(fleet.audit_verify(&ACTOR).await.unwrap().break_at, None);
    }
}

#[tokio::test]
async fn the_readmes_example_finds_something_in_the_demo() {
    let readme = include_str!("../../../README.md");
    let query = readme.split_once("fleet query such as").unwrap().1.split('`').nth(1).unwrap();
    let fixture = testing::both().await.unwrap().swap_remove(0);
    let fleet = Fleet::new(fixture.db.clone(), fixture.folder.path().to_owned());
    demo::fill(&fleet, Plan::new(fleet.now(), 1, 2_000), |_| {}).await.unwrap();
    assert!(fleet.count_devices(&ACTOR, query).await.unwrap() > 0, "{query}");
}

#[tokio::test]
async fn pages_go_forth_and_back_without_loss_in_every_order() {
    for fixture in testing::both().await.unwrap() {
        let fleet = Fleet::new(fixture.db.clone(), fixture.folder.path().to_owned());
        demo::fill(&fleet, Plan::new(fleet.now(), 2, 240), |_| {}).await.unwrap();
        for key in store::device_list::SortKey::ALL {
            for descending in [false, true] {
                let sort = Sort { key: *key, descending };
                let mut seen = Vec::new();
                let mut pages = Vec::new();
                let mut cursor = None;
                loop {
                    let list = fleet.devices(&ACTOR, "", sort, cursor.as_ref(), 37).await.unwrap();
                    let serials: Vec<_> = list.page.devices.iter().map(|d| d.serial.clone()).collect();
                    seen.extend(serials.clone());
                    pages.push((serials, list.page.previous));
                    cursor = list.page.next;
                    if cursor.is_none() {
                        break;
                    }
                }
                let mut unique = seen.clone();
                unique.sort();
                unique.dedup();
                assert_eq!((seen.len(), unique.len()), (240, 240), "{} {key:?}", fixture.name);
                for pair in pages.windows(2) {
                    let back = fleet.devices(&ACTOR, "", sort, pair[1].1.as_ref(), 37).await.unwrap();
                    let serials: Vec<_> = back.page.devices.iter().map(|d| d.serial.clone()).collect();
                    assert_eq!(serials, pair[0].0, "{} {key:?}", fixture.name);
                }
            }
        }
    }
}

#[tokio::test]
async fn every_field_of_the_query_language_is_understood_by_both_databases() {
    let queries = [
        "GW2",
        "gw2a",
        "serial:GW2*",
        "model:GW-200",
        "model:GW-200,CAM-80",
        "rev:B",
        "factory:shenzhen",
        "custodian:acme",
        "kind:client",
        "state:active,stocked",
        "-trust:trusted",
        "conn:online",
        "conn:late,silent",
        "fw:none",
        "fw:1.4.*",
        "fw<1.4",
        "fw>=1.4.2",
        "channel:staging",
        "seen<7d",
        "seen>30d",
        "seen:never",
        "made>=2025-01-01",
        "made<90d",
        "cert.expires<30d",
        "cert:valid",
        "cert:none",
        "component:lte=Quectel",
        "component:lte",
        "component=1MW",
        "-component:wlan",
        "identifier:00:1e:c0:00:00:00",
        "place:site",
        "place:100%",
        "-place:_",
    ];
    let mut found = Vec::new();
    for fixture in testing::both().await.unwrap() {
        let now = domain::time::Timestamp(1_790_000_000_000_000);
        let clock = Arc::new(move || now);
        let fleet = Fleet::with_clock(fixture.db.clone(), fixture.folder.path().to_owned(), clock);
        demo::fill(&fleet, Plan::new(fleet.now(), 3, 360), |_| {}).await.unwrap();
        let mut counts = Vec::new();
        for query in queries {
            let n = fleet.count_devices(&ACTOR, query).await.unwrap();
            let list = fleet.devices(&ACTOR, query, Sort::default(), None, 500).await.unwrap();
            let listed = i64::try_from(list.page.devices.len()).unwrap();
            assert_eq!((n, list.count.number()), (listed, listed), "{}: {query}", fixture.name);
            counts.push((query, n));
        }
        found.push(counts);
    }
    assert_eq!(found[0], found[1]);
    let empty: Vec<_> =
        found[0].iter().filter(|(query, n)| *n == 0 && *query != "cert:none").map(|(query, _)| *query).collect();
    assert_eq!(empty, ["fw:none", "identifier:00:1e:c0:00:00:00", "place:100%"]);
}

#[tokio::test]
async fn a_fill_that_was_ended_in_the_middle_is_carried_on() {
    let fixture = testing::sqlite().await.unwrap();
    let fleet = Fleet::new(fixture.db.clone(), fixture.folder.path().to_owned());
    let plan = Plan::new(fleet.now(), 4, 240);
    let ended = tokio::spawn({
        let fleet = fleet.clone();
        async move { demo::fill(&fleet, plan, |done| assert!(done < 100, "ended here")).await }
    });
    assert!(ended.await.is_err());
    let there = fleet.device_total(&ACTOR).await.unwrap();
    assert!(there > 0 && there < 240);
    demo::fill(&fleet, plan, |_| {}).await.unwrap();
    assert_eq!(fleet.device_total(&ACTOR).await.unwrap(), 240);
    demo::fill(&fleet, plan, |_| {}).await.unwrap();
    assert_eq!(fleet.count_devices(&ACTOR, "").await.unwrap(), 240);
}
