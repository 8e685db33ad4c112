//! `github-actions.yml`, as GitHub's runner takes it: the steps of the job, each a shell in the same checkout.

use super::{Site, bash, document, pairs};
use domain::release::{CheckState, Stage};
use std::{collections::BTreeMap, path::PathBuf};
use yaml_rust2::Yaml;

struct Runner<'a> {
    site: &'a Site,
    tag: &'a str,
    workspace: PathBuf,
    /// How steps with an id came out.
    outcomes: BTreeMap<String, &'static str>,
    has_failed: bool,
}

impl Runner<'_> {
    /// What an expression is.
    fn value(&self, expression: &str) -> String {
        match expression {
            "github.ref_name" => self.tag.to_owned(),
            "github.workspace" => self.workspace.to_str().unwrap().to_owned(),
            "github.server_url" => "https://ci.example".to_owned(),
            "github.repository" => "acme/gateway".to_owned(),
            "github.run_id" => "7".to_owned(),
            "vars.MUSTER_URL" => self.site.remote.url.clone(),
            "secrets.MUSTER_TOKEN" => self.site.secret("token"),
            "secrets.MUSTER_CA" => self.site.secret("ca.pem.console"),
            "secrets.SIGNING_KEY" => self.site.secret("signing.key"),
            "secrets.SIGNING_CERTIFICATE" => self.site.secret("signing.pem"),
            other => {
                let id = other.strip_prefix("steps.").and_then(|rest| rest.strip_suffix(".outcome"));
                self.outcomes.get(id.unwrap()).copied().unwrap_or("skipped").to_owned()
            }
        }
    }

    /// A text with its expressions filled in.
    fn filled(&self, text: &str) -> String {
        let mut parts = text.split("${{");
        let mut filled = parts.next().unwrap().to_owned();
        for part in parts {
            let (expression, rest) = part.split_once("}}").unwrap();
            filled.push_str(&self.value(expression.trim()));
            filled.push_str(rest);
        }
        filled
    }

    /// Whether a step is done: without a condition, unless one before it has failed.
    fn is_due(&self, step: &Yaml) -> bool {
        let Some(condition) = step["if"].as_str() else { return !self.has_failed };
        assert!(condition.starts_with("always()"), "{condition}");
        condition.split(" && ").skip(1).all(|term| {
            let (left, right) = term.split_once(" != ").unwrap();
            self.value(left) != right.trim_matches('\'')
        })
    }

    fn env(&self, yaml: &Yaml) -> Vec<(String, String)> {
        pairs(yaml).into_iter().map(|(name, value)| (name, self.filled(&value))).collect()
    }

    /// Runs the job: what it said.
    async fn run(&mut self, file: &Yaml) -> String {
        let (mut said, general) = (String::new(), self.env(&file["env"]));
        for step in file["jobs"]["release"]["steps"].as_vec().unwrap() {
            let Some(script) = step["run"].as_str() else {
                assert!(step["uses"].as_str().unwrap().starts_with("actions/checkout@"));
                continue;
            };
            if !self.is_due(step) {
                continue;
            }
            let env = [general.clone(), self.env(&step["env"])].concat();
            let (is_good, more) = bash(&self.workspace, &["-e"], &self.filled(script), &env).await;
            said.push_str(&more);
            self.has_failed |= !is_good;
            if let Some(id) = step["id"].as_str() {
                self.outcomes.insert(id.to_owned(), if is_good { "success" } else { "failure" });
            }
        }
        said
    }
}

async fn pipeline(site: &Site, tag: &str, is_broken: bool) -> (bool, String) {
    let workspace = site.checkout(&format!("workspace-{tag}"), is_broken);
    let mut runner = Runner { site, tag, workspace, outcomes: BTreeMap::new(), has_failed: false };
    let said = runner.run(&document("github-actions.yml")).await;
    assert!(!runner.workspace.join(".secrets").exists(), "the secrets are taken away: {said}");
    (!runner.has_failed, said)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs cpio, make and openssl: cargo xtask test --only verifiers"]
async fn a_tag_comes_to_staging_and_one_whose_hardware_fails_does_not() {
    let site = Site::new().await;
    let (is_good, said) = pipeline(&site, "1.4.2", false).await;
    assert!(is_good && said.contains("is in staging now"), "{said}");
    assert_eq!(site.release("1.4.2").await, (Stage::Staging, CheckState::Passed), "{said}");
    let (is_good, said) = pipeline(&site, "1.4.3", true).await;
    assert!(!is_good, "{said}");
    assert_eq!(site.release("1.4.3").await, (Stage::Dev, CheckState::Failed), "{said}");
    site.remote.end().await;
}
