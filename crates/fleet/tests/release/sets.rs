//! Sets of Debian packages: taken as images are, and refused for the same reasons at the same points.

use crate::{
    debs::Packager,
    world::{NOW, form, says, worlds},
};
use domain::{
    release::{ArtifactKind, Stage},
    time::{DAY, SECOND},
};

#[tokio::test]
async fn a_set_becomes_a_release_whose_members_are_found_in_it() {
    for world in worlds().await {
        let set = world.pipeline.set("2.0");
        let pushed = world.push(&set, &form("2.0")).await.unwrap();
        assert_eq!((pushed.fresh, pushed.release.kind), (true, ArtifactKind::Deb), "{}", world.name());
        assert!(!world.push(&set, &form("2.0")).await.unwrap().fresh, "the same once more is there already");
        let db = world.fleet.db();
        let artifact = store::artifact::of_release(db, pushed.release.id).await.unwrap().remove(0);
        assert_eq!(artifact.images[0].name, "gateway_2.0_amd64.deb");
        let path = "pool/main/gateway_2.0_amd64.deb";
        let found = store::member::by_path(db, artifact.number, path).await.unwrap().unwrap();
        let (start, size) = (usize::try_from(found.member.start).unwrap(), usize::try_from(found.member.size).unwrap());
        assert_eq!(&set[start..start + size], b"the gateway 2.0", "{}", world.name());
        let same = store::member::by_hash(db, artifact.number, &found.member.sha256).await.unwrap().unwrap();
        assert_eq!(same, found);
        assert_eq!(store::member::by_path(db, artifact.number, "pool").await.unwrap(), None);
        // Two at the same moment are told apart by their seconds.
        let other = world.push(&world.pipeline.set("2.1"), &form("2.1")).await.unwrap().release.id;
        let other = store::artifact::of_release(db, other).await.unwrap().remove(0).number;
        let other = store::member::by_path(db, other, "keyring.pgp").await.unwrap().unwrap();
        assert_eq!(other.modified_at - found.modified_at, SECOND, "{}", world.name());
        world.chain_holds().await;
    }
}

#[tokio::test]
async fn what_is_not_as_signed_is_refused_when_it_comes_and_later() {
    for world in worlds().await {
        let packages: [(&str, &[u8]); 1] = [("gateway", b"the gateway")];
        let mut files = Packager::new(1, NOW.plus(-DAY)).set("2.0", &packages);
        files.last_mut().unwrap().1 = b"another".to_vec();
        let altered = world.pipeline.envelope(files);
        says(world.push(&altered, &form("2.0")).await, "is not the file that");
        says(
            world.push(&world.pipeline.set("2.0"), &form("2.1")).await,
            "The file says of itself that it is version 2.0",
        );
        let id = world.push(&world.pipeline.set("2.0"), &form("2.0")).await.unwrap().release.id;
        let artifact = store::artifact::of_release(world.fleet.db(), id).await.unwrap().remove(0);
        let shelf = world.shelf(&artifact.sha256);
        let good = std::fs::read(&shelf).unwrap();
        let mut rotten = good.clone();
        let at = good.windows(15).position(|piece| piece == b"the gateway 2.0").unwrap();
        rotten[at] ^= 1;
        std::fs::write(&shelf, &rotten).unwrap();
        says(world.promote(id, Stage::Staging).await, "is not the file that was signed");
        std::fs::write(&shelf, &good).unwrap();
        // The pipeline's certificate ends after 90 days.
        world.wait(91 * DAY);
        says(world.promote(id, Stage::Staging).await, "2027");
    }
}
