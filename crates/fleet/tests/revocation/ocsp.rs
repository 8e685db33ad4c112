//! OCSP answers.

use crate::world::{World, batch, device, operator, worlds};
use domain::{
    certificate::CertificatePurpose,
    revocation::RevocationAct as Act,
    time::{DAY, HOUR, MINUTE, SECOND},
};
use pki::{CertId, CertIdHash, IssuerHashes, SerialNumber};
use std::process::Command;

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        n @ 0..128 => out.push(u8::try_from(n).unwrap()),
        n @ 128..256 => out.extend([0x81, u8::try_from(n).unwrap()]),
        n => out.extend([0x82, u8::try_from(n >> 8).unwrap(), u8::try_from(n & 0xff).unwrap()]),
    }
    out.extend(content);
    out
}

/// A request, written by hand: what answers it did not make it.
pub fn request(ids: &[CertId], nonce: Option<&[u8]>) -> Vec<u8> {
    let one = |id: &CertId| {
        let oid: &[u8] = match id.hash {
            CertIdHash::Sha1 => &[0x2b, 0x0e, 0x03, 0x02, 0x1a],
            CertIdHash::Sha256 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01],
        };
        let algorithm = der(0x30, &[der(6, oid), der(5, &[])].concat());
        let mut serial = id.serial.as_bytes().to_vec();
        if serial[0] & 0x80 != 0 {
            serial.insert(0, 0);
        }
        let id = [algorithm, der(4, &id.name_hash), der(4, &id.key_hash), der(2, &serial)].concat();
        der(0x30, &der(0x30, &id))
    };
    let mut tbs = der(0x30, &ids.iter().flat_map(one).collect::<Vec<u8>>());
    if let Some(nonce) = nonce {
        let oid = der(6, &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02]);
        let extension = der(0x30, &[oid, der(4, &der(4, nonce))].concat());
        tbs.extend(der(0xa2, &der(0x30, &extension)));
    }
    der(0x30, &der(0x30, &tbs))
}

/// Asks, and gives what OpenSSL reads in the answer: the status of each certificate, in order.
pub async fn ask(world: &World, slug: Option<&str>, ids: &[CertId], nonce: Option<&[u8]>) -> Vec<String> {
    let answer = world.fleet.ocsp(slug, &request(ids, nonce)).await;
    read(world, &answer.body)
}

fn read(world: &World, body: &[u8]) -> Vec<String> {
    let file = world.fixture.folder.path().join("answer.der");
    std::fs::write(&file, body).unwrap();
    let out = Command::new("openssl").args(["ocsp", "-resp_text", "-noverify", "-respin"]).arg(&file).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    if let Some((_, failure)) = text.split_once("Responder Error: ") {
        return vec![failure.lines().next().unwrap().trim().to_owned()];
    }
    let mut said: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(status) = line.strip_prefix("Cert Status: ") {
            said.push(status.to_owned());
        }
        if let (Some(reason), Some(last)) = (line.strip_prefix("Revocation Reason: "), said.last_mut()) {
            let code = reason.rsplit_once("(0x").unwrap().1.trim_end_matches(')');
            last.push_str(&format!(" {}", u8::from_str_radix(code, 16).unwrap()));
        }
    }
    assert!(!said.is_empty(), "{text}");
    said
}

pub async fn id_of(world: &World, serial: &str, hash: CertIdHash) -> CertId {
    let row = store::certificate::of_device(world.fleet.db(), serial).await.unwrap().remove(0);
    let trust = world.fleet.trust();
    let hashes = trust.authority(row.authority_id).unwrap().hashes();
    CertId::new(hash, hashes, SerialNumber::from_hex(&row.serial).unwrap())
}

#[tokio::test]
async fn each_state_is_said_by_both_hashes() {
    for world in worlds(3).await {
        for hash in [CertIdHash::Sha1, CertIdHash::Sha256] {
            let id = id_of(&world, "A-00000", hash).await;
            assert_eq!(ask(&world, None, std::slice::from_ref(&id), None).await, ["good"]);
            assert_eq!(ask(&world, Some("batch-a"), std::slice::from_ref(&id), Some(&[7; 32])).await, ["good"]);
            assert_eq!(ask(&world, Some("batch-b"), &[id], None).await, ["unauthorized (6)"]);
        }
        world.act(Act::Hold, device("A-00000")).await;
        world.act(Act::Revoke, device("A-00001")).await;
        let mut ids = Vec::new();
        for serial in ["A-00000", "A-00001", "A-00002"] {
            ids.push(id_of(&world, serial, CertIdHash::Sha1).await);
        }
        assert_eq!(ask(&world, None, &ids, None).await, ["revoked 6", "revoked 1", "good"], "{}", world.name());
        world.act(Act::Release, device("A-00000")).await;
        assert_eq!(ask(&world, None, &ids[..1], None).await, ["good"]);
        world.act_through(Act::Revoke, batch("A")).await;
        assert_eq!(ask(&world, None, &ids, None).await, ["revoked 1", "revoked 1", "revoked 1"]);
        ids.push(id_of(&world, "B-00000", CertIdHash::Sha1).await);
        assert_eq!(ask(&world, None, &ids, None).await, ["unauthorized (6)"]);
    }
}

#[tokio::test]
async fn an_answer_is_kept_until_something_changes() {
    for world in worlds(2).await {
        let id = id_of(&world, "A-00000", CertIdHash::Sha1).await;
        let asked = request(std::slice::from_ref(&id), None);
        let first = world.fleet.ocsp(None, &asked).await;
        assert!(first.cacheable && first.max_age == 60 && first.next_update == first.this_update.plus(HOUR));
        world.wait(5 * SECOND);
        let again = world.fleet.ocsp(None, &asked).await;
        assert_eq!((&first.body, &first.etag), (&again.body, &again.etag));
        let own = world.fleet.ocsp(None, &request(std::slice::from_ref(&id), Some(&[1; 16]))).await;
        assert!(!own.cacheable && own.body != first.body);
        // Of another device of the same authority: the answer is signed anew, and still says good.
        world.act(Act::Revoke, device("A-00001")).await;
        let anew = world.fleet.ocsp(None, &asked).await;
        assert_ne!(anew.etag, first.etag);
        world.wait(31 * MINUTE);
        assert_ne!(world.fleet.ocsp(None, &asked).await.etag, anew.etag, "{}", world.name());
    }
}

#[tokio::test]
async fn what_was_never_signed_is_unknown_and_found() {
    for world in worlds(1).await {
        let known = id_of(&world, "A-00000", CertIdHash::Sha256).await;
        let trust = world.fleet.trust();
        let hashes = trust.by_slug("batch-a").unwrap().hashes().clone();
        for n in 1..=30_u8 {
            let phantom = CertId::new(CertIdHash::Sha256, &hashes, SerialNumber::from_bytes(&[n; 16]).unwrap());
            assert_eq!(ask(&world, None, &[phantom, known.clone()], None).await, ["unknown", "good"]);
        }
        world.wait(10 * SECOND);
        let last = CertId::new(CertIdHash::Sha256, &hashes, SerialNumber::from_bytes(&[99; 16]).unwrap());
        assert_eq!(ask(&world, None, &[last], None).await, ["unknown"]);
        let found = world.fleet.findings(&operator(), true).await.unwrap();
        assert_eq!((found.len(), found[0].n), (1, 2), "{}", world.name());
        assert_eq!(found[0].detail["serials"].as_array().unwrap().len(), 20);
        assert_eq!(world.fleet.findings_open(&operator()).await.unwrap(), 1);
        assert!(found[0].words.contains("never signed"), "{}", found[0].words);
        let stranger = IssuerHashes { sha1_key: [9; 20], ..hashes };
        let foreign = CertId::new(CertIdHash::Sha1, &stranger, SerialNumber::from_bytes(&[1]).unwrap());
        assert_eq!(ask(&world, None, &[foreign], None).await, ["unauthorized (6)"]);
        for nonsense in [&b""[..], b"GET / HTTP/1.0", &[0x30, 0x80], &[0x30, 0x03, 0x30, 0x01, 0x30]] {
            let answer = world.fleet.ocsp(None, nonsense).await;
            assert_eq!((&answer.body[..], answer.cacheable), (&[0x30, 3, 10, 1, 1][..], false));
        }
    }
}

#[tokio::test]
async fn a_responder_is_known_to_the_database_and_made_anew_in_time() {
    for world in worlds(1).await {
        let responders = async || {
            let word = CertificatePurpose::OcspResponder.as_str();
            store::certificate::of_purpose(world.fleet.db(), word, 100).await.unwrap()
        };
        let id = id_of(&world, "A-00000", CertIdHash::Sha1).await;
        ask(&world, None, std::slice::from_ref(&id), None).await;
        assert_eq!(responders().await.len(), 1);
        world.wait(9 * DAY);
        ask(&world, None, std::slice::from_ref(&id), None).await;
        assert_eq!(responders().await.len(), 1);
        world.wait(2 * DAY);
        ask(&world, None, &[id], None).await;
        assert_eq!(responders().await.len(), 2, "{}", world.name());
        // The revoked authority goes on answering: its responders are not among what it cuts off.
        world.act_through(Act::Revoke, batch("A")).await;
        world.fleet.publish_due().await.unwrap();
        let listed = world.listed("batch-a").await;
        assert!(responders().await.iter().all(|row| !listed.contains_key(&row.serial)));
        let der = store::certificate::der(world.fleet.db(), responders().await[0].id).await.unwrap().unwrap();
        assert!(world.fleet.staple(&der).await.is_some() && world.fleet.staple(b"nothing").await.is_none());
    }
}

/// A CA that ends must cost nobody a key and a row for each question, neither before nor after.
#[tokio::test]
async fn a_ca_that_ends_has_one_last_responder_and_then_none() {
    for world in worlds(1).await {
        let responders = async || {
            let word = CertificatePurpose::OcspResponder.as_str();
            store::certificate::of_purpose(world.fleet.db(), word, 100).await.unwrap().len()
        };
        let id = id_of(&world, "A-00000", CertIdHash::Sha1).await;
        world.wait(2_997 * DAY);
        for n in 1..=6 {
            assert_eq!(ask(&world, None, std::slice::from_ref(&id), Some(&[n; 16])).await, ["good"]);
            world.wait(10 * MINUTE);
        }
        assert_eq!(responders().await, 1, "{}: one until the CA ends", world.name());
        world.wait(3 * DAY - HOUR - 20 * MINUTE);
        let last = world.fleet.ocsp(None, &request(std::slice::from_ref(&id), None)).await;
        let end = store::authority::by_slug(world.fleet.db(), "batch-a").await.unwrap().unwrap().not_after.unwrap();
        assert!(last.next_update == end && last.this_update < world.fleet.now(), "{last:?}");
        world.wait(21 * MINUTE);
        for n in 1..=6 {
            assert_eq!(ask(&world, None, std::slice::from_ref(&id), Some(&[n; 16])).await, ["unauthorized (6)"]);
        }
        assert_eq!(responders().await, 1, "{}", world.name());
    }
}

/// Whoever staples keeps an answer for as long as it says.
#[tokio::test]
async fn nobody_is_said_to_refuse_before_the_last_answer_has_ended() {
    for world in worlds(2).await {
        let id = async || world.fleet.revocations(&operator(), None, 1).await.unwrap().rows[0].id;
        world.act(Act::Revoke, device("A-00001")).await;
        let detail = world.fleet.revocation(&operator(), id().await).await.unwrap();
        assert_eq!((detail.complete_at, detail.ocsp_until), (None, None), "{}: nothing was signed", world.name());
        let asked = id_of(&world, "A-00000", CertIdHash::Sha1).await;
        let good = world.fleet.ocsp(None, &request(std::slice::from_ref(&asked), None)).await;
        world.wait(SECOND);
        world.act(Act::Revoke, device("A-00000")).await;
        let detail = world.fleet.revocation(&operator(), id().await).await.unwrap();
        assert!(detail.complete_at >= Some(good.next_update), "{}: {:?}", world.name(), detail.complete_at);
        assert!(detail.complete_at < Some(good.next_update.plus(MINUTE)) && detail.complete_at == detail.ocsp_until);
    }
}
