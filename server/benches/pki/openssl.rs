//! OpenSSL as a peer: its OCSP responder and its `ca`, on the same index of certificates.

use crate::world::template;
use domain::time::Timestamp;
use pki::{Issuer, KeyAlgorithm, Profile, SerialNumber, Signer, SoftwareKey};
use std::{
    fmt::Write as _,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long it may take to read its index.
const PATIENCE: Duration = Duration::from_secs(60);

/// `openssl ocsp`, running.
pub struct Responder {
    child: Child,
    pub address: SocketAddr,
}

impl Responder {
    /// Starts it on an index in which these certificates are good, with a responder that the authority made, in so many
    /// processes; it ends by itself after so many answers.
    pub fn start(
        folder: &Path,
        issuer: &Issuer,
        index: &Path,
        processes: usize,
        answers: usize,
        now: Timestamp,
    ) -> Self {
        let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let of = template(Profile::OcspResponder, "Responder", key.public_key(), now);
        let of = pki::Template { not_after: issuer.certificate().not_after(), ..of };
        let certificate = pki::issue(&of, issuer).unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let authority = write("authority.pem", &issuer.certificate().pem());
        let signer = write("responder.pem", &certificate.pem());
        let signer_key = write("responder.key", &key.pkcs8_pem().unwrap());
        let port = free_port();
        let mut command = Command::new("openssl");
        command.args(["ocsp", "-ignore_err", "-nmin", "60", "-port", &port.to_string()]);
        command.args(["-nrequest", &answers.to_string()]);
        if processes > 1 {
            command.args(["-multi", &processes.to_string()]);
        }
        command.arg("-index").arg(index).arg("-CA").arg(authority);
        command.arg("-rsigner").arg(signer).arg("-rkey").arg(signer_key);
        command.process_group(0);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let begun = Instant::now();
        while !is_listened_on(port) {
            assert!(begun.elapsed() < PATIENCE, "openssl ocsp does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, address }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        // With those that it started: they are a group of their own.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}

/// Asked of the kernel: a connection that says nothing has this responder spin for ever.
fn is_listened_on(port: u16) -> bool {
    let (place, listens) = (format!(":{port:04X} "), " 0A ");
    ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().any(|table| {
        let table = std::fs::read_to_string(table).unwrap_or_default();
        table.lines().any(|line| line.contains(&place) && line.contains(listens))
    })
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Writes an index as `openssl ca` keeps it: valid certificates, or revoked ones.
pub fn write_index(path: &Path, serials: impl Iterator<Item = SerialNumber>, revoked: bool) {
    let mut text = String::new();
    let state = if revoked { "R\t351231235959Z\t261101000000Z,keyCompromise" } else { "V\t351231235959Z\t" };
    for serial in serials {
        let serial = serial.hex().to_ascii_uppercase();
        let serial = if serial.len() % 2 == 1 { format!("0{serial}") } else { serial };
        writeln!(text, "{state}\t{serial}\tunknown\t/CN={serial}").unwrap();
    }
    std::fs::write(path, text).unwrap();
}

/// Lets `openssl ca` make the CRL of an index of revoked certificates, and says how long that took, and how large it is.
pub fn make_crl(folder: &Path, issuer: &Issuer, issuer_key_pem: &str, index: &Path) -> (Duration, u64) {
    let (certificate, key) = (folder.join("crl-authority.pem"), folder.join("crl-authority.key"));
    std::fs::write(&certificate, issuer.certificate().pem()).unwrap();
    std::fs::write(&key, issuer_key_pem).unwrap();
    let number = folder.join("crlnumber");
    std::fs::write(&number, "01\n").unwrap();
    let configuration = format!(
        "[ca]\ndefault_ca = bench\n[bench]\ndatabase = {}\ncrlnumber = {}\ncertificate = {}\nprivate_key = {}\n\
         default_md = sha256\ndefault_crl_days = 7\ncrl_extensions = list\nunique_subject = no\n\
         [list]\nauthorityKeyIdentifier = keyid\n",
        index.display(),
        number.display(),
        certificate.display(),
        key.display()
    );
    let file = folder.join("ca.cnf");
    std::fs::write(&file, configuration).unwrap();
    let out = folder.join("openssl.crl");
    let begun = Instant::now();
    let done =
        Command::new("openssl").args(["ca", "-gencrl", "-config"]).arg(file).arg("-out").arg(&out).output().unwrap();
    let took = begun.elapsed();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let pem = std::fs::metadata(out).unwrap().len();
    // It writes PEM: four characters for three bytes, and a line's end for each 64.
    (took, pem * 64 / 65 * 3 / 4)
}
