//! Signed releases in production, by the deeds that bring them there.

use crate::world::{APPROVER, RULE, World};
use domain::{
    certificate::CertificatePurpose,
    id::ReleaseId,
    release::{Stage, StageRule},
};
use fleet::{
    certificate::CertificateFilter,
    enrol::CodeSigningForm,
    release::{PromotionForm, ReleaseForm, StageForm, UploadForm},
};
use futures::stream;
use pki::{Certificate, KeyAlgorithm, Name, SoftwareKey};
use simulator::image::Image;
use std::convert::Infallible;

/// So many releases, each of another product; the first holds a file of this size.
pub async fn released(world: &World, count: usize, file: usize) -> Vec<ReleaseId> {
    at_once(world).await;
    let signer = signer(world).await;
    let mut releases = Vec::with_capacity(count);
    for n in 0..count {
        let size = if n == 0 { file } else { 4_096 };
        releases.push(release(world, &signer, (&format!("os-{n}"), "2.0"), size).await);
    }
    releases
}

/// Lets releases go from stage to stage as soon as they are there.
pub async fn at_once(world: &World) {
    for stage in Stage::WITH_RULES {
        let rule = StageRule { checks: Vec::new(), soak_hours: 0, verified: 0, second_person: false };
        world.fleet.change_stage_rule(&RULE, "GW-200", &StageForm { stage, rule }).await.unwrap();
    }
}

/// A certificate for signing code.
pub async fn signer(world: &World) -> (Certificate, SoftwareKey) {
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let csr = pki::request_pem(&pki::certificate_request(&Name::common("Builds"), &key).unwrap());
    let form = CodeSigningForm { name: "Builds".to_owned(), csr, days: Some(90) };
    let approval = world.fleet.request_code_signing(&RULE, &form).await.unwrap();
    let hash = world.fleet.approval(&APPROVER, approval).await.unwrap().row.hash;
    world.fleet.decide(&APPROVER, approval, &hash, true, "").await.unwrap();
    let filter = CertificateFilter { purpose: Some(CertificatePurpose::CodeSigning), ..CertificateFilter::default() };
    let row = world.fleet.certificates(&RULE, &filter).await.unwrap().rows.remove(0);
    let detail = world.fleet.certificate(&RULE, &row.authority_slug, &row.serial).await.unwrap();
    (detail.certificate, key)
}

/// A version of a product, in production, with a file of this size.
pub async fn release(
    world: &World,
    (certificate, key): &(Certificate, SoftwareKey),
    (product, version): (&str, &str),
    file: usize,
) -> ReleaseId {
    // Bytes that nothing could make smaller on the way.
    let mut seed =
        product.bytes().chain(version.bytes()).fold(1_u64, |seed, byte| seed.wrapping_mul(31) + u64::from(byte));
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed.to_be_bytes()[0]
    };
    let rootfs: Vec<u8> = (0..file).map(|_| random()).collect();
    let image = Image { version, hardware: &["A", "B", "C"], files: &[("rootfs.bin", &rootfs)] };
    let content = image.signed(certificate, key).unwrap();
    let (file_name, size) = (format!("{product}-{version}.swu"), i64::try_from(content.len()).unwrap());
    let form = UploadForm { file_name, size, sha256: String::new() };
    let upload = world.fleet.begin_upload(&RULE, &form).await.unwrap();
    let arriving = stream::iter([Ok::<_, Infallible>(content)]);
    world.fleet.append_upload(&RULE, upload.id, 0, arriving).await.unwrap();
    let form = ReleaseForm {
        product: product.to_owned(),
        version: version.to_owned(),
        models: vec!["GW-200".to_owned()],
        ..ReleaseForm::default()
    };
    let id = world.fleet.push_release(&RULE, &form, upload.id).await.unwrap().release.id;
    for to in [Stage::Staging, Stage::Production] {
        world.fleet.promote_release(&RULE, id, &PromotionForm { to, reason: String::new() }).await.unwrap();
    }
    id
}
