//! nginx with a file behind certificates on both sides, with `sendfile`, if it is installed.

use crate::{doors::Doors, goosebit::wait_for, world::World};
use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// One that runs, and ends with this.
pub struct Nginx {
    pub address: SocketAddr,
    folder: TempDir,
    program: PathBuf,
    process: Child,
}

/// Serves this as `/file`. The program is `MUSTER_NGINX`, or the one on the path.
pub async fn serve(world: &World, doors: &Doors, content: &[u8]) -> Result<Nginx, String> {
    let text = |error: std::io::Error| error.to_string();
    let program: PathBuf = std::env::var_os("MUSTER_NGINX").unwrap_or_else(|| "nginx".into()).into();
    let folder = tempfile::tempdir().map_err(text)?;
    let at = |name: &str| folder.path().join(name);
    let (chain, key) = doors.identity();
    for (name, content) in [("file", content), ("chain.pem", chain.as_bytes()), ("key.pem", key.as_bytes())] {
        fs::write(at(name), content).map_err(text)?;
    }
    fs::write(at("ca.pem"), authorities(world).await).map_err(text)?;
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).map_err(text)?;
    fs::write(at("nginx.conf"), settings(address)).map_err(text)?;
    let mut command = Command::new(&program);
    command.arg("-p").arg(folder.path()).arg("-c").arg(at("nginx.conf"));
    let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let process = process.map_err(|error| format!("nginx could not be started: {error}"))?;
    let nginx = Nginx { address, folder, program, process };
    wait_for(address)?;
    Ok(nginx)
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Killed alone, its workers would go on.
        let conf = self.folder.path().join("nginx.conf");
        let mut stop = Command::new(&self.program);
        stop.arg("-p").arg(self.folder.path()).arg("-c").arg(conf).args(["-s", "stop"]);
        let _ = stop.stdout(Stdio::null()).stderr(Stdio::null()).status();
        let _ = self.process.wait();
    }
}

/// What stands above the devices.
async fn authorities(world: &World) -> String {
    let rule = crate::world::RULE;
    let mut pem = String::new();
    for row in world.fleet.authorities(&rule).await.unwrap() {
        if let Some(certificate) = world.fleet.authority(&rule, &row.authority.slug).await.unwrap().certificate {
            pem.push_str(&certificate.pem());
        }
    }
    pem
}

fn settings(address: SocketAddr) -> String {
    let mut text = "daemon off; worker_processes auto; error_log error.log; pid nginx.pid;\n".to_owned();
    // As root it would give up its rights, and with them the right to read the folder.
    if fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        text.push_str("user root;\n");
    }
    text.push_str("events {}\nhttp {\n  access_log off; sendfile on; tcp_nopush on;\n");
    for body in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        // Writing to a text can't fail.
        let _ = writeln!(text, "  {body}_temp_path {body};");
    }
    let _ = writeln!(text, "  server {{\n    listen {address} ssl; root .; ssl_protocols TLSv1.3;");
    text.push_str("    ssl_certificate chain.pem; ssl_certificate_key key.pem; ssl_conf_command Options KTLS;\n");
    text.push_str("    ssl_client_certificate ca.pem; ssl_verify_client on; ssl_verify_depth 4;\n  }\n}\n");
    text
}
