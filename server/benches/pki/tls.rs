//! A device's side of TLS.

use crate::world::{Device, World};
use pki::SoftwareKey;
use rustls::{
    ClientConfig, RootCertStore,
    client::Resumption,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// What is no HTTP: whoever let us in says so at once, without asking a database.
const WORD: &[u8] = b"?\r\n\r\n";

/// A private key for rustls.
pub fn key(pem: &str) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// How a device connects: always by a whole handshake.
pub fn connector(world: &World, device: &Device) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(world.root().der().to_vec())).unwrap();
    let chain = vec![CertificateDer::from(device.certificate.der().to_vec())];
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, device_key(&device.key))
        .unwrap();
    config.resumption = Resumption::disabled();
    TlsConnector::from(Arc::new(config))
}

fn device_key(of: &SoftwareKey) -> PrivateKeyDer<'static> {
    key(&of.pkcs8_pem().unwrap())
}

/// Connects. With TLS 1.3 that alone doesn't say whether the server took the certificate.
pub async fn connect(connector: &TlsConnector, to: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    connector.connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// Whether the server lets this device in: it answers what is said after the handshake.
pub async fn is_let_in(connector: &TlsConnector, to: SocketAddr) -> bool {
    let Ok(mut stream) = connect(connector, to).await else { return false };
    let mut answer = [0; 12];
    let said = async {
        stream.write_all(WORD).await?;
        stream.read_exact(&mut answer).await
    };
    said.await.is_ok() && answer == *b"HTTP/1.1 400"
}
