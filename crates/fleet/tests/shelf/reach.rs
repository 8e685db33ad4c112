//! Whether storage can be used is told before anybody needs it.

use crate::{
    storage::{BUCKET, PREFIX, Storage},
    world::worlds,
};
use fleet::release::{Bucket, BucketCredentials, ShelfPlace, Unreached};
use std::fs;
use zeroize::Zeroizing;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_storage_is_told_with_what_to_do() {
    let world = worlds().await.remove(0);
    let mut storage = Storage::start().await;
    let reach = async |bucket: Bucket| world.fleet.clone().with_shelf(ShelfPlace::Bucket(bucket)).reach_shelf().await;
    assert_eq!(world.fleet.reach_shelf().await, Ok(()), "a folder is there");
    assert_eq!(reach(storage.bucket()).await, Ok(()));
    let left = fs::read_dir(storage.folder.path().join(BUCKET).join(PREFIX)).map_or(0, Iterator::count);
    assert_eq!(left, 0, "what was tried is removed");
    let refused = |result: Result<(), Unreached>| match result.unwrap_err() {
        Unreached::Refused(told) => told,
        Unreached::Away(told) => panic!("{told}"),
    };
    let told = refused(reach(Bucket { name: "nothing".to_owned(), ..storage.bucket() }).await);
    assert!(told.contains("Make the bucket") && told.contains("nothing"), "{told}");
    let wrong = BucketCredentials { id: "AKIDTEST".into(), secret: Zeroizing::new("another".into()), token: None };
    let told = refused(reach(Bucket { credentials: Some(wrong), ..storage.bucket() }).await);
    assert!(told.contains("--s3-credentials-file") && told.contains("s3:PutObject"), "{told}");
    let told = refused(reach(Bucket { authorities: Some(b"nothing".to_vec()), ..storage.bucket() }).await);
    assert!(told.contains("holds no certificate"), "{told}");
    storage.stop().await;
    let Err(Unreached::Away(told)) = reach(storage.bucket()).await else { panic!("nobody answers") };
    assert!(told.contains("can’t be reached") && told.contains("--s3-endpoint"), "{told}");
}
