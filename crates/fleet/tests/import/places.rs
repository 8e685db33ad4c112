//! Places in fleet queries: few or many of them, with few or many devices at each.

use crate::world::{OPERATOR, World, manifest, worlds};
use store::{Db, device_list::Sort};

/// Puts every device at a place that SQL makes of its columns.
async fn put(world: &World, place: &str) {
    let sql = sqlx::AssertSqlSafe(format!("UPDATE device SET place = {place}"));
    match &world.fixture.db {
        Db::Sqlite { write, .. } => sqlx::query(sql).execute(write).await.map(drop),
        Db::Postgres(pool) => sqlx::query(sql).execute(pool).await.map(drop),
    }
    .unwrap();
}

/// How many devices there are at a place, and the first page of them.
async fn at(world: &World, query: &str) -> (i64, Vec<String>) {
    let list = world.fleet.devices(&OPERATOR, query, Sort::default(), None, 3).await.unwrap();
    (list.count.number(), list.page.devices.into_iter().map(|device| device.serial).collect())
}

#[tokio::test]
async fn places_are_found_however_many_there_are() {
    for world in worlds().await {
        world.import("a.csv", manifest(0..7_100)).await;
        let first = ["GW-000000", "GW-000001", "GW-000002"].map(str::to_owned).to_vec();
        // Many devices at one place: the list is read in its order.
        put(&world, "'Gdańsk, hall 4'").await;
        assert_eq!(at(&world, "place:GDAŃSK").await, (7_100, first.clone()), "{}", world.name());
        assert_eq!(at(&world, "-place:gdańsk").await, (0, Vec::new()));
        // Few devices at each of some places: they are looked up and sorted.
        put(&world, "CASE WHEN serial < 'GW-000010' THEN 'Bodø' ELSE 'Oulu' END").await;
        assert_eq!(at(&world, "place:bod").await, (10, first.clone()));
        assert_eq!(at(&world, "place:bod,oulu").await, (7_100, first.clone()));
        assert_eq!(at(&world, "place:kiruna").await, (0, Vec::new()));
        // A place for each device: more than are worth listing.
        put(&world, "'Shelf ' || serial").await;
        assert_eq!(at(&world, "place:shelf").await, (7_100, first));
        assert_eq!(at(&world, "place:\"shelf gw-007099\"").await, (1, vec!["GW-007099".to_owned()]));
    }
}
