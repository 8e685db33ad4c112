//! `gitlab-ci.yml`, as GitLab's runner takes it: a job is a shell in a checkout of its own, with what jobs before it left.

use super::{Site, bash, document, pairs};
use domain::release::{CheckState, Stage};
use std::path::{Path, PathBuf};
use yaml_rust2::Yaml;

struct Runner<'a> {
    site: &'a Site,
    file: Yaml,
    tag: &'a str,
    is_broken: bool,
    /// What jobs before have left.
    artifacts: PathBuf,
}

impl Runner<'_> {
    fn env(&self, job: &str, status: &str) -> Vec<(String, String)> {
        let known = [
            ("CI_COMMIT_TAG", self.tag.to_owned()),
            ("CI_PIPELINE_URL", "https://ci.example/pipelines/7".to_owned()),
            ("CI_JOB_URL", format!("https://ci.example/jobs/{job}")),
            ("CI_JOB_STATUS", status.to_owned()),
        ];
        let known = known.map(|(name, value)| (name.to_owned(), value));
        let own = pairs(&self.file["variables"]).into_iter();
        let own = own.map(|(name, value)| (name, value.replace("$CI_COMMIT_TAG", self.tag)));
        self.site.env().into_iter().chain(known).chain(own).collect()
    }

    /// Runs a job: whether it succeeded, and what it said.
    async fn job(&self, name: &str) -> (bool, String) {
        let job = &self.file[name];
        let folder = self.site.checkout(&format!("{}-{name}", self.tag), self.is_broken);
        let script = |key: &str| {
            let lines: Vec<&str> = job[key].as_vec().into_iter().flatten().map(|line| line.as_str().unwrap()).collect();
            lines.join("\n")
        };
        copy(&format!("{}/*", self.artifacts.display()), &folder).await;
        let (is_good, mut said) =
            bash(&folder, &["-eo", "pipefail"], &script("script"), &self.env(name, "running")).await;
        let status = if is_good { "success" } else { "failed" };
        if !script("after_script").is_empty() {
            let (reported, more) =
                bash(&folder, &["-eo", "pipefail"], &script("after_script"), &self.env(name, status)).await;
            assert!(reported, "{name}: {more}");
            said.push_str(&more);
        }
        for path in job["artifacts"]["paths"].as_vec().into_iter().flatten() {
            copy(&format!("{}/{}", folder.display(), path.as_str().unwrap()), &self.artifacts).await;
        }
        (is_good, said)
    }

    /// Runs the stages until one fails: whether all have succeeded, and what was said.
    async fn run(&self) -> (bool, String) {
        let mut said = String::new();
        for stage in self.file["stages"].as_vec().unwrap() {
            let jobs = self.file.as_hash().unwrap().iter().filter(|(_, job)| job["stage"] == *stage);
            for (name, _) in jobs {
                let (is_good, more) = self.job(name.as_str().unwrap()).await;
                said.push_str(&more);
                if !is_good {
                    return (false, said);
                }
            }
        }
        (true, said)
    }
}

async fn copy(files: &str, into: &Path) {
    let script = format!("shopt -s nullglob; set -- {files}; [ $# = 0 ] || cp \"$@\" '{}'", into.display());
    assert!(bash(Path::new("/"), &["-e"], &script, &[]).await.0, "{files}");
}

async fn pipeline(site: &Site, tag: &str, is_broken: bool) -> (bool, String) {
    let artifacts = site.remote.folder.join(format!("artifacts-{tag}"));
    std::fs::create_dir(&artifacts).unwrap();
    Runner { site, file: document("gitlab-ci.yml"), tag, is_broken, artifacts }.run().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs cpio, make and openssl: cargo xtask test --only verifiers"]
async fn a_tag_comes_to_staging_and_one_whose_hardware_fails_does_not() {
    let site = Site::new().await;
    let (is_good, said) = pipeline(&site, "1.4.2", false).await;
    assert!(is_good, "{said}");
    assert!(said.contains("is in staging now"), "{said}");
    assert_eq!(site.release("1.4.2").await, (Stage::Staging, CheckState::Passed), "{said}");
    let (is_good, said) = pipeline(&site, "1.4.3", true).await;
    assert!(!is_good, "{said}");
    assert_eq!(site.release("1.4.3").await, (Stage::Dev, CheckState::Failed), "{said}");
    site.remote.end().await;
}
