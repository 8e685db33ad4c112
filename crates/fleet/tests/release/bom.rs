//! What releases are made of.

use crate::world::{field_of, operator, pipeline, says, worlds};
use domain::release::BomFormat;
use fleet::release::ReleaseFilter;

fn cyclone(openssl: &str) -> Vec<u8> {
    format!(
        r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[
            {{"type":"library","name":"OpenSSL","version":"{openssl}"}},
            {{"type":"library","name":"openssl-provider-fips","version":"1"}},
            {{"type":"library","name":"zlib","version":"1.2.13"}}]}}"#
    )
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn components_are_found_by_name_and_version() {
    for world in worlds().await {
        let (old, new) = (world.pushed("1.4.2").await, world.pushed("1.4.3").await);
        let fleet = &world.fleet;
        let attached = fleet.attach_sbom(&pipeline(), old, cyclone("3.0.11").into()).await.unwrap();
        assert_eq!((attached.format, attached.components), (BomFormat::CycloneDx, 3));
        fleet.attach_sbom(&pipeline(), new, cyclone("3.1.4").into()).await.unwrap();
        let found = async |sought: &str| {
            let filter = ReleaseFilter { sbom: sought.into(), ..ReleaseFilter::default() };
            let page = fleet.releases(&operator(), &filter, None, 0).await.unwrap();
            page.rows.into_iter().map(|row| row.release.version).collect::<Vec<_>>()
        };
        assert_eq!(found("openssl").await, ["1.4.3", "1.4.2"]);
        assert_eq!(found("OpenSSL@3.0").await, ["1.4.2"]);
        assert_eq!(found("openssl@3").await, ["1.4.3", "1.4.2"]);
        assert_eq!(found("openssl-provider-fips@1").await, ["1.4.3", "1.4.2"]);
        assert!(
            found("openss@3").await.is_empty()
                && found("openssl@4").await.is_empty()
                && found("boringssl").await.is_empty()
        );
        let parts = fleet.sbom_components(&operator(), old, "openssl", 0, 50).await.unwrap();
        assert_eq!(
            parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>(),
            ["OpenSSL", "openssl-provider-fips"]
        );
        let all = fleet.sbom_components(&operator(), old, "", 1, 50).await.unwrap();
        assert_eq!(all.len(), 2, "after the first");
        let document = fleet.sbom_document(&operator(), old).await.unwrap();
        assert_eq!(document.document.as_ref(), cyclone("3.0.11"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_has_one_and_odd_ones_are_refused() {
    for world in worlds().await {
        let id = world.pushed("1.4.2").await;
        let fleet = &world.fleet;
        assert_eq!(field_of(fleet.attach_sbom(&pipeline(), id, "{}".into()).await), "sbom");
        says(fleet.attach_sbom(&pipeline(), id, "[".into()).await, "can't be read");
        assert!(fleet.sbom_document(&operator(), id).await.is_err());
        let first = fleet.attach_sbom(&pipeline(), id, cyclone("3.0.11").into()).await.unwrap();
        assert_eq!(fleet.attach_sbom(&pipeline(), id, cyclone("3.0.11").into()).await.unwrap(), first);
        says(fleet.attach_sbom(&pipeline(), id, cyclone("3.0.12").into()).await, "already");
        world.chain_holds().await;
    }
}
