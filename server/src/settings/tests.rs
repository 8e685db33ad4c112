#![expect(clippy::unwrap_used, reason = "a test that can't write to its temporary folder should fail")]

use super::*;
use crate::cli::Serve;
use std::fs;

/// What comes of a file and what is typed beside it.
fn with(content: &str, typed: &[&str]) -> Result<Cli, Unread> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("muster.toml");
    fs::write(&file, content).unwrap();
    read_beside(typed.iter().map(OsString::from), &file)
}

fn served(content: &str, typed: &[&str]) -> Serve {
    let cli::Command::Serve(serve) = with(content, &[&["muster", "serve"], typed].concat()).unwrap().command else {
        unreachable!("serve was typed")
    };
    *serve
}

/// What is wrong with a file, without its name.
fn wrong(content: &str) -> Vec<String> {
    let Err(Unread::File(problems)) = with(content, &["muster", "serve"]) else {
        unreachable!("it is wrong: {content}")
    };
    let told = |problem: &Problem| match problem.place {
        Some((line, column)) => format!("{line}:{column}: {}", problem.told),
        None => problem.told.clone(),
    };
    problems.iter().map(told).collect()
}

#[test]
fn the_file_comes_after_what_is_typed_and_before_the_default() {
    let content = "console = \"[::]:9443\"\ngateway = \"[::]:9444\"\ntrusted_proxy = [\"10.0.0.0/8\", \"192.0.2.1\"]\n";
    let serve = served(content, &["--gateway", "127.0.0.1:1"]);
    let listen = &serve.listen;
    let all = [listen.console, listen.gateway, listen.pki].map(|address| address.to_string());
    assert_eq!(all, ["[::]:9443", "127.0.0.1:1", "127.0.0.1:8080"]);
    assert_eq!(listen.trusted_proxy.len(), 2);
}

#[test]
fn an_option_that_excludes_another_is_not_joined_by_the_file_s() {
    let content = "database-url = \"postgres://a@b/c\"\n";
    let serve = served(content, &["--database-url-file", "/etc/url"]);
    assert_eq!((serve.place.database_url, serve.place.database_url_file), (None, Some("/etc/url".into())));
    // What belongs together may stand in two places.
    let serve = served("tls-key = \"k\"\n", &["--tls-cert", "c"]);
    assert_eq!(serve.listen.tls_key, Some("k".into()));
    assert!(matches!(with("tls-cert = \"c\"\n", &["muster", "serve"]), Err(Unread::Typed(_))));
}

#[test]
fn a_command_takes_of_the_file_what_it_has() {
    let content = "console = \"[::]:9443\"\ndata = \"/srv/muster\"\nurl = \"https://fleet.example\"\n";
    let typed = ["muster", "user", "add", "a@b.example", "--role", "admin"];
    let cli::Command::User(cli::User::Add(user)) = with(content, &typed).unwrap().command else {
        unreachable!("typed")
    };
    assert_eq!((user.place.data, user.url.as_deref()), (Some("/srv/muster".into()), Some("https://fleet.example")));
    let typed = ["muster", "rollout", "list", "--token-file", "t"];
    assert!(with("", &typed).is_err(), "it needs an address");
    let cli::Command::Rollout(cli::Rollout::List(list)) = with(content, &typed).unwrap().command else {
        unreachable!("typed")
    };
    assert_eq!(list.remote.url, "https://fleet.example", "one that is required may be the file's");
}

#[test]
fn the_demo_and_the_ceremony_take_nothing_that_was_not_named() {
    let cli::Command::Demo(demo) = with("data = \"/srv/muster\"\n", &["muster", "demo"]).unwrap().command else {
        unreachable!("typed")
    };
    assert_eq!(demo.place.data, None);
    assert!(with("nonsense", &["muster", "demo"]).is_ok());
    assert!(with("nonsense", &["muster", "ceremony", "show", "a.pem"]).is_ok());
    assert!(with("nonsense", &["muster", "openapi"]).is_ok());
}

#[test]
fn a_named_file_must_be_there_and_an_empty_name_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let default = folder.path().join("default.toml");
    fs::write(&default, "nonsense").unwrap();
    let read = |typed: &[&str]| read_beside(typed.iter().map(OsString::from), &default);
    let Err(Unread::File(problems)) = read(&["muster", "serve", "--config", "/nowhere.toml"]) else {
        unreachable!("there is none")
    };
    assert!(
        problems[0].to_string().starts_with("/nowhere.toml: the file of settings can't be read"),
        "{}",
        problems[0]
    );
    assert!(read(&["muster", "serve", "--config="]).is_ok());
    assert!(read(&["muster", "serve"]).is_err());
    fs::remove_file(&default).unwrap();
    assert!(read(&["muster", "serve"]).is_ok(), "the default one need not be there");
}

#[test]
fn whatever_is_wrong_with_a_file_is_told_at_once_with_its_place() {
    let told = wrong("# Muster\nconsle = \"127.0.0.1:1\"\n  gateway = \"nowhere\"\npki = 8080\n[console]\nport = 1\n");
    assert_eq!(
        told,
        [
            "2:1: there is no setting consle; did you mean console?",
            "3:13: gateway wants an ADDRESS:PORT, and “nowhere” is none: invalid socket address syntax",
            "4:7: pki wants a string in quotation marks, and this is of type integer",
            "5:2: console wants a string in quotation marks, and this is of type table",
        ]
    );
    assert_eq!(wrong("tls_cert = \"a\"\ntls-cert = \"b\"\n"), ["2:1: tls-cert stands here for the second time"]);
    assert_eq!(wrong("[listen]\nconsole = \"a\"\n"), ["1:2: there is no table [listen]; settings stand in no tables"]);
    let told = wrong("devices = 5\nseed = \"x\"\nhost = \"\"\nzzz = 1\n");
    assert!(told[0].starts_with("1:11: devices wants a NUMBER, and “5” is none: 5 is not in 12..=2000000"), "{told:?}");
    assert_eq!(told[1], "2:8: seed wants a number, and this is of type string");
    assert_eq!(told[2], "3:8: host is empty; leave it out, or write a NAME");
    assert_eq!(told[3], "4:1: there is no setting zzz; all of them: muster config template");
    let told = wrong("host = \"a\nconsole = 1\n");
    assert!(told[0].starts_with("1:"), "{told:?}");
}

#[test]
fn a_wrong_secret_is_not_shown() {
    assert_eq!(masked("postgres://muster:s3cret@db.example/fleet"), "postgres://muster:…@db.example/fleet");
    assert_eq!(masked("postgres://muster@db.example/fleet"), "postgres://muster@db.example/fleet");
    assert_eq!(masked("postgres://db/fleet?password=s3cret"), "postgres://db/fleet?…");
    assert_eq!(masked("s3cret"), "…");
    assert!(has_password("postgres://a:b@c/d") && has_password("postgres://c/d?user=a&password=b"));
    assert!(!has_password("postgres://a@c/d?sslmode=require"));
}

#[test]
fn a_check_says_where_each_setting_comes_from() {
    let content = "\n# The console\nconsole = \"[::]:9443\"\ndatabase-url = \"postgres://m:s3cret@db/m\"\n";
    let typed = ["muster", "config", "check", "--host", "fleet.example"];
    let cli::Command::Config(cli::Config::Check(check)) = with(content, &typed).unwrap().command else {
        unreachable!("typed")
    };
    let of = |key: &str| {
        let one = check.report.settings.iter().find(|one| one.setting.key == key).unwrap();
        (one.shown(), one.origin.clone())
    };
    assert_eq!(of("console"), ("[::]:9443".to_owned(), Origin::File(3)));
    assert_eq!(of("database-url"), ("postgres://m:…@db/m".to_owned(), Origin::File(4)));
    assert_eq!(of("host"), ("fleet.example".to_owned(), Origin::Typed));
    assert_eq!(of("pki"), ("127.0.0.1:8080".to_owned(), Origin::Default));
    assert_eq!(of("tls-cert"), (String::new(), Origin::Default));
}

/// Whoever adds an option has the file by: `muster config template > deploy/muster.toml`.
#[test]
fn the_file_that_is_shipped_has_every_setting() {
    let shipped = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/muster.toml")).unwrap();
    assert_eq!(shipped, format!("{}\n", template().trim_end()), "muster config template > deploy/muster.toml");
    let values: Vec<_> = shipped.lines().filter_map(|line| line.strip_prefix('#')).collect();
    let values = values.into_iter().filter(|line| !line.starts_with([' ', '#']) && !line.is_empty());
    let table: toml::Table = values.collect::<Vec<_>>().join("\n").parse().unwrap();
    let mut keys: Vec<String> = all(&command()).into_iter().map(|setting| setting.key).collect();
    keys.sort_unstable();
    assert_eq!(table.keys().cloned().collect::<Vec<_>>(), keys);
    assert!(keys.len() > 20, "{keys:?}");
}

/// A key means one thing, whichever command reads it; and a command's name stands before all options.
#[test]
fn settings_of_one_name_are_the_same_and_only_last_commands_have_options() {
    let command = command();
    for (name, leaf) in known::leaves(&command) {
        for setting in known::of(leaf) {
            let same = all(&command).into_iter().find(|other| other.key == setting.key).unwrap();
            assert_eq!((same.env, same.kind, same.id), (setting.env, setting.kind, setting.id), "{name}");
        }
    }
    let mut above = vec![&command];
    while let Some(command) = above.pop() {
        if command.has_subcommands() {
            let own = command.get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str()));
            assert_eq!(own.count(), 0, "{command}");
            above.extend(command.get_subcommands());
        }
    }
}
