//! Storage that speaks S3, in this process, on a folder; and places to keep files in.

use crate::{
    patience::until,
    world::{World, worlds},
};
use fleet::release::{Bucket, BucketCredentials, ShelfPlace};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{
    S3Result,
    access::{S3Access, S3AccessContext},
    auth::SimpleAuth,
    s3_error,
    service::S3ServiceBuilder,
};
use std::{net::SocketAddr, path::PathBuf};
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpSocket},
    task::JoinSet,
};
use zeroize::Zeroizing;

const ID: &str = "AKIDTEST";
const SECRET: &str = "a secret of the test";
pub const BUCKET: &str = "muster";
pub const PREFIX: &str = "fleet/one";

/// Storage knows its buckets, and answers nobody who does not sign.
struct Buckets(PathBuf);

#[async_trait::async_trait]
impl S3Access for Buckets {
    async fn check(&self, asked: &mut S3AccessContext<'_>) -> S3Result<()> {
        match (asked.credentials(), asked.s3_path().get_bucket_name()) {
            (None, _) => Err(s3_error!(AccessDenied)),
            (_, Some(name)) if !self.0.join(name).is_dir() => Err(s3_error!(NoSuchBucket)),
            _ => Ok(()),
        }
    }
}

pub struct Storage {
    pub folder: TempDir,
    pub address: SocketAddr,
    serving: JoinSet<()>,
    /// The address while nobody answers there, so that nobody else gets it.
    held: Option<TcpSocket>,
}

impl Storage {
    /// Storage with an empty bucket.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut storage = Self { address: listener.local_addr().unwrap(), folder, serving: JoinSet::new(), held: None };
        storage.serve(listener);
        storage
    }

    /// Answers again where it did before it was stopped.
    pub async fn start_again(&mut self) {
        let listener = self.held.take().unwrap().listen(1024).unwrap();
        self.serve(listener);
    }

    /// Breaks off whatever goes on, and answers no more.
    pub async fn stop(&mut self) {
        self.serving.shutdown().await;
        let mut held = None;
        until("the port is free", async || {
            // A program that another test starts has it for a moment.
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_reuseaddr(true).unwrap();
            held = socket.bind(self.address).is_ok().then_some(socket);
            held.is_some()
        })
        .await;
        self.held = held;
    }

    fn serve(&mut self, listener: TcpListener) {
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(self.folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(ID, SECRET));
        builder.set_access(Buckets(self.folder.path().to_owned()));
        let service = builder.build();
        self.serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let service = service.clone();
                connections.spawn(async move {
                    let builder = Builder::new(TokioExecutor::new());
                    // Whoever goes away in the middle is what some tests are about.
                    let _ = builder.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
    }

    /// The names of what lies in a folder of the bucket.
    pub fn files(&self, folder: &str) -> Vec<String> {
        let folder = self.folder.path().join(BUCKET).join(PREFIX).join(folder);
        let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    }

    pub fn bucket(&self) -> Bucket {
        Bucket {
            name: BUCKET.to_owned(),
            prefix: PREFIX.to_owned(),
            endpoint: Some(format!("http://{}", self.address)),
            region: Some("us-east-1".to_owned()),
            credentials: Some(BucketCredentials {
                id: ID.to_owned(),
                secret: Zeroizing::new(SECRET.to_owned()),
                token: None,
            }),
            authorities: None,
        }
    }

    pub fn place(&self) -> ShelfPlace {
        ShelfPlace::Bucket(self.bucket())
    }
}

/// A world whose files lie somewhere.
pub struct Ground {
    pub world: World,
    /// None for the data folder.
    pub storage: Option<Storage>,
}

impl Ground {
    pub fn name(&self) -> String {
        format!("{}, {}", self.world.name(), if self.storage.is_some() { "bucket" } else { "folder" })
    }

    /// Where a file lies on a disk in the end.
    pub fn path(&self, sha256: &str) -> PathBuf {
        match &self.storage {
            Some(storage) => storage.folder.path().join(BUCKET).join(PREFIX).join(sha256),
            None => self.world.shelf(sha256),
        }
    }

    /// The names of what lies there, without the folders of what is on its way.
    pub fn names(&self) -> Vec<String> {
        let Ok(folder) = std::fs::read_dir(self.path("")) else { return Vec::new() };
        let files = folder.map(Result::unwrap).filter(|file| file.file_type().unwrap().is_file());
        let names = files.map(|file| file.file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort_unstable();
        names
    }
}

/// Every database with every place.
pub async fn grounds() -> Vec<Ground> {
    let mut grounds: Vec<Ground> = worlds().await.into_iter().map(|world| Ground { world, storage: None }).collect();
    for world in worlds().await {
        let storage = Storage::start().await;
        let world = World { fleet: world.fleet.with_shelf(storage.place()), ..world };
        grounds.push(Ground { world, storage: Some(storage) });
    }
    grounds
}
