//! What guards sign-in must count right, however many try at once, on both databases.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use domain::{
    id::{TokenId, UserId},
    person::Role,
    time::Timestamp,
};
use store::{
    Db, StoreError,
    link::{Link, LinkPurpose},
    session::SessionRow,
    testing,
    throttle::Throttle,
    token::ApiToken,
    user::User,
};
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_790_000_000_000_000);

async fn user(db: &Db, email: &str) -> Result<User, StoreError> {
    let user = User {
        id: UserId(Uuid::now_v7()),
        email: email.to_owned(),
        name: "Somebody".to_owned(),
        role: Role::Support,
        has_password: false,
        created_at: NOW,
        password_changed_at: None,
        last_sign_in_at: None,
        disabled_at: None,
        version: 1,
    };
    let mut tx = db.begin().await?;
    store::user::insert(&mut tx, &user, "").await?;
    tx.commit().await?;
    Ok(user)
}

fn session(n: usize, user: Option<UserId>, expires_at: Timestamp) -> SessionRow {
    SessionRow {
        id: format!("session {n}"),
        user_id: user,
        data: "{}".to_owned(),
        address: String::new(),
        user_agent: String::new(),
        created_at: NOW,
        last_seen_at: NOW,
        expires_at,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_read_back() {
    for fixture in testing::both().await.unwrap() {
        let db = &fixture.db;
        let before = user(db, "a@muster.example").await.unwrap();
        assert!(matches!(user(db, "a@muster.example").await, Err(StoreError::Exists)));
        let mut tx = db.begin().await.unwrap();
        store::user::change(&mut tx, before.id, "Ann", Role::Admin).await.unwrap();
        store::user::set_password(&mut tx, before.id, "$hash", NOW).await.unwrap();
        store::user::signed_in(&mut tx, before.id, NOW).await.unwrap();
        assert_eq!(store::user::enabled_admins(&mut tx).await.unwrap(), 1);
        store::user::set_disabled(&mut tx, before.id, Some(NOW)).await.unwrap();
        assert_eq!(store::user::enabled_admins(&mut tx).await.unwrap(), 0);
        tx.commit().await.unwrap();
        let found = store::user::by_email(db, "a@muster.example").await.unwrap().unwrap();
        assert_eq!(found.password_hash, "$hash");
        let after = User {
            name: "Ann".to_owned(),
            role: Role::Admin,
            has_password: true,
            password_changed_at: Some(NOW),
            last_sign_in_at: Some(NOW),
            disabled_at: Some(NOW),
            version: 3,
            ..before
        };
        assert_eq!(found.user, after);
        assert_eq!(store::user::all(db).await.unwrap(), [after]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_counts_at_once_are_fifty() {
    for fixture in testing::both().await.unwrap() {
        let tries = (0..50).map(|_| {
            let db = fixture.db.clone();
            tokio::spawn(async move {
                let mut tx = db.begin().await.unwrap();
                let before = store::throttle::hold(&mut tx, "account:a", NOW).await.unwrap();
                let after = Throttle { failures: before.failures + 1, ..before };
                store::throttle::set(&mut tx, "account:a", after).await.unwrap();
                tx.commit().await.unwrap();
            })
        });
        for one in tries.collect::<Vec<_>>() {
            one.await.unwrap();
        }
        let standing = store::throttle::read(&fixture.db, "account:a").await.unwrap();
        assert_eq!((standing.failures, standing.window_start), (50, NOW), "{}", fixture.name);
        assert_eq!(store::throttle::read(&fixture.db, "account:b").await.unwrap(), Throttle::default());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_used_once_however_many_try() {
    for fixture in testing::both().await.unwrap() {
        let owner = user(&fixture.db, "a@muster.example").await.unwrap();
        let link = Link { purpose: LinkPurpose::SignIn, user_id: Some(owner.id), expires_at: Timestamp(NOW.0 + 10) };
        let mut tx = fixture.db.begin().await.unwrap();
        store::link::insert(&mut tx, "hash", &link, NOW).await.unwrap();
        assert_eq!(store::link::redeem(&mut tx, "hash", LinkPurpose::SetUp, NOW).await.unwrap(), None);
        assert_eq!(store::link::redeem(&mut tx, "hash", LinkPurpose::SignIn, link.expires_at).await.unwrap(), None);
        tx.commit().await.unwrap();
        let tries = (0..20).map(|_| {
            let db = fixture.db.clone();
            tokio::spawn(async move {
                let mut tx = db.begin().await.unwrap();
                let redeemed = store::link::redeem(&mut tx, "hash", LinkPurpose::SignIn, NOW).await.unwrap();
                tx.commit().await.unwrap();
                redeemed
            })
        });
        let mut redeemed = Vec::new();
        for one in tries.collect::<Vec<_>>() {
            redeemed.extend(one.await.unwrap());
        }
        assert_eq!(redeemed, [link], "{}", fixture.name);
        assert_eq!(store::link::peek(&fixture.db, "hash", NOW).await.unwrap(), None);
        assert!(store::link::known(&fixture.db, "hash").await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_sessions_are_cleared_away_in_pieces() {
    for fixture in testing::both().await.unwrap() {
        let db = &fixture.db;
        let owner = user(db, "a@muster.example").await.unwrap();
        for n in 0..1100 {
            let expires_at = if n % 100 == 0 { Timestamp(NOW.0 + 1) } else { NOW };
            store::session::insert(db, &session(n, Some(owner.id), expires_at)).await.unwrap();
        }
        store::session::insert(db, &session(2000, None, Timestamp(NOW.0 + 1))).await.unwrap();
        assert_eq!(store::session::of_user(db, owner.id, NOW).await.unwrap().len(), 11);
        assert_eq!(store::session::forget_ended(db, NOW).await.unwrap(), 1089);
        assert_eq!(store::session::forget_ended(db, NOW).await.unwrap(), 0);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(store::session::delete_of_user(&mut tx, owner.id, "session 100").await.unwrap(), 10);
        tx.commit().await.unwrap();
        assert_eq!(store::session::of_user(db, owner.id, NOW).await.unwrap()[0].id, "session 100");
        assert!(store::session::by_id(db, "session 2000").await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_found_by_its_hash_alone() {
    for fixture in testing::both().await.unwrap() {
        let token = ApiToken {
            id: TokenId(Uuid::now_v7()),
            name: "CI".to_owned(),
            role: Role::Operator,
            created_by: "a@muster.example".to_owned(),
            created_at: NOW,
            expires_at: Timestamp(NOW.0 + 10),
            last_used_at: None,
            revoked_at: None,
        };
        let mut tx = fixture.db.begin().await.unwrap();
        store::token::insert(&mut tx, &token, "hash").await.unwrap();
        store::token::used(&mut tx, token.id, Timestamp(NOW.0 + 5)).await.unwrap();
        // One that comes late does not turn time back.
        store::token::used(&mut tx, token.id, NOW).await.unwrap();
        tx.commit().await.unwrap();
        let found = store::token::by_hash(&fixture.db, "hash").await.unwrap().unwrap();
        assert_eq!(found, ApiToken { last_used_at: Some(Timestamp(NOW.0 + 5)), ..token });
        assert!(found.works(NOW) && !found.works(Timestamp(NOW.0 + 10)));
        assert_eq!(store::token::by_hash(&fixture.db, "other").await.unwrap(), None);
    }
}
