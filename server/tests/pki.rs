//! The repository, as verifiers meet it: OpenSSL, curl, and whoever sends bytes.

use crate::field::{A, Field, field, read};
use domain::revocation::RevocationAct as Act;
use fleet::revocation::Selection;
use server::repository::ROUTES;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn with_devices(serials: &[&str]) -> Field {
    let field = field().await;
    field.devices(&serials.iter().map(|serial| (*serial).to_owned()).collect::<Vec<_>>(), A).await;
    for serial in serials {
        field.enrolled(serial, "A").await;
    }
    field
        .says(
            "set -euo pipefail
        curl -sS --fail-with-body $PKI/ca/batch-ca-a.cer | openssl x509 -inform DER -out batch.pem
        curl -sS --fail-with-body $PKI/ca/factory-ca-brno.p7c | openssl pkcs7 -inform DER -print_certs -out factory.pem
        cat batch.pem factory.pem > chain.pem",
        )
        .await;
    field
}

/// Asks until the CRL of the batch says so; it is published within a second or so.
async fn crl_lists(field: &Field, count: usize) {
    let begun = Instant::now();
    loop {
        let said = field
            .sh("curl -sS --fail-with-body $PKI/crl/batch-ca-a.crl > batch.crl && openssl crl -inform DER -in batch.crl -noout -text | grep -c 'Serial Number'")
            .await;
        let listed: usize = String::from_utf8_lossy(&said.stdout).trim().parse().unwrap_or_default();
        let there = read(&field.file("batch.crl")).first() == Some(&0x30);
        if there && listed == count {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "the CRL lists {listed} after {:?}", begun.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn ocsp(field: &Field, serial: &str, more: &str) -> String {
    let script = format!(
        "openssl ocsp {more} -issuer batch.pem -cert {serial}.pem -CAfile ca.pem -verify_other chain.pem -url $PKI/ocsp/batch-ca-a 2>&1"
    );
    field.says(&script).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssl_learns_who_is_revoked() {
    let field = with_devices(&["P-00001", "P-00002"]).await;
    crl_lists(&field, 0).await;
    for more in ["", "-no_nonce", "-sha256"] {
        let said = ocsp(&field, "P-00001", more).await;
        assert!(said.contains("Response verify OK") && said.contains("P-00001.pem: good"), "{more}: {said}");
    }
    let check = "openssl crl -inform DER -in batch.crl -out batch.crl.pem; curl -sS $PKI/crl/factory-ca-brno.crl \
                 | openssl crl -inform DER -out factory.crl.pem; openssl verify -x509_strict -crl_check -CAfile ca.pem \
                 -untrusted chain.pem -CRLfile batch.crl.pem -CRLfile factory.crl.pem";
    field.says(&format!("{check} P-00001.pem")).await;
    // The address in the certificate leads there by itself.
    field.says("openssl verify -crl_check -crl_download -CAfile ca.pem -untrusted chain.pem P-00001.pem").await;
    field.act(Act::Revoke, Selection::Device("P-00001".to_owned())).await;
    let said = ocsp(&field, "P-00001", "").await;
    assert!(said.contains("P-00001.pem: revoked") && said.contains("keyCompromise"), "{said}");
    crl_lists(&field, 1).await;
    assert!(!field.sh(&format!("{check} P-00001.pem")).await.status.success());
    field.says(&format!("{check} P-00002.pem")).await;
    assert!(ocsp(&field, "P-00002", "").await.contains("P-00002.pem: good"));
    // Of an authority's own address only that authority is asked.
    let elsewhere = field.sh("openssl ocsp -issuer batch.pem -cert P-00002.pem -url $PKI/ocsp/batch-ca-b 2>&1").await;
    assert!(String::from_utf8_lossy(&elsewhere.stdout).contains("unauthorized"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ocsp_by_get_is_kept_by_caches() {
    let field = with_devices(&["G-00001"]).await;
    let said = field
        .says(
            r#"set -euo pipefail
            openssl ocsp -issuer batch.pem -cert G-00001.pem -no_nonce -reqout q.der 2>/dev/null
            q=$(openssl base64 -A -in q.der)
            escaped=$(printf %s "$q" | sed 's/+/%2B/g; s,/,%2F,g; s/=/%3D/g')
            for url in "$PKI/ocsp/$q" "$PKI/ocsp/$escaped" "$PKI/ocsp/batch-ca-a/$q" "$PKI/ocsp/batch-ca-a/$escaped"; do
              curl -sS --fail-with-body --path-as-is "$url" > a.der
              openssl ocsp -respin a.der -issuer batch.pem -cert G-00001.pem -CAfile ca.pem -verify_other chain.pem 2>&1
            done
            curl -sSi "$PKI/ocsp/$escaped" -o head
            tr -d '\r' < head | sed '/^$/q'
            tag=$(tr -d '\r' < head | sed -n 's/^etag: //ip')
            curl -sS -o /dev/null -w '%{http_code}\n' -H "If-None-Match: $tag" "$PKI/ocsp/$escaped"
            curl -sS --http1.0 -o /dev/null -w '%{http_version} %{http_code}\n' "$PKI/ocsp/$escaped""#,
        )
        .await;
    assert_eq!(said.matches("G-00001.pem: good").count(), 4, "{said}");
    let low = said.to_lowercase();
    for header in [
        "content-type: application/ocsp-response",
        "cache-control: max-age=60",
        "last-modified: ",
        "expires: ",
        "etag: ",
    ] {
        assert!(low.contains(header), "{header}: {said}");
    }
    assert!(said.contains("\n304\n") && said.contains("\n1 200"), "{said}");
    // What was asked with a nonce is for one asker.
    let nonce = "openssl ocsp -issuer batch.pem -cert G-00001.pem -reqout n.der 2>/dev/null; curl -sSi --data-binary @n.der \
                 -H 'Content-Type: application/ocsp-request' $PKI/ocsp -o n; head -c 400 n | tr -d '\\0'";
    assert!(field.says(nonce).await.to_lowercase().contains("cache-control: no-store"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crls_and_certificates_are_fetched_once() {
    let field = with_devices(&["F-00001"]).await;
    crl_lists(&field, 0).await;
    for (path, kind) in [
        ("/crl/batch-ca-a.crl", "application/pkix-crl"),
        ("/ca/batch-ca-a.cer", "application/pkix-cert"),
        ("/ca/test-root.p7c", "application/pkcs7-mime"),
    ] {
        let script = format!(
            r#"set -euo pipefail
            for how in --http1.1 --http1.0 --head; do curl -sS $how -o /dev/null -w '%{{http_code}} %{{content_type}}\n' $PKI{path}; done
            curl -sSI $PKI{path} | tr -d '\r' > head; cat head
            tag=$(sed -n 's/^etag: //ip' head); date=$(sed -n 's/^last-modified: //ip' head)
            curl -sS -o /dev/null -w 'tag %{{http_code}}\n' -H "If-None-Match: $tag" $PKI{path}
            curl -sS -o /dev/null -w 'date %{{http_code}}\n' -H "If-Modified-Since: $date" $PKI{path}
            curl -sS -o /dev/null -w 'old %{{http_code}}\n' -H "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT" $PKI{path}"#
        );
        let said = field.says(&script).await;
        assert_eq!(said.matches(&format!("200 {kind}")).count(), 3, "{path}: {said}");
        assert!(said.contains("tag 304") && said.contains("date 304") && said.contains("old 200"), "{path}: {said}");
        assert!(said.to_lowercase().contains("max-age="), "{said}");
    }
    let crl = field.fleet.crl("batch-ca-a").unwrap();
    field.says("curl -sS $PKI/crl/batch-ca-a.crl > batch.crl").await;
    assert_eq!(read(&field.file("batch.crl")), *crl.der);
    for path in [
        "/",
        "/crl/batch-ca-a",
        "/crl/none.crl",
        "/ca/none.cer",
        "/ca/batch-ca-a.exe",
        "/crl/..%2f..%2fetc.crl",
        "/ca/%ff.cer",
    ] {
        let said =
            field.says(&format!("curl -sS --path-as-is -w '%{{http_code}}' '{path}'").replace("'/", "$PKI'/")).await;
        assert!(said.ends_with("404") || said.ends_with("400"), "{path}: {said}");
    }
    assert_eq!(ROUTES.len(), 5, "each route is tried in this file");
}

/// Sends bytes, ends our half, and reads what comes.
async fn bytes(field: &Field, sent: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(field.pki).await.unwrap();
    // It may hang up in the middle of what is no request.
    let _ = stream.write_all(sent).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(15), stream.read_to_end(&mut answer)).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_bytes_are_answered_or_hung_up_on() {
    let field = with_devices(&["X-00001"]).await;
    field.says("openssl ocsp -issuer batch.pem -cert X-00001.pem -reqout q.der 2>/dev/null").await;
    let good = read(&field.file("q.der"));
    let post = |body: &[u8]| {
        let head = format!("POST /ocsp HTTP/1.0\r\nContent-Length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    let is_ocsp = |answer: &[u8]| answer.windows(25).any(|part| part == b"application/ocsp-response");
    assert!(is_ocsp(&bytes(&field, &post(&good)).await));
    for cut in (0..good.len()).step_by(7) {
        let answer = bytes(&field, &post(&good[..cut])).await;
        assert!(answer.starts_with(b"HTTP/1.0 200") && is_ocsp(&answer), "cut at {cut}");
        assert_eq!(answer[answer.len() - 5..], [0x30, 0x03, 0x0a, 0x01, 0x01], "malformedRequest, cut at {cut}");
    }
    for at in (0..good.len()).step_by(5) {
        let mut changed = good.clone();
        changed[at] ^= 0x55;
        assert!(bytes(&field, &post(&changed)).await.starts_with(b"HTTP/1.0 200"), "changed at {at}");
    }
    let large = post(&vec![0x30; 200_000]);
    assert!(bytes(&field, &large).await.starts_with(b"HTTP/1.0 413"));
    for noise in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"GET",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\0\0\0",
        b"GET /ocsp/%%% HTTP/1.0\r\n\r\n",
        b"GET /ocsp/*** HTTP/1.0\r\n\r\n",
        b"GET /ocsp/ HTTP/1.0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let answer = bytes(&field, noise).await;
        assert!(!answer.starts_with(b"HTTP/1.0 5") && !answer.starts_with(b"HTTP/1.1 5"), "{noise:?}");
    }
    // It still answers.
    assert!(is_ocsp(&bytes(&field, &post(&good)).await));
}
