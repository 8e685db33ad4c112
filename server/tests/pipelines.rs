//! The pipelines that are given away as examples, run as they stand: the scripts of their files, by Bash, against a console.

mod github;
mod gitlab;
mod scripts;

use crate::{
    field::{admin, operator},
    releases::Scene,
    remote::{Remote, told},
};
use domain::release::{CheckState, Stage, StageRule};
use fleet::release::{ReleaseFilter, StageForm};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use yaml_rust2::{Yaml, YamlLoader};

/// What a repository has that a pipeline builds: a root file system, a bill of materials, and a bench that devices lie on.
const MAKEFILE: &str = "\
rootfs.ext4.gz:
\tseq 20000 | gzip -n > $@
bom.cdx.json:
\techo '{\"bomFormat\":\"CycloneDX\",\"components\":[{\"name\":\"openssl\",\"version\":\"3.0.11\"}]}' > $@
hardware-in-the-loop:
\ttest ! -e broken
";

/// A console that asks for the check by hardware, and a pipeline's secrets.
struct Site {
    scene: Scene,
    remote: Remote,
}

impl Site {
    async fn new() -> Self {
        let scene = Scene::new().await;
        let rule = StageRule { checks: vec!["hil".into()], soak_hours: 0, verified: 0, second_person: false };
        let form = StageForm { stage: Stage::Staging, rule };
        scene.field.fleet.change_stage_rule(&admin(), "GW-200", &form).await.unwrap();
        let folder = scene.field.folder.clone();
        fs::write(folder.join("signing.key"), scene.key.pkcs8_pem().unwrap().as_bytes()).unwrap();
        fs::write(folder.join("signing.pem"), scene.certificate.pem()).unwrap();
        let remote = Remote::serve(&folder, scene.router.clone(), &scene.token).await;
        Self { scene, remote }
    }

    fn secret(&self, file: &str) -> String {
        fs::read_to_string(self.remote.folder.join(file)).unwrap()
    }

    /// The variables of the project.
    fn env(&self) -> Vec<(String, String)> {
        let at = |file: &str| self.remote.folder.join(file).to_str().unwrap().to_owned();
        let known = [
            ("MUSTER_URL", self.remote.url.clone()),
            ("MUSTER_TOKEN_FILE", at("token")),
            ("MUSTER_CA", at("ca.pem.console")),
            ("SIGNING_KEY", at("signing.key")),
            ("SIGNING_CERTIFICATE", at("signing.pem")),
        ];
        known.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }

    /// A checked-out repository, whose hardware may be broken.
    fn checkout(&self, name: &str, broken: bool) -> PathBuf {
        let folder = self.remote.folder.join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("Makefile"), MAKEFILE).unwrap();
        if broken {
            fs::write(folder.join("broken"), "").unwrap();
        }
        folder
    }

    /// In which stage a version is, and how its check by hardware ended.
    async fn release(&self, version: &str) -> (Stage, CheckState) {
        let fleet = &self.scene.field.fleet;
        let page = fleet.releases(&operator(), &ReleaseFilter::default(), None, 0).await.unwrap();
        let row = page.rows.iter().find(|row| row.release.version == version).unwrap();
        let detail = fleet.release(&operator(), row.release.id).await.unwrap();
        let check = detail.checks.iter().find(|check| check.name == "hil").unwrap();
        assert!(check.url.starts_with("https://ci.example/"), "{check:?}");
        (row.release.stage, check.state)
    }
}

/// A file of the documents.
fn document(name: &str) -> Yaml {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pipelines").join(name);
    YamlLoader::load_from_str(&fs::read_to_string(path).unwrap()).unwrap().remove(0)
}

/// Names and values of a mapping, in order.
fn pairs(yaml: &Yaml) -> Vec<(String, String)> {
    let text = |yaml: &Yaml| yaml.as_str().unwrap().to_owned();
    yaml.as_hash().into_iter().flatten().map(|(name, value)| (text(name), text(value))).collect()
}

/// Runs a script with the program in its path: whether it succeeded, and what it said.
async fn bash(folder: &Path, flags: &[&str], script: &str, env: &[(String, String)]) -> (bool, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_muster")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.args(flags).args(["-c", script]).current_dir(folder).env("PATH", path).env("MUSTER_LOG", "error");
    command.envs(env.iter().cloned());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    (output.status.success(), told(&output))
}
