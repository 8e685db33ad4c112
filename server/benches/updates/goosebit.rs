//! gooseBit with as many devices: an environment of Python of its own, its database filled, one process of it, quiet.

use crate::load::{Load, get};
use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// What is measured against.
const PACKAGE: &str = "goosebit==0.2.12";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/updates/fill_goosebit.py");
/// How long it may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Polls a second over plain HTTP by devices whose serials these are, of so many; or why there is no figure.
pub fn polls(asking: &Runtime, serials: &[String], devices: usize, count: usize) -> Result<f64, String> {
    let python = environment()?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    done(settled(&python, folder.path()).arg(SCRIPT).arg(devices.to_string()), "gooseBit's database was not filled")?;
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
    let address = free.map_err(|error| error.to_string())?;
    let mut serve = settled(&python, folder.path());
    let port = address.port().to_string();
    serve.args(["-m", "uvicorn", "goosebit:app", "--host", "127.0.0.1", "--port", &port, "--log-level", "error"]);
    let process = serve.spawn().map_err(|error| format!("gooseBit did not start: {error}"))?;
    let _ended = Ended(process);
    wait_for(address)?;
    let requests: Vec<_> = serials.iter().map(|serial| get(&format!("/DEFAULT/controller/v1/{serial}"))).collect();
    let load = Load {
        to: address,
        requests: Arc::new(requests),
        count,
        keep: true,
        is_answer: |body| body.windows(14).any(|part| part == b"deploymentBase"),
    };
    // What is read once is read.
    asking.block_on(Load { count: count / 4, ..load.clone() }.run());
    Ok(asking.block_on(load.run()))
}

/// The Python of an environment that has gooseBit: `MUSTER_GOOSEBIT`, or one that is made from PyPI and kept.
fn environment() -> Result<PathBuf, String> {
    if let Some(python) = std::env::var_os("MUSTER_GOOSEBIT") {
        return Ok(python.into());
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("goosebit");
    let python = folder.join("bin/python");
    if !python.exists() {
        done(Command::new("python3").args(["-m", "venv"]).arg(&folder), "no environment of Python could be made")?;
    }
    done(
        Command::new(&python).args(["-m", "pip", "install", "--quiet", PACKAGE]),
        "gooseBit could not be had from PyPI",
    )?;
    Ok(python)
}

fn settled(python: &Path, folder: &Path) -> Command {
    let mut command = Command::new(python);
    command
        .current_dir(folder)
        .env("GOOSEBIT_DB_URI", format!("sqlite://{}", folder.join("goosebit.sqlite3").display()))
        .env("GOOSEBIT_ARTIFACTS_DIR", folder.join("artifacts"))
        .env("GOOSEBIT_LOGGING", r#"{"version":1,"root":{"level":"ERROR"}}"#)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn done(command: &mut Command, what: &str) -> Result<(), String> {
    match command.stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{what}: {status}")),
        Err(error) => Err(format!("{what}: {error}")),
    }
}

/// Waits until somebody listens there.
pub fn wait_for(address: SocketAddr) -> Result<(), String> {
    let begun = Instant::now();
    while TcpStream::connect(address).is_err() {
        if begun.elapsed() > PATIENCE {
            return Err("it did not come up within a minute".to_owned());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// A process that ends with this.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
