//! A gateway that does not know whom to trust lets nobody in.

use crate::{
    common::World,
    field::{A, field, operator},
    patience::until,
};
use http::StatusCode;
use std::time::{Duration, Instant};
use store::testing;

const MOST: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_can_t_read_its_database_lets_nobody_in() {
    let field = field().await;
    field.devices(&["U-00001".to_owned(), "U-00002".to_owned()], A).await;
    field.enrolled("U-00001", "A").await;
    let token = field.fleet.set_device_token(&operator(), "U-00002").await.unwrap();
    let by_token = format!("curl -sS --cacert ca.pem -H 'Authorization: TargetToken {token}' -i $GW/ 2>&1 || true");
    // Holds its connection, says nothing, and ends with it.
    let holding = "timeout 30 openssl s_client -connect $AT -CAfile ca.pem -cert U-00001.pem -key U-00001.key -quiet \
                   < <(exec sleep 30 2> /dev/null) > /dev/null 2>&1 || true";
    field.fleet.limit_trust_age(MOST);
    // A machine that stands still for seconds makes it stale as well.
    until("it lets devices in", async || field.visit("U-00001").await.0 == 200).await;
    until("it answers devices", async || field.says(&by_token).await.contains(" 200")).await;
    let begun = Instant::now();
    let held = async {
        field.says(holding).await;
        begun.elapsed()
    };
    let cut = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        testing::hide_changes(field.fleet.db(), true).await.unwrap();
    };
    let (held, ()) = tokio::join!(held, cut);
    // It was held until the gateway was stale, not refused; the age is that of the last read, which may have begun a while before.
    assert!(held > MOST / 4 && held < Duration::from_secs(25), "its connection ended after {held:?}");
    let (status, said) = field.visit("U-00001").await;
    assert_eq!(status, 0, "{said}");
    assert!(!said.contains("revoked"), "nothing is wrong with its certificate: {said}");
    let said = field.says(&by_token).await.to_ascii_lowercase();
    assert!(said.contains(" 503") && said.contains("retry-after: "), "{said}");
    testing::hide_changes(field.fleet.db(), false).await.unwrap();
    until("it trusts again", async || !field.fleet.is_trust_stale()).await;
    until("it lets devices in again", async || field.visit("U-00001").await.0 == 200).await;
    until("it answers devices again", async || field.says(&by_token).await.contains(" 200")).await;
}

#[tokio::test]
async fn whoever_asks_whether_it_is_ready_is_told() {
    let world = World::new().await;
    world.fleet.load_trust().await.unwrap();
    assert_eq!(world.get("/readyz").await.status, StatusCode::OK);
    world.fleet.limit_trust_age(Duration::from_millis(50));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let said = world.get("/readyz").await;
    assert_eq!(said.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(said.body.contains("trust"), "{}", said.body);
    assert_eq!(world.get("/healthz").await.status, StatusCode::OK);
}
