//! The gateway without TLS, to be held against what speaks no TLS. Who calls is known from a handshake that each device made
//! before; from there on everything is asked as it is behind the gate.

use crate::{calls::Phone, doors::Doors, world::World};
use axum::{Router, extract::Request, middleware::Next, middleware::from_fn};
use http::StatusCode;
use server::listener::{Door, Limits, Listener, Shown};
use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};
use tokio_util::sync::CancellationToken;

type Known = Arc<Mutex<HashMap<String, Arc<Shown>>>>;

/// Whose address is asked at.
fn serial(request: &Request) -> String {
    request.uri().path().split('/').nth(4).unwrap_or_default().to_owned()
}

/// Lets each of these devices shake hands once, and opens a door where that counts.
pub async fn open(world: &World, doors: &Doors, phones: &[Phone]) -> SocketAddr {
    let known = Known::default();
    let noted = Arc::clone(&known);
    let note = move |request: Request| {
        if let Some(shown) = request.extensions().get::<Arc<Shown>>() {
            noted.lock().unwrap().insert(serial(&request), Arc::clone(shown));
        }
        std::future::ready(StatusCode::OK)
    };
    let once = doors.behind_the_gate(Router::new().fallback(note)).await;
    for phone in phones {
        phone.asks(once, &format!("/DEFAULT/controller/v1/{}", phone.serial)).await;
    }
    assert_eq!(known.lock().unwrap().len(), phones.len());
    let known = Arc::new(std::mem::take(&mut *known.lock().unwrap()));
    let show = move |mut request: Request, next: Next| {
        if let Some(shown) = known.get(&serial(&request)).cloned() {
            request.extensions_mut().insert(shown);
        }
        next.run(request)
    };
    let listener = Listener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Limits::of(Door::Pki)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = server::gateway::router(&world.fleet).layer(from_fn(show));
    tokio::spawn(listener.serve_plain(router, CancellationToken::new()));
    address
}
