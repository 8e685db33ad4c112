//! What a connection is told that was opened before trust changed.

use crate::field::{A, Field, fields};
use axum::{
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use domain::{node::Lease, revocation::RevocationAct as Act};
use fleet::revocation::Selection;
use serde_json::{Value, json};
use server::gateway;
use tokio::sync::{mpsc, oneshot};

/// Asks, and lets the request on once it may go.
type Gate = mpsc::Sender<oneshot::Sender<()>>;

async fn when_it_may(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let (go, goes) = oneshot::channel();
    gate.send(go).await.unwrap();
    goes.await.unwrap();
    next.run(request).await
}

/// What is answered to a device or a station that asks `GET /` again and again by one connection; before each time something
/// is done.
async fn told_in_turn(field: &Field, who: &str, n: usize, before: impl AsyncFn(usize)) -> Vec<String> {
    let (gate, mut gated) = mpsc::channel(1);
    let router = gateway::router(&field.fleet).layer(from_fn_with_state(gate, when_it_may));
    let (at, serving) = field.beside(router).await;
    let asks = format!(
        "curl -sS --http1.1 --cacert ca.pem --cert {who}.pem --key {who}.key -w ' %{{num_connects}}\\n' {} || true",
        format!("https://{at}/ ").repeat(n)
    );
    let steps = async {
        for step in 0..n {
            let go = gated.recv().await.unwrap();
            before(step).await;
            // Where the connection was cut off meanwhile, nobody waits any more.
            let _ = go.send(());
        }
    };
    let (said, ()) = tokio::join!(field.says(&asks), steps);
    serving.abort();
    said.lines().map(ToOwned::to_owned).collect()
}

/// Whether it is held, how its certificate stands, and how many connections were opened for that.
fn stands(said: &str) -> (bool, String, &str) {
    let (told, connects) = said.rsplit_once(' ').unwrap();
    let told: Value = serde_json::from_str(told).unwrap();
    (told["held"] == json!(true), told["certificate"]["status"].as_str().unwrap().to_owned(), connects)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_its_certificate_stands_is_told_as_it_is_now_although_records_follow_later() {
    for field in fields().await {
        field.devices(&["GW-1".to_owned()], A).await;
        field.enrolled("GW-1", "A").await;
        // Its first use is noted, so that who stands behind it is kept for the connection.
        assert_eq!(field.visit("GW-1").await.0, 200);
        let device = || Selection::Device("GW-1".to_owned());
        let waiting = tokio::sync::Mutex::new(None);
        let said = told_in_turn(&field, "GW-1", 5, async |step| match step {
            1 => {
                // No record follows as long as somebody else has the turn.
                *waiting.lock().await = Some(field.fleet.turn(Lease::Revocations).await.unwrap());
                field.act(Act::Hold, device()).await;
            }
            2 => {
                *waiting.lock().await = None;
                field.fleet.follow_acts().await.unwrap();
            }
            3 => {
                *waiting.lock().await = Some(field.fleet.turn(Lease::Revocations).await.unwrap());
                field.act(Act::Release, device()).await;
            }
            4 => {
                *waiting.lock().await = None;
                field.fleet.follow_acts().await.unwrap();
            }
            _ => {}
        });
        let said = said.await;
        let told: Vec<_> = said.iter().map(|said| stands(said)).collect();
        let (good, held) = ((false, "valid".to_owned()), (true, "held".to_owned()));
        let expected = [(&good, "1"), (&held, "0"), (&held, "0"), (&good, "0"), (&good, "0")];
        let expected: Vec<_> = expected.iter().map(|((held, status), n)| (*held, status.clone(), *n)).collect();
        assert_eq!(told, expected, "{}", field.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_station_that_is_put_on_hold_is_answered_no_more_and_refused_at_the_handshake() {
    for field in fields().await {
        let station = field.station().await;
        let said = told_in_turn(&field, "station", 2, async |step| {
            if step == 1 {
                field.act(Act::Hold, station.clone()).await;
            }
        });
        let said = said.await;
        assert_eq!(stands(&said[0]), (false, "valid".to_owned(), "1"), "{}", field.name());
        // The request that was under way is refused, unless the connection was closed before that.
        assert!(!said[1].contains("valid") && !said[1].contains("\"station\""), "{}: {}", field.name(), said[1]);
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let files = ("station.pem", "station.key");
            assert!(!crate::listener::is_let_in(&field, files, version).await, "{}: {version:?}", field.name());
        }
        field.devices(&["GW-1".to_owned()], A).await;
        let enrols = format!("{}\nenrol GW-1 A", crate::field::ENROL);
        assert!(!field.sh(&enrols).await.status.success(), "{}: it enrols nobody", field.name());
        field.act(Act::Release, station).await;
        let (status, said) = field.visit("station").await;
        assert!(status == 200 && stands(&said.replace("\n200", " 0")).1 == "valid", "{}: {said}", field.name());
        field.enrolled("GW-1", "A").await;
    }
}
