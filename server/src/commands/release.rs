//! `muster release`: pushing, checking, promoting and listing releases of a console elsewhere, by its API.

use super::{
    client::{Client, Sent},
    files,
    serve::say,
};
use crate::{
    cli::{CheckEnd, CheckRelease, ListReleases, Named, PromoteRelease, PushRelease, Release},
    failure::{Failure, Outcome},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    io::{self, IsTerminal, Write},
    path::Path,
    time::{Duration, Instant},
};
use tokio::{fs::File, io::AsyncReadExt};

/// For how long a broken upload is taken up again without any of it getting through.
const PATIENCE: Duration = Duration::from_secs(600);
/// The pauses between tries, the last one again and again.
const PAUSES: [u64; 6] = [1, 2, 4, 8, 15, 30];
const TUS: (&str, &str) = ("tus-resumable", "1.0.0");

/// Does what was asked for.
///
/// # Errors
/// When the console can't be reached or refuses.
pub async fn run(what: Release) -> Outcome {
    match what {
        Release::Push(push) => pushed(&push).await,
        Release::Check(check) => checked(&check).await,
        Release::Promote(promote) => promoted(&promote).await,
        Release::List(list) => listed(&list).await,
    }
}

async fn pushed(push: &PushRelease) -> Outcome {
    let client = Client::new(&push.remote)?;
    let notes = push.notes.as_deref().map(files::read_text).transpose()?.unwrap_or_default();
    // Before anything is sent: a file that isn't there fails at once.
    let sbom = push.sbom.as_deref().map(files::read).transpose()?;
    let (sha256, size) = digest(&push.file).await?;
    let upload = sent(&client, &push.file, &sha256, size).await?;
    let named = &push.named;
    let form = json!({
        "product": named.product, "version": named.release_version, "models": push.model,
        "revisions": push.revision, "notes": notes, "upload": upload,
    });
    let release = client.ask(Method::POST, "/api/v1/releases", Sent::Json(&form)).await?;
    let fresh = release.status == http::StatusCode::CREATED;
    let id = release.json()["id"].as_str().unwrap_or_default().to_owned();
    if let Some(document) = sbom {
        let path = format!("/api/v1/releases/{id}/sbom");
        client.ask(Method::POST, &path, Sent::Document(Bytes::from(document))).await?;
    }
    let told = if fresh { "is pushed, in dev" } else { "was there already" };
    Ok(say(&format!(
        "{} {} {told}: {}/releases/{id}",
        named.product,
        named.release_version,
        push.remote.url.trim_end_matches('/')
    ))?)
}

fn unreadable(file: &Path, error: &io::Error) -> Failure {
    Failure::NotDone(format!("{} can't be read: {error}", file.display()))
}

/// A file's SHA-256 and size.
async fn digest(path: &Path) -> Result<(String, u64), Failure> {
    let mut file = File::open(path).await.map_err(|error| unreadable(path, &error))?;
    let (mut digest, mut size, mut chunk) = (Sha256::new(), 0_u64, vec![0; 256 * 1024]);
    loop {
        let n = file.read(&mut chunk).await.map_err(|error| unreadable(path, &error))?;
        if n == 0 {
            return Ok((hex::encode(digest.finalize()), size));
        }
        digest.update(&chunk[..n]);
        size += n as u64;
    }
}

/// Sends the file, as often as it takes. The upload's id.
async fn sent(client: &Client, path: &Path, sha256: &str, size: u64) -> Result<String, Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let metadata = format!("filename {},sha256 {}", STANDARD.encode(name.as_bytes()), STANDARD.encode(sha256));
    let headers = [(TUS.0, TUS.1.to_owned()), ("upload-length", size.to_string()), ("upload-metadata", metadata)];
    let answer = client.send(Method::POST, "/api/v1/uploads", &headers, Sent::Nothing).await;
    let answer = answer.map_err(|error| client.unreached(&error))?.good()?;
    let place = answer.headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let place = place.to_owned();
    let (mut here, mut tries, mut moved) = (0, 0, Instant::now());
    loop {
        match go_on(client, path, &place, size).await? {
            Some(now) if now >= size => break,
            Some(now) if now > here => (here, tries, moved) = (now, 0, Instant::now()),
            _ => {}
        }
        if moved.elapsed() > PATIENCE {
            return Err(Failure::NotDone(format!(
                "{here} of {size} bytes got through; the same command goes on from there"
            )));
        }
        let pause = PAUSES[tries.min(PAUSES.len() - 1)];
        tries += 1;
        tokio::time::sleep(Duration::from_secs(pause)).await;
    }
    Ok(place.rsplit('/').next().unwrap_or_default().to_owned())
}

/// Asks how much is there and sends the rest. How much is there now; none where the connection broke.
async fn go_on(client: &Client, path: &Path, place: &str, size: u64) -> Result<Option<u64>, Failure> {
    let tus = (TUS.0, TUS.1.to_owned());
    let Ok(asked) = client.send(Method::HEAD, place, std::slice::from_ref(&tus), Sent::Nothing).await else {
        return Ok(None);
    };
    if asked.may_pass() {
        return Ok(None);
    }
    let offset = asked.good()?.headers.get("upload-offset").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let offset = offset.ok_or_else(|| Failure::NotDone("the console doesn't say how much is there".to_owned()))?;
    progress(offset, size);
    if offset >= size {
        return Ok(Some(offset));
    }
    let file = File::open(path).await.map_err(|error| unreadable(path, &error))?;
    let headers = [tus, ("upload-offset", offset.to_string())];
    match client.send(Method::PATCH, place, &headers, Sent::Piece(file, offset, size - offset)).await {
        Err(error) => {
            tracing::warn!(%error, "the connection broke; it is taken up again");
            Ok(Some(offset))
        }
        Ok(answer) if answer.may_pass() => Ok(Some(offset)),
        Ok(answer) => {
            answer.good()?;
            progress(size, size);
            Ok(Some(size))
        }
    }
}

fn progress(here: u64, size: u64) {
    if io::stderr().is_terminal() {
        // Decoration; if it can't be shown, the upload goes on.
        let _ = writeln!(io::stderr(), "{here} of {size} bytes are there");
    }
}

/// The id of a release by its name.
async fn id_of(client: &Client, named: &Named) -> Result<String, Failure> {
    let product = utf8_percent_encode(&named.product, NON_ALPHANUMERIC).to_string();
    let mut before = String::new();
    loop {
        let path = format!("/api/v1/releases?limit=200&product={product}{before}");
        let page = client.ask(Method::GET, &path, Sent::Nothing).await?.json();
        let items = page["items"].as_array().cloned().unwrap_or_default();
        if let Some(found) = items.iter().find(|item| item["version"] == json!(named.release_version)) {
            return Ok(found["id"].as_str().unwrap_or_default().to_owned());
        }
        let Some(next) = page["next"].as_str() else {
            return Err(Failure::NotDone(format!("there is no release {} {}", named.product, named.release_version)));
        };
        before = format!("&before={next}");
    }
}

async fn checked(check: &CheckRelease) -> Outcome {
    let client = Client::new(&check.remote)?;
    let id = id_of(&client, &check.named).await?;
    let state = match check.state {
        CheckEnd::Pending => "pending",
        CheckEnd::Passed => "passed",
        CheckEnd::Failed => "failed",
    };
    let form = json!({"name": check.name, "state": state, "url": check.report.clone().unwrap_or_default()});
    client.ask(Method::POST, &format!("/api/v1/releases/{id}/checks"), Sent::Json(&form)).await?;
    Ok(say(&format!("{} of {} {}: {state}", check.name, check.named.product, check.named.release_version))?)
}

async fn promoted(promote: &PromoteRelease) -> Outcome {
    let client = Client::new(&promote.remote)?;
    let id = id_of(&client, &promote.named).await?;
    let form = json!({"to": promote.to, "reason": promote.reason});
    let answer = client.ask(Method::POST, &format!("/api/v1/releases/{id}/promote"), Sent::Json(&form)).await?;
    let named = &promote.named;
    let told = match answer.json()["approval"].as_str() {
        None => format!("{} {} is in {} now", named.product, named.release_version, promote.to),
        Some(approval) => format!(
            "{} {} waits for a second person: {}/approvals/{approval}",
            named.product,
            named.release_version,
            promote.remote.url.trim_end_matches('/')
        ),
    };
    Ok(say(&told)?)
}

async fn listed(list: &ListReleases) -> Outcome {
    let client = Client::new(&list.remote)?;
    let mut path = "/api/v1/releases?limit=200".to_owned();
    for (name, value) in [("product", &list.product), ("sbom", &list.sbom)] {
        if let Some(value) = value {
            path = format!("{path}&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
    }
    let page = client.ask(Method::GET, &path, Sent::Nothing).await?.json();
    for release in page["items"].as_array().into_iter().flatten() {
        say(&line(release))?;
    }
    Ok(())
}

fn line(release: &Value) -> String {
    let text = |name: &str| release[name].as_str().unwrap_or_default();
    let gates = release["next_stage"]["gates"].as_array().into_iter().flatten();
    let missing: Vec<&str> =
        gates.filter(|gate| gate["met"] == json!(false)).filter_map(|gate| gate["told"].as_str()).collect();
    format!("{:<24} {:<16} {:<11} {}", text("product"), text("version"), text("stage"), missing.join(" "))
}
