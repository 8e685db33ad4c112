//! A node that hangs in the middle of publishing a CRL, loses its lease meanwhile, and wakes up.

use crate::{
    scene::PASSPHRASE,
    world::{NOW, World, device},
};
use domain::{
    revocation::RevocationAct as Act,
    time::{MINUTE, Timestamp},
};
use fleet::{Fleet, Keys};
use pki::Passphrase;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};
use store::{Db, testing};

/// A node whose whole process stands still, with everything that it does beside, at one point: when it enters the CRL of batch A
/// that it has signed. It says so, and goes on when it is told to.
fn node_that_hangs(folder: PathBuf, url: String) -> (mpsc::Receiver<()>, mpsc::Sender<()>, thread::JoinHandle<Woken>) {
    let (hangs, hung) = mpsc::channel();
    let (wake, woken) = mpsc::channel::<()>();
    let node = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let db = Db::open(&folder, Some(&url)).await.unwrap();
            // Its clock is ahead, so that its number is the higher one: nothing but the lease speaks against it.
            let ahead = NOW.plus(5 * MINUTE);
            let (woken, asked, clock) = (Mutex::new(woken), AtomicUsize::new(0), AtomicI64::new(ahead.0));
            let number = folder.join("crl/batch-a.number");
            let time = move || {
                // The number is reserved; then it asks for the time that the list bears, and once more when it enters it.
                if number.exists() && asked.fetch_add(1, Ordering::Relaxed) == 1 {
                    hangs.send(()).unwrap();
                    woken.lock().unwrap().recv().unwrap();
                }
                Timestamp(clock.fetch_add(1, Ordering::Relaxed))
            };
            let passphrase = Some(Passphrase::new(PASSPHRASE.to_owned()).unwrap());
            let keys = Keys { folder: folder.join("keys"), passphrase };
            let fleet = Fleet::with_clock(db, folder.clone(), Arc::new(time)).with_keys(keys);
            fleet.be_node("hangs");
            fleet.load_trust().await.unwrap();
            let published = fleet.publish_due().await.map_err(|error| error.to_string());
            let reserved = std::fs::read_to_string(folder.join("crl/batch-a.number")).unwrap().parse().unwrap();
            // What it does next, awake again.
            let again = async {
                fleet.publish_due().await?;
                fleet.shelve_latest().await
            };
            again.await.unwrap();
            Woken { published, reserved, gives: fleet.crl("batch-a").unwrap().number }
        })
    });
    (hung, wake, node)
}

/// How it went for a node that hung.
struct Woken {
    published: Result<(), String>,
    /// The number that it had reserved.
    reserved: i64,
    /// The number of the list that it gives in the end.
    gives: i64,
}

fn copy_keys(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_was_signed_before_its_node_hung_never_comes_after_a_later_one() {
    // On SQLite nobody takes over from a process that hangs.
    let world = World::on(testing::postgres().await.unwrap(), 2).await;
    let folder = tempfile::tempdir().unwrap();
    copy_keys(&world.fixture.folder.path().join("keys"), &folder.path().join("keys"));
    let url = world.fixture.url.clone().unwrap();
    let (hung, wake, node) = node_that_hangs(folder.path().to_owned(), url);
    // It signs a list without this.
    hung.recv().unwrap();
    let Db::Postgres(pool) = world.fleet.db() else { unreachable!("it is on PostgreSQL") };
    let holder = sqlx::query_scalar::<_, String>("SELECT holder FROM lease WHERE name = 'crls'").fetch_one(pool);
    assert_eq!(holder.await.unwrap(), "hangs", "it has the lease");
    let begun = Instant::now();
    world.act(Act::Revoke, device("A-00000")).await;
    world.fleet.publish_due().await.unwrap();
    let took = begun.elapsed();
    // With opening keys and signing, on a machine that may have much else to do; how long the lease alone takes is tested beside it.
    assert!(took < Duration::from_secs(60), "taken over after {took:?}");
    let published = world.fleet.crl("batch-a").unwrap();
    assert_eq!(world.listed("batch-a").await.len(), 1);
    wake.send(()).unwrap();
    let woken = node.join().unwrap();
    let why = woken.published.unwrap_err();
    println!("taken over after {took:?}; the node that hung was told: {why}");
    assert!(woken.reserved > published.number);
    assert_eq!(woken.gives, published.number, "awake again it gives the later list");
    let authority = world.authority_id("batch-a").await;
    let latest = store::crl::latest(world.fleet.db(), authority).await.unwrap().unwrap();
    assert_eq!((latest.number, latest.entries), (published.number, 1));
    let numbers = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM crl WHERE authority_id = $1").bind(authority.0);
    assert_eq!(numbers.fetch_one(pool).await.unwrap(), 1, "nothing of the node that hung came in");
}
