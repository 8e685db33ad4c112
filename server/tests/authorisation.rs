//! Who may do what: every page, action, API route and command, for every role and for nobody.
//!
//! A route or a command that is added without a case makes this fail, and so does a case whose route is gone.

use crate::common::{Answer, TEST, World, form};
use axum::body::Body;
use clap::{Command, CommandFactory};
use domain::{
    id::UserId,
    person::{Permission as P, Role},
};
use http::{Request, StatusCode, header};
use std::collections::{BTreeMap, BTreeSet};
use store::device_list::Sort;

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Nothing,
    May(P),
}
use Needs::{May, Nothing};

/// Pages: where, and what it takes to see them.
const PAGES: &[(&str, Needs)] = &[
    ("/", May(P::FleetRead)),
    ("/account", May(P::AccountManage)),
    ("/account/factors", May(P::AccountManage)),
    ("/approvals", May(P::ApprovalRead)),
    ("/approvals/{id}", May(P::ApprovalRead)),
    ("/audit", May(P::AuditRead)),
    ("/authorities", May(P::AuthorityRead)),
    ("/authorities/new", May(P::AuthorityRequest)),
    ("/authorities/{slug}", May(P::AuthorityRead)),
    ("/authorities/{slug}/retire", May(P::AuthorityManage)),
    ("/batches", May(P::FleetRead)),
    ("/batches/{code}", May(P::FleetRead)),
    ("/batches/{code}/labels", May(P::CertificateEnrol)),
    ("/c/{serial}", May(P::FleetRead)),
    ("/batches/{code}/supply-chain", May(P::FleetRead)),
    ("/certificates", May(P::AuthorityRead)),
    ("/certificates/expiry", May(P::AuthorityRead)),
    ("/certificates/{authority}/{serial}", May(P::AuthorityRead)),
    ("/custodians", May(P::FleetRead)),
    ("/custodians/{code}", May(P::FleetRead)),
    ("/custodians/{code}/supply-chain", May(P::FleetRead)),
    ("/devices", May(P::FleetRead)),
    ("/devices/custody", May(P::CustodyRecord)),
    ("/devices/query-language", May(P::FleetRead)),
    ("/devices/retire", May(P::DeviceRetire)),
    ("/devices/{serial}", May(P::FleetRead)),
    ("/devices/{serial}/manifests/{version}", May(P::FleetRead)),
    ("/devices/{serial}/supply-chain", May(P::FleetRead)),
    ("/factories", May(P::FleetRead)),
    ("/findings", May(P::AuthorityRead)),
    ("/help", May(P::AccountManage)),
    ("/imports", May(P::ImportRead)),
    ("/imports/format", May(P::ImportRead)),
    ("/imports/{id}", May(P::ImportRead)),
    ("/labels", May(P::CertificateEnrol)),
    ("/link/{token}", Nothing),
    ("/models/{name}", May(P::FleetRead)),
    ("/repairs", May(P::FleetRead)),
    ("/repairs/new", May(P::RepairManage)),
    ("/repairs/{code}", May(P::FleetRead)),
    ("/parts", May(P::FleetRead)),
    ("/parts/{identifier}", May(P::FleetRead)),
    ("/releases", May(P::FleetRead)),
    ("/releases/new", May(P::ReleasePush)),
    ("/releases/{id}", May(P::FleetRead)),
    ("/revocations", May(P::AuthorityRead)),
    ("/revocations/new", May(P::CertificateRevoke)),
    ("/revocations/{id}", May(P::AuthorityRead)),
    ("/rollouts", May(P::FleetRead)),
    ("/rollouts/new", May(P::RolloutWrite)),
    ("/rollouts/{code}", May(P::FleetRead)),
    ("/rollouts/{code}/edit", May(P::RolloutWrite)),
    ("/rollouts/{code}/experiment", May(P::FleetRead)),
    ("/scan", May(P::FleetRead)),
    ("/set-up/{token}", Nothing),
    ("/settings", May(P::AuthorityRead)),
    ("/settings/kept", May(P::AuthorityRead)),
    ("/settings/nodes", May(P::PeopleRead)),
    ("/sign-in", Nothing),
    ("/sign-in/second", Nothing),
    ("/tokens", May(P::PeopleRead)),
    ("/users", May(P::PeopleRead)),
    ("/users/{id}", May(P::PeopleRead)),
    ("/webhooks", May(P::SettingManage)),
    ("/webhooks/{id}", May(P::SettingManage)),
];

/// Actions: where, what it takes, and what the form sends.
const ACTIONS: &[(&str, Needs, &str)] = &[
    ("GET /authorities/{slug}/certificate.pem", May(P::AuthorityRead), ""),
    ("GET /authorities/{slug}/request.pem", May(P::AuthorityRead), ""),
    ("GET /account/oidc", May(P::AccountManage), ""),
    ("GET /sign-in/oidc", Nothing, ""),
    ("GET /sign-in/oidc/callback", Nothing, ""),
    ("GET /sign-out/oidc", Nothing, ""),
    ("GET /batches/{code}/epcis.jsonld", May(P::FleetRead), ""),
    ("GET /batches/{code}/supply-chain.csv", May(P::FleetRead), ""),
    ("GET /certificates/{authority}/{serial}/certificate.pem", May(P::AuthorityRead), ""),
    ("GET /custodians/{code}/supply-chain.csv", May(P::FleetRead), ""),
    ("GET /devices/csv", May(P::FleetRead), ""),
    ("GET /devices/{serial}/epcis.jsonld", May(P::FleetRead), ""),
    ("GET /devices/{serial}/manifests/{version}/bom.cdx.json", May(P::FleetRead), ""),
    ("GET /devices/{serial}/supply-chain.csv", May(P::FleetRead), ""),
    ("GET /imports/template.csv", May(P::ImportRead), ""),
    ("GET /imports/template.jsonl", May(P::ImportRead), ""),
    ("GET /imports/{id}/problems.csv", May(P::ImportRead), ""),
    ("GET /imports/{id}/progress", May(P::ImportRead), ""),
    ("GET /r/{serial}", May(P::FleetRead), ""),
    ("GET /releases/{id}/sbom.json", May(P::FleetRead), ""),
    ("GET /rollouts/{code}/experiment.csv", May(P::FleetRead), ""),
    ("GET /repairs/{code}/check", May(P::FleetRead), ""),
    ("GET /repairs/{code}/photos/{id}", May(P::FleetRead), ""),
    ("GET /revocations/{id}/spread", May(P::AuthorityRead), ""),
    ("GET /scan/find", May(P::FleetRead), ""),
    ("GET /ui/complete", May(P::FleetRead), ""),
    ("GET /ui/events", May(P::FleetRead), ""),
    ("GET /ui/search", May(P::FleetRead), ""),
    ("POST /account/end-session", May(P::AccountManage), "id=none"),
    (
        "POST /account/password",
        May(P::AccountManage),
        "present=wrong&password=long+enough+by+far&again=long+enough+by+far",
    ),
    ("POST /account/factors", May(P::AccountManage), "name=Phone"),
    ("POST /account/factors/codes", May(P::AccountManage), ""),
    ("POST /account/factors/confirm", May(P::AccountManage), "code=000000"),
    ("POST /account/factors/{id}/remove", May(P::AccountManage), ""),
    ("POST /account/passkeys", May(P::AccountManage), "passkey_name=Key&credential=%7B%7D"),
    ("POST /account/passkeys/options", May(P::AccountManage), ""),
    ("POST /account/passkeys/prove", May(P::AccountManage), ""),
    ("POST /account/passkeys/{id}/rename", May(P::AccountManage), "name=Key"),
    ("POST /account/sign-out-everywhere", May(P::AccountManage), ""),
    ("POST /approvals/{id}", May(P::ApprovalDecide), "decision=reject&reason=x&hash=0"),
    ("POST /audit/verify", May(P::AuditRead), ""),
    ("POST /authorities", May(P::AuthorityRequest), "kind=batch&name=New&batch=none"),
    ("POST /authorities/roots", May(P::AuthorityManage), "pem=none"),
    ("POST /authorities/{slug}/certificate", May(P::AuthorityManage), "chain=none"),
    ("POST /authorities/{slug}/crl", May(P::AuthorityManage), "crl=none"),
    ("POST /authorities/{slug}/delegation.tar", May(P::AuthorityManage), "passphrase=long+enough+by+far"),
    ("POST /authorities/{slug}/links", May(P::AuthorityManage), "link=none"),
    ("POST /authorities/{slug}/manifest", May(P::CertificateEnrol), UPLOAD),
    ("POST /authorities/{slug}/retire", May(P::AuthorityManage), "reason=x&confirmation=none"),
    ("POST /batches/{code}/reconcile", May(P::CertificateEnrol), ""),
    ("POST /models/{name}/stages", May(P::SettingManage), "stage=staging&checks=hil"),
    ("POST /releases/new", May(P::ReleasePush), UPLOAD),
    ("POST /releases/{id}/promote", May(P::ReleasePromote), "to=staging"),
    ("POST /releases/{id}/withdraw", May(P::ReleaseWithdraw), "reason=x"),
    ("POST /c/{serial}", May(P::DeviceClaim), "code=0000000000&custodian=none"),
    ("POST /custodians", May(P::CustodianManage), "name=New+One&kind=client"),
    ("POST /custodians/{code}", May(P::CustodianManage), "name=New+Name"),
    ("POST /authorities/{slug}/code-signing", May(P::AuthorityRequest), "name=Builds&csr=x"),
    ("POST /custodians/{code}/stations", May(P::CertificateEnrol), "station=Line+1"),
    ("POST /density", Nothing, "density=compact"),
    ("POST /devices/columns", May(P::FleetRead), "columns=serial"),
    ("POST /devices/csv", May(P::FleetRead), ""),
    ("POST /devices/custody", May(P::CustodyRecord), "step=record&verb=ship&custodian=none"),
    (
        "POST /devices/{serial}/corrections",
        May(P::HistoryCorrect),
        "entry=01a20319-0000-7000-8000-000000000000&reason=x",
    ),
    ("POST /devices/{serial}/custody", May(P::CustodyRecord), "verb=ship&custodian=none"),
    ("POST /devices/{serial}/hold", May(P::CertificateHold), "note=seen"),
    ("POST /devices/{serial}/kit", May(P::CertificateEnrol), "key=here"),
    ("POST /devices/{serial}/label", May(P::CertificateEnrol), ""),
    ("POST /devices/{serial}/not-ours", May(P::RepairManage), "difference=lte0+is+not+ours"),
    ("POST /devices/{serial}/notes", May(P::NoteAdd), "text=seen"),
    ("POST /devices/{serial}/quarantine/release", May(P::CertificateHold), "note=seen"),
    ("POST /devices/{serial}/release", May(P::CertificateHold), "note=seen"),
    ("POST /devices/{serial}/report", May(P::NoteAdd), ""),
    ("POST /devices/{serial}/retire", May(P::DeviceRetire), "end=retire&end_reason="),
    ("POST /devices/retire", May(P::DeviceRetire), "end=retire&serial=none"),
    ("POST /labels", May(P::CertificateEnrol), "q=batch:none&layout=3x8&number=1&origin=https://m.example"),
    ("POST /devices/{serial}/token", May(P::CertificateEnrol), ""),
    ("POST /devices/{serial}/token/remove", May(P::CertificateHold), ""),
    ("POST /findings/resolve", May(P::CertificateRevoke), "reason=seen"),
    ("POST /findings/{id}/resolve", May(P::CertificateRevoke), "reason=seen"),
    ("POST /imports", May(P::ImportRun), UPLOAD),
    ("POST /imports/{id}/cancel", May(P::ImportRun), ""),
    ("POST /link/{token}", Nothing, ""),
    ("POST /models/{name}", May(P::SettingManage), "mapping=hw.cpu"),
    ("POST /repairs", May(P::RepairManage), "serial=none&symptom=x"),
    ("POST /repairs/{code}/authorise", May(P::RepairManage), "reason=x"),
    ("POST /repairs/{code}/cancel", May(P::RepairManage), "cancel_reason=x"),
    ("POST /repairs/{code}/close", May(P::RepairClose), "outcome=x"),
    ("POST /repairs/{code}/notes", May(P::RepairManage), "text=seen"),
    ("POST /repairs/{code}/parts", May(P::RepairManage), "slot=lte0"),
    ("POST /repairs/{code}/parts/drop", May(P::RepairManage), "slot=lte0"),
    ("POST /repairs/{code}/photos", May(P::RepairManage), UPLOAD),
    ("POST /repairs/{code}/scrap", May(P::RepairManage), "part=none&evidence=x"),
    ("POST /repairs/{code}/take", May(P::RepairManage), ""),
    ("POST /repairs/{code}/voucher", May(P::RepairManage), "hours=1"),
    ("POST /repairs/{code}/voucher/another", May(P::RepairManage), "hours=1&reason=x"),
    ("POST /revocations", May(P::CertificateHold), "scope=device&subject=none&act=hold&note=x"),
    ("POST /revocations/select", May(P::CertificateRevoke), "q=serial:none"),
    ("POST /rollouts/new", May(P::RolloutWrite), "name=x"),
    ("POST /rollouts/{code}/edit", May(P::RolloutWrite), "name=x"),
    ("POST /rollouts/{code}/submit", May(P::RolloutWrite), "version=1"),
    ("POST /rollouts/{code}/pause", May(P::RolloutRun), ""),
    ("POST /rollouts/{code}/resume", May(P::RolloutRun), ""),
    ("POST /rollouts/{code}/advance", May(P::RolloutRun), "wave=0"),
    ("POST /rollouts/{code}/let-go", May(P::RolloutRun), "factor=batch&level=A"),
    ("POST /rollouts/{code}/abort", May(P::RolloutRun), "how=keep"),
    ("POST /rollouts/{code}/experiment/winner", May(P::RolloutWrite), ""),
    ("POST /set-up/{token}", Nothing, "name=A&email=a@b.example&password=long+enough+by+far"),
    ("POST /settings", May(P::SettingManage), "domain=devices.example&revocation_limit=100"),
    ("POST /settings/kept", May(P::SettingManage), "feedback="),
    ("POST /settings/second-factor", May(P::SettingManage), "policy=optional"),
    ("POST /sign-in", Nothing, "email=nobody@b.example&password=wrong"),
    ("POST /sign-in/passkey", Nothing, "credential=%7B%7D"),
    ("POST /sign-in/passkey/options", Nothing, ""),
    ("POST /sign-in/second", Nothing, "code=000000"),
    ("POST /sign-in/second/passkey", Nothing, "credential=%7B%7D"),
    ("POST /sign-in/second/passkey/options", Nothing, ""),
    ("POST /sign-in/second/app", Nothing, "name=Phone"),
    ("POST /sign-in/second/confirm", Nothing, "code=000000"),
    ("POST /sign-out", Nothing, ""),
    ("POST /theme", Nothing, "theme=dark"),
    ("POST /tokens", May(P::TokenManage), "name=New&role=support&days=1"),
    ("POST /tokens/{id}/revoke", May(P::TokenManage), ""),
    ("POST /users", May(P::UserManage), "email=x@b.example&name=X&role=support"),
    ("POST /users/{id}", May(P::UserManage), "name=X&role=support&version=1"),
    ("POST /users/{id}/disable", May(P::UserManage), ""),
    ("POST /users/{id}/enable", May(P::UserManage), ""),
    ("POST /users/{id}/factors/reset", May(P::UserManage), ""),
    ("POST /users/{id}/link", May(P::UserManage), ""),
    ("POST /users/{id}/provider", May(P::UserManage), "subject=x"),
    ("POST /users/{id}/provider/remove", May(P::UserManage), ""),
    ("POST /views", May(P::ViewSave), "name=Mine&query=state:active"),
    ("POST /views/{id}/delete", May(P::ViewSave), ""),
    ("POST /webhooks", May(P::SettingManage), "url=https://hooks.example/x&kinds=finding.opened"),
    ("POST /webhooks/{id}/deliveries/{seq}/resend", May(P::SettingManage), ""),
    ("POST /webhooks/{id}/pause", May(P::SettingManage), ""),
    ("POST /webhooks/{id}/remove", May(P::SettingManage), ""),
    ("POST /webhooks/{id}/resume", May(P::SettingManage), ""),
    ("POST /webhooks/{id}/secret", May(P::SettingManage), "generation=0"),
    ("POST /webhooks/{id}/test", May(P::SettingManage), ""),
];

/// A form with a file in it.
const UPLOAD: &str = "--x\r\nContent-Disposition: form-data; name=\"mode\"\r\n\r\ntry\r\n\
    --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\
    Content-Type: text/csv\r\n\r\nserial\r\n--x--\r\n";

/// What leaves whoever sends it at the sign-in page when it succeeds.
const ENDS_THE_SESSION: &[&str] = &["POST /sign-out", "GET /sign-out/oidc", "POST /account/sign-out-everywhere"];

/// The API: where, what it takes, and what is sent.
const API: &[(&str, Needs, &str)] = &[
    ("GET /api/v1/approvals", May(P::ApprovalRead), ""),
    ("GET /api/v1/approvals/{id}", May(P::ApprovalRead), ""),
    ("GET /api/v1/authorities", May(P::AuthorityRead), ""),
    ("GET /api/v1/authorities/{slug}", May(P::AuthorityRead), ""),
    ("GET /api/v1/batches", May(P::FleetRead), ""),
    ("GET /api/v1/batches/{code}", May(P::FleetRead), ""),
    ("GET /api/v1/batches/{code}/epcis", May(P::FleetRead), ""),
    ("GET /api/v1/batches/{code}/supply-chain", May(P::FleetRead), ""),
    ("GET /api/v1/certificates", May(P::AuthorityRead), ""),
    ("GET /api/v1/certificates/{authority}/{serial}", May(P::AuthorityRead), ""),
    ("GET /api/v1/custodians", May(P::FleetRead), ""),
    ("GET /api/v1/custodians/{code}", May(P::FleetRead), ""),
    ("GET /api/v1/custodians/{code}/supply-chain", May(P::FleetRead), ""),
    ("GET /api/v1/devices", May(P::FleetRead), ""),
    ("GET /api/v1/devices/{serial}", May(P::FleetRead), ""),
    ("GET /api/v1/devices/{serial}/certificates", May(P::AuthorityRead), ""),
    ("GET /api/v1/devices/{serial}/components", May(P::FleetRead), ""),
    ("GET /api/v1/devices/{serial}/epcis", May(P::FleetRead), ""),
    ("GET /api/v1/devices/{serial}/history", May(P::FleetRead), ""),
    ("GET /api/v1/devices/{serial}/manifests", May(P::FleetRead), ""),
    ("GET /api/v1/devices/{serial}/manifests/{version}/hbom", May(P::FleetRead), ""),
    ("GET /api/v1/devices/{serial}/supply-chain", May(P::FleetRead), ""),
    ("GET /api/v1/findings", May(P::AuthorityRead), ""),
    ("GET /api/v1/imports", May(P::ImportRead), ""),
    ("GET /api/v1/imports/{id}", May(P::ImportRead), ""),
    ("GET /api/v1/imports/{id}/problems", May(P::ImportRead), ""),
    ("GET /api/v1/models", May(P::FleetRead), ""),
    ("GET /api/v1/nodes", May(P::PeopleRead), ""),
    ("GET /api/v1/parts", May(P::FleetRead), ""),
    ("GET /api/v1/openapi.json", Nothing, ""),
    ("GET /api/v1/repairs", May(P::FleetRead), ""),
    ("GET /api/v1/repairs/{code}", May(P::FleetRead), ""),
    ("GET /api/v1/rollouts", May(P::FleetRead), ""),
    ("GET /api/v1/rollouts/{code}", May(P::FleetRead), ""),
    ("GET /api/v1/rollouts/{code}/devices", May(P::FleetRead), ""),
    ("GET /api/v1/rollouts/{code}/cohorts", May(P::FleetRead), ""),
    ("GET /api/v1/rollouts/{code}/experiment", May(P::FleetRead), ""),
    ("GET /api/v1/rollouts/{code}/experiment.csv", May(P::FleetRead), ""),
    ("POST /api/v1/rollouts/{code}/winner", May(P::RolloutWrite), "{}"),
    ("POST /api/v1/rollout-previews", May(P::FleetRead), "{}"),
    ("PUT /api/v1/rollouts/{code}", May(P::RolloutWrite), r#"{"version":1,"plan":{}}"#),
    ("POST /api/v1/rollouts", May(P::RolloutWrite), "{}"),
    ("POST /api/v1/rollouts/{code}/submit", May(P::RolloutWrite), r#"{"version":1}"#),
    ("POST /api/v1/rollouts/{code}/pause", May(P::RolloutRun), "{}"),
    ("POST /api/v1/rollouts/{code}/resume", May(P::RolloutRun), "{}"),
    ("POST /api/v1/rollouts/{code}/advance", May(P::RolloutRun), r#"{"wave":0}"#),
    ("POST /api/v1/rollouts/{code}/let-go", May(P::RolloutRun), r#"{"factor":"batch","level":"A"}"#),
    ("POST /api/v1/rollouts/{code}/abort", May(P::RolloutRun), "{}"),
    ("GET /api/v1/revocations", May(P::AuthorityRead), ""),
    ("GET /api/v1/revocations/preview", May(P::CertificateRevoke), ""),
    ("GET /api/v1/revocations/{id}", May(P::AuthorityRead), ""),
    ("POST /api/v1/batches/{code}/deliveries", May(P::CertificateEnrol), r#"{"certificates":""}"#),
    ("POST /api/v1/batches/{code}/enrolments", May(P::CertificateEnrol), r#"{"devices":[]}"#),
    ("POST /api/v1/claims", May(P::DeviceClaim), r#"{"serial":"none","code":"0000000000","custodian":"none"}"#),
    ("POST /api/v1/labels", May(P::CertificateEnrol), r#"{"query":"","origin":"https://m.example"}"#),
    ("POST /api/v1/labels/csv", May(P::CertificateEnrol), r#"{"query":"","origin":"none"}"#),
    ("POST /api/v1/retirements", May(P::DeviceRetire), r#"{"verb":"retire","serials":["none"]}"#),
    ("POST /api/v1/devices/{serial}/certificates", May(P::CertificateEnrol), r#"{"csr":"none"}"#),
    ("POST /api/v1/devices/{serial}/custody", May(P::CustodyRecord), r#"{"verb":"ship","custodian":"none"}"#),
    ("POST /api/v1/devices/{serial}/notes", May(P::NoteAdd), r#"{"text":"seen"}"#),
    ("POST /api/v1/imports", May(P::ImportRun), ""),
    ("GET /api/v1/models/{name}/stages", May(P::FleetRead), ""),
    (
        "POST /api/v1/models/{name}/stages",
        May(P::SettingManage),
        r#"{"stage":"staging","checks":[],"soak_hours":0,"verified":0,"second_person":false}"#,
    ),
    ("GET /api/v1/releases", May(P::FleetRead), ""),
    ("GET /api/v1/releases/{id}", May(P::FleetRead), ""),
    ("GET /api/v1/releases/{id}/components", May(P::FleetRead), ""),
    ("GET /api/v1/releases/{id}/sbom", May(P::FleetRead), ""),
    (
        "POST /api/v1/releases",
        May(P::ReleasePush),
        r#"{"product":"x","version":"1","models":[],"upload":"01a20319-0000-7000-8000-000000000000"}"#,
    ),
    ("POST /api/v1/releases/{id}/checks", May(P::ReleasePush), r#"{"name":"hil","state":"passed"}"#),
    ("POST /api/v1/releases/{id}/promote", May(P::ReleasePromote), r#"{"to":"staging"}"#),
    ("POST /api/v1/releases/{id}/sbom", May(P::ReleasePush), "{}"),
    ("POST /api/v1/releases/{id}/withdraw", May(P::ReleaseWithdraw), r#"{"reason":"x"}"#),
    ("OPTIONS /api/v1/uploads", May(P::ReleasePush), ""),
    ("DELETE /api/v1/uploads/{id}", May(P::ReleasePush), ""),
    ("POST /api/v1/uploads", May(P::ReleasePush), ""),
    ("HEAD /api/v1/uploads/{id}", May(P::ReleasePush), ""),
    ("PATCH /api/v1/uploads/{id}", May(P::ReleasePush), ""),
    ("GET /api/v1/webhooks", May(P::SettingManage), ""),
    (
        "POST /api/v1/webhooks",
        May(P::SettingManage),
        r#"{"url":"https://hooks.example/x","events":["finding.opened"]}"#,
    ),
    ("GET /api/v1/webhooks/{id}", May(P::SettingManage), ""),
    ("DELETE /api/v1/webhooks/{id}", May(P::SettingManage), ""),
    ("POST /api/v1/webhooks/{id}/pause", May(P::SettingManage), ""),
    ("POST /api/v1/webhooks/{id}/resume", May(P::SettingManage), ""),
    ("POST /api/v1/webhooks/{id}/secret", May(P::SettingManage), r#"{"generation":0}"#),
    ("POST /api/v1/webhooks/{id}/test", May(P::SettingManage), ""),
    ("POST /api/v1/webhooks/{id}/deliveries/{seq}/resend", May(P::SettingManage), ""),
    ("POST /api/v1/repairs", May(P::RepairManage), r#"{"device":"none","symptom":"x"}"#),
    ("POST /api/v1/repairs/{code}/authorise", May(P::RepairManage), r#"{"reason":"x"}"#),
    ("POST /api/v1/repairs/{code}/cancel", May(P::RepairManage), r#"{"reason":"x"}"#),
    ("POST /api/v1/repairs/{code}/parts", May(P::RepairManage), r#"{"slot":"lte0"}"#),
    (
        "POST /api/v1/revocations",
        May(P::CertificateRevoke),
        r#"{"scope":"batch","subject":"none","act":"hold","note":"x"}"#,
    ),
];

/// What answers everybody, because it says nothing about the fleet: where, and with which status.
const OPEN: &[(&str, u16)] = &[
    ("/api", 200),
    ("/api/v1", 404),
    ("/api/v1/{*rest}", 404),
    ("/assets/{name}", 404),
    ("/healthz", 200),
    ("/readyz", 200),
    ("/robots.txt", 200),
];

/// Commands act as the machine itself: whoever may run them may read its database anyway. Here stands which of them
/// change something, and the audit entry that says so. The tests of commands run each of these.
pub const COMMANDS: &[(&str, Option<&str>)] = &[
    ("audit verify", None),
    ("authority bring-root", Some("authority.bring_root")),
    ("authority crl", Some("crl.publish")),
    ("authority delegate", Some("authority.delegate")),
    ("authority deliver", Some("authority.deliver")),
    ("authority link", Some("authority.link")),
    ("authority list", None),
    ("authority manifest", Some("certificate.deliver")),
    ("authority pem", None),
    ("authority request", Some("authority.request")),
    ("authority retire", Some("authority.retire")),
    ("authority settings", Some("setting.save")),
    ("backup", Some("backup.write")),
    ("ceremony crl", None),
    ("ceremony cross-sign", None),
    ("ceremony root", None),
    ("ceremony show", None),
    ("ceremony sign", None),
    ("config check", None),
    ("config template", None),
    ("demo", Some("seed.devices")),
    ("doctor", None),
    ("import", Some("import.start")),
    ("kit", Some("certificate.issue")),
    ("openapi", None),
    // These ask a console elsewhere, as whoever their token belongs to.
    ("release check", None),
    ("release list", None),
    ("release promote", None),
    ("release push", None),
    ("rollout abort", None),
    ("rollout advance", None),
    ("rollout list", None),
    ("rollout pause", None),
    ("rollout resume", None),
    ("rollout show", None),
    ("restore", Some("backup.restore")),
    ("restored", Some("backup.restore")),
    ("serve", Some("link.set_up")),
    // Its devices are let in by the certificates that a station has issued to them, as all others are.
    ("simulate", None),
    ("station add", Some("station.enrol")),
    ("station list", None),
    ("user add", Some("user.add")),
    ("user reset-factors", Some("factor.reset")),
];

/// A fleet with an account and a token for each role, and things to ask for.
struct Cast {
    world: World,
    users: BTreeMap<&'static str, UserId>,
    tokens: BTreeMap<&'static str, String>,
    serial: String,
    batch: String,
    custodian: String,
    spare_user: UserId,
}

impl Cast {
    async fn new() -> Self {
        let world = World::new().await;
        simulator::demo::fill(&world.fleet, simulator::demo::Plan::new(world.fleet.now(), 1, 24), |_| {})
            .await
            .unwrap();
        let (mut users, mut tokens) = (BTreeMap::new(), BTreeMap::new());
        for role in Role::ALL {
            users.insert(role.as_str(), world.person(*role, &format!("{role}@b.example")).await);
            tokens.insert(role.as_str(), world.token(*role).await);
        }
        let spare_user = world.person(Role::Support, "spare@b.example").await;
        let list = world.fleet.devices(&TEST, "", Sort::default(), None, 1).await.unwrap();
        let serial = list.page.devices[0].serial.clone();
        let batch = list.catalogue.batches[0].code.clone();
        let custodian = list.catalogue.custodians[0].code.clone();
        Self { world, users, tokens, serial, batch, custodian, spare_user }
    }

    /// The address of something that is there.
    fn address(&self, path: &str) -> String {
        let code = if path.contains("batches") { &self.batch } else { &self.custodian };
        let id = match path {
            path if path.contains("users") => self.spare_user.to_string(),
            _ => "01a20319-0000-7000-8000-000000000000".to_owned(),
        };
        path.replace("{code}", code)
            .replace("{serial}", &self.serial)
            .replace("{name}", "none")
            .replace("{id}", &id)
            .replace("{version}", "1")
            .replace("{seq}", "1")
            .replace("{token}", "not-a-token")
            .replace("{slug}", "none")
            .replace("{identifier}", "none")
            .replace("{authority}", "none")
            .replace("/preview", &format!("/preview?scope=batch&subject={}&act=revoke", self.batch))
    }

    async fn browser(&self, who: Option<Role>, method: &str, path: &str, body: &'static str) -> Answer {
        let address = self.address(path);
        let mut request = match (method, body) {
            ("GET", _) => Request::get(address),
            (_, UPLOAD) => Request::post(address).header(header::CONTENT_TYPE, "multipart/form-data; boundary=x"),
            _ => form(&address),
        };
        if let Some(role) = who {
            request = request.header(header::COOKIE, self.world.cookie(self.users[role.as_str()]).await);
        }
        self.world.head(request.body(Body::from(body)).unwrap()).await
    }

    async fn program(&self, who: Option<Role>, method: &str, path: &str, body: &'static str) -> Answer {
        let mut request = Request::builder().method(method).uri(self.address(path));
        request = request.header(header::CONTENT_TYPE, "application/json");
        if let Some(role) = who {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.tokens[role.as_str()]));
        }
        self.world.head(request.body(Body::from(body)).unwrap()).await
    }
}

fn everybody() -> impl Iterator<Item = Option<Role>> {
    Role::ALL.iter().copied().map(Some).chain([None])
}

fn may(who: Option<Role>, needs: Needs) -> bool {
    match (needs, who) {
        (Nothing, _) => true,
        (May(permission), Some(role)) => role.may(permission),
        (May(_), None) => false,
    }
}

/// Whether a browser's request was let through to what it asked for.
fn let_through(answer: &Answer) -> bool {
    let sent_away = answer.status == StatusCode::SEE_OTHER && answer.header("location").starts_with("/sign-in");
    assert!(!answer.status.is_server_error(), "{answer:?}");
    !sent_away && !matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

#[test]
fn every_page_has_a_case() {
    let pages: BTreeSet<String> =
        leptos_axum::generate_route_list(app::App).iter().map(|route| route.path().to_owned()).collect();
    let cases = PAGES.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(pages, cases, "left: the pages; right: the cases above");
}

/// The paths that the console's router really has. It doesn't list them, but it describes them to programmers.
pub fn paths_of(router: &axum::Router) -> BTreeSet<String> {
    let described = format!("{router:?}");
    let (_, mut rest) = described.split_once("paths: {").unwrap();
    let mut paths = BTreeSet::new();
    while let Some(entry) = rest.trim_start_matches(", ").strip_prefix("RouteId(") {
        let (_, quoted) = entry.split_once(": \"").unwrap();
        let (path, after) = quoted.split_once('"').unwrap();
        paths.insert(path.to_owned());
        rest = after;
    }
    paths
}

#[tokio::test]
async fn no_route_is_beside_the_tables() {
    let world = World::new().await;
    let path = |route: &str| route.split_once(' ').map_or(route, |(_, path)| path).to_owned();
    let mut cases: BTreeSet<String> = PAGES.iter().map(|(page, _)| (*page).to_owned()).collect();
    cases.extend(ACTIONS.iter().chain(API).map(|(route, ..)| path(route)));
    cases.extend(OPEN.iter().map(|(open, _)| (*open).to_owned()));
    assert_eq!(paths_of(world.router()), cases, "left: the router; right: the cases above");
}

#[tokio::test]
async fn what_is_open_says_nothing_and_takes_nothing() {
    let cast = Cast::new().await;
    for (path, status) in OPEN {
        let address = path.replace("{name}", "no-such-file.js").replace("{*rest}", "no/such/thing");
        for who in everybody() {
            let answer = cast.browser(who, "GET", &address, "").await;
            assert_eq!(answer.status.as_u16(), *status, "{path} for {who:?}");
            assert_eq!(answer.header("set-cookie"), "", "{path} for {who:?}");
            let posted = cast.browser(who, "POST", &address, "").await;
            assert!(matches!(posted.status.as_u16(), 404 | 405), "{path} for {who:?}: {}", posted.status);
        }
    }
}

#[test]
fn every_action_has_a_case() {
    let routes = app::actions::ROUTES.iter().flat_map(|routes| routes.iter());
    let routes: BTreeSet<String> = routes.map(|route| format!("{} {}", route.method, route.path)).collect();
    let cases = ACTIONS.iter().map(|(route, _, _)| (*route).to_owned()).collect();
    assert_eq!(routes, cases, "left: the actions; right: the cases above");
}

#[test]
fn every_api_route_has_a_case_that_says_what_the_table_says() {
    let routes = server::api::ROUTES.iter().map(|route| {
        let needs = route.permission.map_or("nothing", P::as_str);
        format!("{} {} needs {needs}", route.method, route.path)
    });
    let cases = API.iter().map(|(route, needs, _)| match needs {
        Nothing => format!("{route} needs nothing"),
        May(permission) => format!("{route} needs {permission}"),
    });
    assert_eq!(routes.collect::<BTreeSet<_>>(), cases.collect(), "left: the routes; right: the cases above");
}

#[test]
fn every_command_has_a_case() {
    fn leaves(command: &Command, before: &str, into: &mut BTreeSet<String>) {
        let name = format!("{before}{}", command.get_name());
        if !command.has_subcommands() {
            into.insert(name);
            return;
        }
        for child in command.get_subcommands() {
            leaves(child, &format!("{name} "), into);
        }
    }
    let mut commands = BTreeSet::new();
    for command in server::cli::Cli::command().get_subcommands() {
        leaves(command, "", &mut commands);
    }
    let cases = COMMANDS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(commands, cases, "left: the commands; right: the cases above");
}

#[tokio::test]
async fn pages_are_seen_by_those_who_may() {
    let cast = Cast::new().await;
    for (path, needs) in PAGES {
        for who in everybody() {
            let before = cast.world.refusals().await;
            let answer = cast.browser(who, "GET", path, "").await;
            let refused = cast.world.refusals().await - before;
            let expected = may(who, *needs);
            let public = *needs == Nothing;
            // The sign-in page leads those who are signed in on to the console.
            let passed = let_through(&answer) || public;
            assert_eq!(passed, expected, "{path} for {who:?}: {}", answer.status);
            if !expected && who.is_some() {
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} for {who:?}");
            }
            let audited = usize::from(!expected && who.is_some());
            assert_eq!(refused, audited, "{path} for {who:?}: refusals in the audit log");
        }
    }
}

#[tokio::test]
async fn actions_are_done_for_those_who_may_and_refusals_are_audited() {
    let cast = Cast::new().await;
    for (route, needs, body) in ACTIONS {
        let (method, path) = route.split_once(' ').unwrap();
        for who in everybody() {
            let before = cast.world.refusals().await;
            let answer = cast.browser(who, method, path, body).await;
            let refused = cast.world.refusals().await - before;
            let expected = may(who, *needs);
            let ended = ENDS_THE_SESSION.contains(route) && (who.is_some() || *needs == Nothing);
            let passed = let_through(&answer) || ended;
            assert_eq!(passed, expected, "{route} for {who:?}: {}", answer.status);
            let audited = usize::from(!expected && who.is_some());
            // Too many tries at the sign-in are refused and audited, too, whoever tries.
            if *needs != Nothing {
                assert_eq!(refused, audited, "{route} for {who:?}: refusals in the audit log");
            }
        }
    }
}

#[tokio::test]
async fn the_api_answers_those_who_may_and_refusals_are_audited() {
    let cast = Cast::new().await;
    // What a stranger tries is audited once in a while, so that nobody can fill the log.
    let mut tried = BTreeSet::new();
    for (route, needs, body) in API {
        let (method, path) = route.split_once(' ').unwrap();
        for who in everybody() {
            let before = cast.world.refusals().await;
            let answer = cast.program(who, method, path, body).await;
            let refused = cast.world.refusals().await - before;
            let expected = may(who, *needs);
            assert!(!answer.status.is_server_error(), "{route} for {who:?}: {answer:?}");
            match (expected, who) {
                (true, _) => assert!(!matches!(answer.status.as_u16(), 401 | 403), "{route} for {who:?}: {answer:?}"),
                (false, Some(_)) => assert_eq!(answer.status, StatusCode::FORBIDDEN, "{route} for {who:?}"),
                (false, None) => assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{route} for nobody"),
            }
            let mut is_new = || matches!(needs, May(permission) if tried.insert(permission.as_str()));
            let deed =
                matches!(method, "POST" | "PUT" | "PATCH" | "DELETE") && !expected && (who.is_some() || is_new());
            assert_eq!(refused, usize::from(deed), "{route} for {who:?}: refusals in the audit log");
        }
    }
}

#[tokio::test]
async fn a_session_is_no_key_to_the_api_and_a_token_none_to_the_pages() {
    let cast = Cast::new().await;
    let cookie = cast.world.cookie(cast.users["admin"]).await;
    let request = Request::get("/api/v1/devices").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    assert_eq!(cast.world.head(request).await.status, StatusCode::UNAUTHORIZED);
    let token = format!("Bearer {}", cast.tokens["admin"]);
    let request = Request::get("/users").header(header::AUTHORIZATION, token).body(Body::empty()).unwrap();
    assert_eq!(cast.world.head(request).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn whoever_was_disabled_or_demoted_is_so_at_once() {
    let cast = Cast::new().await;
    let cookie = cast.world.cookie(cast.spare_user).await;
    let ask = || Request::get("/custodians").header(header::COOKIE, &cookie).body(Body::empty()).unwrap();
    assert_eq!(cast.world.head(ask()).await.status, StatusCode::OK);
    cast.world.fleet.disable_user(&TEST, cast.spare_user).await.unwrap();
    assert_eq!(cast.world.head(ask()).await.status, StatusCode::SEE_OTHER);
}
