//! Signing in and out by the real router: the cookie, and what it is worth when.

use crate::common::{TEST, World, form};
use axum::body::Body;
use domain::time::{DAY, HOUR, MINUTE, Timestamp};
use fleet::people::UserForm;
use http::{Request, StatusCode, header};

const PASSWORD: &str = "a long enough password";

async fn world() -> World {
    let world = World::new().await;
    let form = UserForm { email: "ada@b.example".into(), name: "Ada".into(), role: "admin".into() };
    world.fleet.add_user_with_password(&TEST, &form, PASSWORD).await.unwrap();
    world
}

/// Signs in, with the cookie of before if there is one, and returns the new cookie as it was set.
async fn sign_in(world: &World, cookie: &str) -> String {
    let body = format!("email=Ada%40B.example&password={}", PASSWORD.replace(' ', "+"));
    let request = form("/sign-in").header(header::COOKIE, cookie).body(Body::from(body)).unwrap();
    let answer = world.send(request).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    answer.header("set-cookie")
}

fn pair(set: &str) -> &str {
    set.split(';').next().unwrap()
}

async fn see(world: &World, cookie: &str) -> StatusCode {
    let request = Request::get("/account").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    world.send(request).await.status
}

#[tokio::test]
async fn the_cookie_is_for_https_and_this_host_alone_and_the_database_knows_its_hash_only() {
    let world = world().await;
    let set = sign_in(&world, "").await;
    for attribute in ["__Host-muster=", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/"] {
        assert!(set.contains(attribute), "{attribute} is missing: {set}");
    }
    assert!(!set.contains("Domain"), "{set}");
    assert_eq!(see(&world, pair(&set)).await, StatusCode::OK);
    let value = pair(&set).split_once('=').unwrap().1;
    let db = world.fleet.db();
    assert!(store::session::by_id(db, value).await.unwrap().is_none());
    let row = store::session::by_id(db, &fleet::session::session_hash(value)).await.unwrap().unwrap();
    assert_eq!((row.address.as_str(), row.user_id.is_some()), ("192.0.2.7", true));
}

#[tokio::test]
async fn signing_in_changes_the_id_and_signing_out_ends_it() {
    let world = world().await;
    let planted = "__Host-muster=AAAAAAAAAAAAAAAAAAAAAA";
    let first = sign_in(&world, planted).await;
    assert_ne!(pair(&first), planted, "an id that somebody planted");
    let second = sign_in(&world, pair(&first)).await;
    assert_ne!(pair(&first), pair(&second));
    assert_eq!(see(&world, pair(&first)).await, StatusCode::SEE_OTHER, "the old id is worth nothing");
    let out = form("/sign-out").header(header::COOKIE, pair(&second)).body(Body::empty()).unwrap();
    let answer = world.send(out).await;
    assert!(answer.header("set-cookie").contains("Max-Age=0"), "{}", answer.header("set-cookie"));
    assert_eq!(see(&world, pair(&second)).await, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_ends_when_idle_and_in_any_case_after_a_week() {
    let world = world().await;
    let cookie = sign_in(&world, "").await;
    let begun = world.fleet.now();
    for hours in (11..7 * 24).step_by(11) {
        world.set_time(begun.plus(hours * HOUR));
        assert_eq!(see(&world, pair(&cookie)).await, StatusCode::OK, "after {hours} h of use");
    }
    world.set_time(begun.plus(7 * DAY + MINUTE));
    assert_eq!(see(&world, pair(&cookie)).await, StatusCode::SEE_OTHER, "after a week");
    let cookie = sign_in(&world, "").await;
    world.set_time(begun.plus(7 * DAY + 12 * HOUR + 2 * MINUTE));
    assert_eq!(see(&world, pair(&cookie)).await, StatusCode::SEE_OTHER, "after half a day without use");
}

#[tokio::test]
async fn last_seen_is_written_once_a_minute() {
    let world = world().await;
    let cookie = sign_in(&world, "").await;
    let id = fleet::session::session_hash(pair(&cookie).split_once('=').unwrap().1);
    let begun = world.fleet.now();
    let seen = async |after: i64| -> Timestamp {
        world.set_time(begun.plus(after));
        see(&world, pair(&cookie)).await;
        store::session::by_id(world.fleet.db(), &id).await.unwrap().unwrap().last_seen_at
    };
    let first = seen(0).await;
    assert_eq!(seen(MINUTE / 2).await, first);
    assert_eq!(seen(2 * MINUTE).await, begun.plus(2 * MINUTE));
}
