//! What the whole authority is for, as a factory and its devices meet it: a ceremony, a batch, a hundred devices enrolled
//! by EST and cut off again, with OpenSSL and curl alone.

use crate::field::{A, ENROL, Field, fields};
use domain::revocation::RevocationAct as Act;
use fleet::revocation::Selection;
use std::{process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// How many devices there are: on the second database fewer show the same.
fn many(field: &Field) -> usize {
    if field.name() == "SQLite" { 100 } else { 50 }
}

/// A connection that stays: `openssl s_client`, which has asked once and been answered.
struct Connected {
    client: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Connected {
    async fn to(field: &Field, serial: &str) -> Self {
        let mut client = Command::new("openssl")
            .args(["s_client", "-quiet", "-verify_return_error", "-CAfile", "ca.pem", "-connect"])
            .arg(field.gateway.to_string())
            .args(["-cert", &format!("{serial}.pem"), "-key", &format!("{serial}.key")])
            .current_dir(&field.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let said = BufReader::new(client.stdout.take().unwrap()).lines();
        let mut connected = Self { client, said };
        connected.ask().await;
        connected
    }

    async fn ask(&mut self) -> String {
        self.client.stdin.as_mut().unwrap().write_all(b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n").await.unwrap();
        let first = tokio::time::timeout(Duration::from_secs(20), self.said.next_line()).await.unwrap().unwrap();
        assert!(first.as_deref().unwrap_or_default().starts_with("HTTP/1.1 200"), "{first:?}");
        let mut length = 0;
        while let Some(line) = self.said.next_line().await.unwrap().filter(|line| !line.is_empty()) {
            if let Some(n) = line.to_lowercase().strip_prefix("content-length:") {
                length = n.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.said.get_mut().read_exact(&mut body).await.unwrap();
        String::from_utf8(body).unwrap()
    }

    /// Whether the connection has ended within so long.
    async fn ends_within(mut self, time: Duration) -> bool {
        let mut rest = Vec::new();
        let mut reader = self.said.into_inner();
        let ended = tokio::time::timeout(time, reader.read_to_end(&mut rest)).await.is_ok();
        let _ = self.client.kill().await;
        ended
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_devices_come_in_and_are_cut_off_again() {
    for field in fields().await {
        let serials: Vec<String> = (0..many(&field)).map(|n| format!("D-{n:05}")).collect();
        field.devices(&serials, A).await;
        enrol_all(&field, &serials).await;
        all_connect(&field, &serials).await;
        one_is_held_while_connected(&field).await;
        one_is_revoked_while_connected(&field).await;
        the_batch_is_cut_off(&field, &serials).await;
    }
}

/// Every tenth key is RSA, every tenth P-384.
async fn enrol_all(field: &Field, serials: &[String]) {
    let script = format!(
        "{ENROL}
        one() {{
          case $1 in *3) KEY=p384 ;; *7) KEY=rsa ;; *) KEY=p256 ;; esac
          KEY=$KEY enrol $1 A
        }}
        export -f one
        printf '%s\\n' {} | xargs -P 4 -I@ bash -euo pipefail -c 'one @'
        ls D-*.pem | wc -l",
        serials.join(" ")
    );
    assert_eq!(field.says(&script).await.trim(), serials.len().to_string());
    // What the root knows, the certificate says, and the CRL doesn't list.
    let chain = "curl -sS --fail-with-body --cacert ca.pem $GW/.well-known/est/A/cacerts | openssl base64 -d \
                 | openssl pkcs7 -inform DER -print_certs -out chain.pem
                 openssl verify -x509_strict -CAfile ca.pem -untrusted chain.pem D-*.pem | grep -c OK";
    assert_eq!(field.says(chain).await.trim(), serials.len().to_string());
    // Asked again with the same key, it is the same certificate; with another key it is none.
    field.says("cp D-00001.p7 before; set -e; curl -sS --fail-with-body --cert station.pem --key station.key --cacert ca.pem \
                --data-binary @D-00001.csr $GW/.well-known/est/A/simpleenroll > again; cmp before again").await;
}

async fn all_connect(field: &Field, serials: &[String]) {
    let script = format!(
        r#"
        one() {{
          curl -sS --cacert ca.pem --cert $1.pem --key $1.key $GW/ | grep -q "\"serial\":\"$1\""
          printf 'GET / HTTP/1.0\r\n\r\n' | timeout 20 openssl s_client -quiet -verify_return_error -connect $AT \
            -CAfile ca.pem -cert $1.pem -key $1.key 2>/dev/null | tr -d '\r' > $1.out
          grep -q '^HTTP/1.0 200' $1.out && grep -q "\"serial\":\"$1\"" $1.out && echo $1
        }}
        export -f one
        printf '%s\n' {} | xargs -P 4 -I@ bash -euo pipefail -c 'one @' | wc -l"#,
        serials.join(" ")
    );
    assert_eq!(field.says(&script).await.trim(), serials.len().to_string());
}

async fn one_is_held_while_connected(field: &Field) {
    let device = || Selection::Device("D-00010".to_owned());
    let (mut held, mut other) = (Connected::to(field, "D-00010").await, Connected::to(field, "D-00011").await);
    let is_held = |said: &str| said.contains("\"held\":true");
    let renews = async || {
        let renew = "openssl req -new -key D-00010.key -subj /CN=D-00010 2>/dev/null | curl -sS -o renewed -w '%{http_code}' \
                     --cacert ca.pem --cert D-00010.pem --key D-00010.key --data-binary @- $GW/.well-known/est/simplereenroll";
        field.says(renew).await.trim().to_owned()
    };
    field.act(Act::Hold, device()).await;
    assert!(
        is_held(&held.ask().await),
        "{}: the connection stays, and is narrow from the next request on",
        field.name()
    );
    assert!(!is_held(&other.ask().await), "{}", field.name());
    for tls in ["1.2", "1.3"] {
        let ask = format!("curl -sS --tls-max {tls} --cacert ca.pem --cert D-00010.pem --key D-00010.key $GW/");
        assert!(is_held(&field.says(&ask).await), "{}: by TLS {tls}", field.name());
    }
    assert_eq!(renews().await, "403", "{}", field.name());
    field.act(Act::Release, device()).await;
    assert!(!is_held(&held.ask().await), "{}: whole again from the next request on", field.name());
    assert_eq!((field.visit("D-00010").await.0, renews().await.as_str()), (200, "200"), "{}", field.name());
}

async fn one_is_revoked_while_connected(field: &Field) {
    let connected = Connected::to(field, "D-00020").await;
    field.act(Act::Revoke, Selection::Device("D-00020".to_owned())).await;
    assert!(connected.ends_within(Duration::from_secs(20)).await, "{}: still connected", field.name());
    assert_eq!(field.visit("D-00020").await.0, 0);
    // A station can't bring it back, and neither can TLS of the year 2008.
    let again = field.sh(&format!("{ENROL}\nenrol D-00020 A; cat D-00020.p7")).await;
    assert!(!again.status.success());
    let old = "curl -sS --tls-max 1.2 --cacert ca.pem --cert D-00020.pem --key D-00020.key $GW/";
    assert!(!field.sh(old).await.status.success());
}

async fn the_batch_is_cut_off(field: &Field, serials: &[String]) {
    let connected = Connected::to(field, "D-00042").await;
    // All but the revoked one.
    let all = serials.len() - 1;
    field.act(Act::Hold, Selection::Batch("A".to_owned())).await;
    assert_eq!(count_admitted(field, serials, true).await, all, "{}: limited", field.name());
    assert_eq!(count_admitted(field, serials, false).await, 0, "{}", field.name());
    field.act(Act::Release, Selection::Batch("A".to_owned())).await;
    assert_eq!(count_admitted(field, serials, false).await, all, "{}: whole again", field.name());
    field.act(Act::Revoke, Selection::Batch("A".to_owned())).await;
    assert!(connected.ends_within(Duration::from_secs(20)).await, "{}: still connected", field.name());
    for held in [true, false] {
        assert_eq!(count_admitted(field, serials, held).await, 0, "{}", field.name());
    }
    // The station of another batch's line goes on, and no more of this one is signed.
    let more = field.sh(&format!("{ENROL}\nenrol D-99999 A")).await;
    assert!(!more.status.success());
}

/// How many are let in: on hold, or not.
async fn count_admitted(field: &Field, serials: &[String], held: bool) -> usize {
    let script = format!(
        "one() {{ curl -sS --cacert ca.pem --cert $1.pem --key $1.key $GW/ 2>/dev/null | grep '\"held\":{held}' \
                  | grep -o '\"serial\":\"D-[0-9]*\"' || true; }}
        export -f one
        printf '%s\\n' {} | xargs -P 4 -I@ bash -c 'one @' | wc -l",
        serials.join(" ")
    );
    field.says(&script).await.trim().parse().unwrap()
}
