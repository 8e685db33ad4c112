//! A whole authority that was made by a ceremony, with its gateway and its repository on real ports, for tests that come
//! as devices do: with OpenSSL and curl.

pub use crate::scene::{A, PASSPHRASE, RULE, admin, manager, operator};

use crate::{metrics::next_port, scene};
use axum::Router;
use domain::{
    approval::ApprovalState, certificate::RevocationReason, id::AuthorityId, revocation::RevocationAct as Act,
    time::DAY,
};
use fleet::{
    Fleet, Keys,
    authority::AuthorityForm,
    enrol::StationForm,
    revocation::{Outcome, RevokeForm, Selection},
};
use pki::Passphrase;
use server::{
    gateway,
    listener::{Certificates, Door, Gate, Limits, ListenError, Listener},
    repository,
};
use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command, Output},
};
use store::testing::{self, Fixture};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// An authority, its gateway and its repository.
pub struct Field {
    pub fleet: Fleet,
    pub gateway: SocketAddr,
    pub pki: SocketAddr,
    /// With ca.pem (the root), and station.pem and station.key of a station of Brno.
    pub folder: PathBuf,
    fixture: Fixture,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

/// One on each database.
pub async fn fields() -> Vec<Field> {
    let mut out = Vec::new();
    for fixture in testing::both().await.unwrap() {
        out.push(Field::on(fixture).await);
    }
    out
}

/// One on SQLite.
pub async fn field() -> Field {
    Field::on(testing::sqlite().await.unwrap()).await
}

/// A listener at a port that stays free once it is closed.
async fn bound(door: Door) -> Listener {
    loop {
        match Listener::bind(([127, 0, 0, 1], next_port()).into(), Limits::of(door)).await {
            Err(ListenError::InUse(..)) => {}
            bound => return bound.unwrap(),
        }
    }
}

impl Field {
    /// One on a database that is empty.
    pub async fn on(fixture: Fixture) -> Self {
        let (field, gateway, repository) = Self::before(fixture).await;
        field.hierarchy().await;
        field.open(gateway, repository).await
    }

    /// One that has people and batches but no authority, and is not open yet.
    pub async fn before(fixture: Fixture) -> (Self, Listener, Listener) {
        let data = fixture.folder.path().to_owned();
        let keys = Keys { folder: data.join("keys"), passphrase: Some(Passphrase::new(PASSPHRASE.into()).unwrap()) };
        let fleet = Fleet::new(fixture.db.clone(), data.clone()).with_keys(keys);
        scene::catalogue(&fleet, None).await;
        // The program itself may take their places later.
        let (gateway, repository) = (bound(Door::Gateway).await, bound(Door::Pki).await);
        let (at, pki) = (gateway.local_addr().unwrap(), repository.local_addr().unwrap());
        let settings = fleet.settings(&admin()).await.unwrap();
        let settings = fleet::setting::Settings {
            pki_url: format!("http://{pki}"),
            gateway_url: format!("https://{at}"),
            ..settings
        };
        fleet.save_settings(&admin(), &settings).await.unwrap();
        let folder = data.join("field");
        fs::create_dir(&folder).unwrap();
        let field =
            Self { fleet, gateway: at, pki, folder, fixture, stop: CancellationToken::new(), tasks: Vec::new() };
        (field, gateway, repository)
    }

    async fn open(mut self, gateway: Listener, repository: Listener) -> Self {
        let fleet = &self.fleet;
        fleet.load_trust().await.unwrap();
        let gate = self.gate().await;
        let (stop, devices, verifiers) = (self.stop.clone(), gateway::router(fleet), repository::router(fleet));
        self.tasks = vec![
            tokio::spawn(fleet.clone().publisher()),
            tokio::spawn(gateway.serve_gateway(gate, devices, stop.clone())),
            tokio::spawn(repository.serve_plain(verifiers, stop)),
        ];
        let form = StationForm { factory: "brno".into(), name: "Line 1".into(), csr: String::new() };
        for file in self.fleet.station(&operator(), &form).await.unwrap().files() {
            fs::write(self.folder.join(&file.name), &file.content).unwrap();
        }
        self
    }

    async fn gate(&self) -> Gate {
        let (names, addresses) = (["localhost".to_owned()], [IpAddr::from([127, 0, 0, 1])]);
        let (chain, key) = self.fleet.server_certificate(&RULE, &names, &addresses).await.unwrap();
        let identity = pki::read_identity((pki::chain_pem(&chain).as_bytes(), "c"), (key.as_bytes(), "k")).unwrap();
        Gate::new(self.fleet.clone(), &Certificates::new(&identity)).unwrap()
    }

    /// Another gateway, with this router behind it: its address, and what to abort.
    pub async fn beside(&self, router: Router) -> (SocketAddr, JoinHandle<()>) {
        let listener = Listener::bind(loopback(), Limits::of(Door::Gateway)).await.unwrap();
        let (at, gate) = (listener.local_addr().unwrap(), self.gate().await);
        (at, tokio::spawn(listener.serve_gateway(gate, router, self.stop.clone())))
    }

    /// A root by `muster ceremony`, an operations CA, CAs of both factories, and CAs of their batches.
    pub async fn hierarchy(&self) {
        self.ceremony(&["root", "Test Root", "--folder", "."]);
        let root = fs::read_to_string(self.folder.join("test-root.pem")).unwrap();
        self.fleet.bring_root(&admin(), &root).await.unwrap();
        let form = |kind: &str| AuthorityForm { kind: kind.into(), ..AuthorityForm::default() };
        self.made(&form("operations"), Some("operations")).await;
        for factory in ["brno", "graz"] {
            self.made(&AuthorityForm { factory: factory.into(), ..form("factory") }, Some("factory")).await;
        }
        for batch in ["A", "B", "C"] {
            self.made(&AuthorityForm { batch: batch.into(), ..form("batch") }, None).await;
        }
    }

    /// Runs `muster ceremony …` where the root is: it has no database, and nothing of the fleet's.
    fn ceremony(&self, arguments: &[&str]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        command
            .arg("ceremony")
            .args(arguments)
            .current_dir(&self.folder)
            .env("MUSTER_KEY_PASSPHRASE", "of the root alone");
        done(&command.output().unwrap());
    }

    /// Requests, approves and, where a root must, has it signed in the ceremony.
    async fn made(&self, form: &AuthorityForm, sign_as: Option<&str>) {
        let subject = scene::approved(&self.fleet, form).await;
        let Some(kind) = sign_as else { return };
        let id: AuthorityId = subject.strip_prefix("authority:").unwrap().parse().unwrap();
        let (request, signed) = (format!("{kind}{}.req", form.factory), format!("{kind}{}.pem", form.factory));
        fs::write(self.folder.join(&request), self.fleet.authority_request(&admin(), id).await.unwrap()).unwrap();
        self.ceremony(&["sign", &request, &signed, "--as", kind, "--root", "test-root.pem"]);
        let pem = fs::read_to_string(self.folder.join(&signed)).unwrap();
        self.fleet.deliver_authority(&admin(), id, &pem).await.unwrap();
    }

    pub fn name(&self) -> &'static str {
        self.fixture.name
    }

    /// The folder of its data, which holds that of the field.
    pub fn data(&self) -> &Path {
        self.fixture.folder.path()
    }

    /// The address of its database; none for SQLite.
    pub fn url(&self) -> Option<&str> {
        self.fixture.url.as_deref()
    }

    /// Closes the gateway and the repository, for the program itself to take their places.
    pub async fn close(&mut self) {
        self.stop.cancel();
        for task in self.tasks.drain(..) {
            task.abort();
            let _ = task.await;
        }
    }

    /// The file of this name.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Runs a script of the shell in the folder, with $GW and $PKI for the addresses of both.
    pub async fn sh(&self, script: &str) -> Output {
        let mut command = Command::new("bash");
        command.args(["-c", script]).current_dir(&self.folder);
        command.env("GW", format!("https://{}", self.gateway)).env("AT", self.gateway.to_string());
        command.env("PKI", format!("http://{}", self.pki));
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// The same; it must succeed, and says this.
    pub async fn says(&self, script: &str) -> String {
        done(&self.sh(script).await)
    }

    /// Devices of a batch, as a manifest would make them.
    pub async fn devices(&self, serials: &[String], batch: u128) {
        let at = self.fleet.now().plus(-DAY);
        let lives: Vec<fleet::seed::Life> = serials.iter().map(|serial| scene::life(serial, batch, at)).collect();
        self.fleet.seed_devices(&RULE, &lives).await.unwrap();
    }

    /// Makes a key and a request and has a certificate issued by EST: SERIAL.key, SERIAL.pem.
    pub async fn enrolled(&self, serial: &str, batch: &str) {
        self.says(&format!("{ENROL}\nenrol {serial} {batch}")).await;
    }

    /// What the gateway answers to a device: its status, and all it says. Status 0 where the handshake failed.
    pub async fn visit(&self, serial: &str) -> (u16, String) {
        let script = format!(
            "curl -sS --cacert ca.pem --cert {serial}.pem --key {serial}.key -w '\\n%{{http_code}}' $GW/ 2>&1 || true"
        );
        let said = self.says(&script).await;
        let is_status = |line: &&str| line.len() == 3 && line.bytes().all(|byte| byte.is_ascii_digit());
        let status = said.lines().rfind(is_status).and_then(|status| status.parse().ok());
        (status.unwrap_or_default(), said)
    }

    /// The certificate of its station.
    pub async fn station(&self) -> Selection {
        let station = self.fleet.stations(&operator(), Some("brno")).await.unwrap().remove(0);
        Selection::Certificate { authority: station.authority_slug, serial: station.serial }
    }

    /// Asks for an act as an operator. A second person approves it, if it takes one.
    pub async fn act(&self, act: Act, selection: Selection) {
        let preview = self.fleet.preview(&operator(), &selection, act).await.unwrap();
        let reason =
            if act == Act::Revoke { RevocationReason::KeyCompromise } else { RevocationReason::CertificateHold };
        let form = RevokeForm {
            selection,
            act,
            reason,
            note: String::new(),
            confirmation: preview.confirm_word,
            preview_hash: preview.hash,
        };
        if let Outcome::Waiting(approval, _) = self.fleet.revoke(&operator(), &form).await.unwrap() {
            let shown = self.fleet.approval(&manager(), approval).await.unwrap();
            self.fleet.decide(&manager(), approval, &shown.row.hash, true, "").await.unwrap();
            let state = self.fleet.approval(&manager(), approval).await.unwrap().row.state;
            assert_eq!(state, ApprovalState::Approved);
        }
    }
}

impl Drop for Field {
    fn drop(&mut self) {
        self.stop.cancel();
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// What a station does for each device, with OpenSSL and curl alone. `$KEY` says which kind of key.
pub const ENROL: &str = r#"
set -euo pipefail
enrol() {
  case ${KEY:-p256} in
    p256) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $1.key ;;
    p384) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out $1.key ;;
    rsa) openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out $1.key 2>/dev/null \
         || openssl genrsa -out $1.key 2048 2>/dev/null ;;
  esac
  openssl req -new -key $1.key -subj /CN=$1 -outform DER | openssl base64 > $1.csr
  curl -sS --fail-with-body --cert station.pem --key station.key --cacert ca.pem \
    -H 'Content-Type: application/pkcs10' --data-binary @$1.csr $GW/.well-known/est/$2/simpleenroll > $1.p7
  openssl base64 -d -in $1.p7 | openssl pkcs7 -inform DER -print_certs -out $1.pem
}
export -f enrol
"#;

fn done(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}: {said}{}", output.status, String::from_utf8_lossy(&output.stderr));
    said
}

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// Reads a file of the folder.
pub fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}
