//! Every function, for every role, nobody, a station and a device.

use crate::world::{RULE, World, batch_form, device, request, station, user, worlds};
use domain::{
    id::{ApprovalId, AuthorityId, CertificateId, DeviceId, FindingId},
    person::{Permission, Role},
    report::{Attributes, UpdateMode},
};
use fleet::{
    Actor, Error, Origin, certificate::CertificateFilter, check_in::RulesForm, enrol::StationForm,
    finding::FindingFilter, setting::Settings,
};
use std::{future::Future, pin::Pin};
use uuid::Uuid;

type Deed<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;
type Case = (&'static str, Permission, for<'a> fn(&'a World, &'a Actor) -> Deed<'a>);

macro_rules! cases {
    ($($name:literal, $permission:ident => |$world:ident, $actor:ident| $call:expr;)+) => {
        const CASES: &[Case] = &[$((
            $name,
            Permission::$permission,
            |$world, $actor| Box::pin(async move { $call.await.map(drop) }),
        ),)+];
    };
}

fn none() -> Uuid {
    Uuid::from_u128(404)
}

cases! {
    "bring_root", AuthorityManage => |w, a| w.fleet.bring_root(a, "");
    "add_link", AuthorityManage => |w, a| w.fleet.add_link(a, AuthorityId(none()), "");
    "deliver_authority", AuthorityManage => |w, a| w.fleet.deliver_authority(a, AuthorityId(none()), "");
    "retire_authority", AuthorityManage => |w, a| w.fleet.retire_authority(a, AuthorityId(none()), "why");
    "delegation_package", AuthorityManage => |w, a| async move {
        let passphrase = pki::Passphrase::new("x".into()).map_err(Error::internal)?;
        w.fleet.delegation_package(a, AuthorityId(none()), &passphrase).await
    };
    "request_authority", AuthorityRequest => |w, a| async move { w.fleet.request_authority(a, &batch_form("Z")).await };
    "authority_request", AuthorityRead => |w, a| w.fleet.authority_request(a, AuthorityId(none()));
    "authorities", AuthorityRead => |w, a| w.fleet.authorities(a);
    "authority", AuthorityRead => |w, a| w.fleet.authority(a, "nothing");
    "approvals", ApprovalRead => |w, a| w.fleet.approvals(a, None);
    "approval", ApprovalRead => |w, a| w.fleet.approval(a, ApprovalId(none()));
    "approvals_waiting", ApprovalRead => |w, a| w.fleet.approvals_waiting(a);
    "preview_now", ApprovalRead => |w, a| w.fleet.preview_now(a, ApprovalId(none()));
    "decide", ApprovalDecide => |w, a| w.fleet.decide(a, ApprovalId(none()), "", true, "");
    "certificates", AuthorityRead => |w, a| async move { w.fleet.certificates(a, &CertificateFilter::default()).await };
    "certificates_of_device", AuthorityRead => |w, a| w.fleet.certificates_of_device(a, "GW-1");
    "certificate", AuthorityRead => |w, a| w.fleet.certificate(a, "nothing", "00");
    "expiry", AuthorityRead => |w, a| w.fleet.expiry(a, None);
    "stations", AuthorityRead => |w, a| w.fleet.stations(a, None);
    "findings", AuthorityRead => |w, a| w.fleet.findings(a, true);
    "finding_page", AuthorityRead => |w, a| async move { w.fleet.finding_page(a, &FindingFilter::default()).await };
    "approval_page", ApprovalRead => |w, a| w.fleet.approval_page(a, None, None, 0);
    "findings_of_batch", AuthorityRead => |w, a| w.fleet.findings_of_batch(a, none().into());
    "findings_open", AuthorityRead => |w, a| w.fleet.findings_open(a);
    "resolve_finding", CertificateRevoke => |w, a| w.fleet.resolve_finding(a, FindingId(none()), "why");
    "resolve_findings", CertificateRevoke => |w, a| async move {
        w.fleet.resolve_findings(a, &[FindingId(none())], "why").await
    };
    "finding", AuthorityRead => |w, a| w.fleet.finding(a, FindingId(none()));
    "finding_trend", AuthorityRead => |w, a| w.fleet.finding_trend(a, 30);
    "device_report", FleetRead => |w, a| w.fleet.device_report(a, "nothing");
    "want_report", NoteAdd => |w, a| w.fleet.want_report(a, "nothing");
    "model_rules", FleetRead => |w, a| w.fleet.model_rules(a, "nothing");
    "change_model_rules", SettingManage => |w, a| async move {
        w.fleet.change_model_rules(a, "nothing", &RulesForm::default()).await
    };
    "settings", AuthorityRead => |w, a| w.fleet.settings(a);
    "save_settings", SettingManage => |w, a| async move { w.fleet.save_settings(a, &Settings::default()).await };
    "enrol", CertificateEnrol => |w, a| async move { w.fleet.enrol(a, "Z", &request("GW-1").1, "GW-1").await };
    "enrol_many", CertificateEnrol => |w, a| w.fleet.enrol_many(a, "Z", Vec::new());
    "deliver_manifest", CertificateEnrol => |w, a| w.fleet.deliver_manifest(a, "Z", &[]);
    "reconcile", CertificateEnrol => |w, a| w.fleet.reconcile(a, "Z");
    "kit", CertificateEnrol => |w, a| w.fleet.kit(a, "nothing");
    "est_kit", CertificateEnrol => |w, a| w.fleet.est_kit(a, "nothing");
    "station", CertificateEnrol => |w, a| async move { w.fleet.station(a, &StationForm::default()).await };
    "set_device_token", CertificateEnrol => |w, a| w.fleet.set_device_token(a, "nothing");
    "remove_device_token", CertificateHold => |w, a| w.fleet.remove_device_token(a, "nothing");
    "device_token", FleetRead => |w, a| w.fleet.device_token(a, DeviceId(none()));
}

fn is_refused(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::Forbidden { .. } | Error::NotSignedIn))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_allows_whom_it_should_and_nobody_else() {
    for world in worlds().await {
        let gw = world.device("GW-1", 10).await;
        for (name, permission, call) in CASES {
            for (n, role) in (50..).zip(Role::ALL) {
                let actor = user(n, &format!("who-{role}"), *role);
                let refused = is_refused(&call(&world, &actor).await);
                assert_eq!(refused, !role.may(*permission), "{} {name} as {role}", world.name());
            }
            let nobody = Actor::Nobody { origin: Origin::default() };
            assert!(matches!(call(&world, &nobody).await, Err(Error::NotSignedIn)), "{name} as nobody");
            assert!(matches!(call(&world, &device(&gw)).await, Err(Error::Forbidden { .. })), "{name} as a device");
            let refused = is_refused(&call(&world, &station(1)).await);
            assert_eq!(refused, *permission != Permission::CertificateEnrol, "{name} as a station");
        }
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_devices_and_rules_may_nobody_else_may() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let csr = request("GW-1").1;
        let mut others: Vec<Actor> = (50..).zip(Role::ALL).map(|(n, role)| user(n, "who", *role)).collect();
        others.push(station(1));
        for actor in &others {
            assert!(matches!(fleet.renew(actor, CertificateId(none()), &csr).await, Err(Error::Forbidden { .. })));
            assert!(matches!(fleet.used(actor, CertificateId(none())).await, Err(Error::Forbidden { .. })));
            assert!(matches!(fleet.poll(actor).await, Err(Error::Forbidden { .. })));
            let reported = fleet.report(actor, Attributes::default(), UpdateMode::Merge).await;
            assert!(matches!(reported, Err(Error::Forbidden { .. })));
            let server = fleet.server_certificate(actor, &["a.example".to_owned()], &[]).await;
            assert!(matches!(server, Err(Error::Forbidden { .. })));
            assert!(matches!(fleet.issue_backdated(actor, "A", Vec::new()).await, Err(Error::Forbidden { .. })));
        }
        let nobody = Actor::Nobody { origin: Origin::default() };
        assert!(matches!(fleet.renew(&nobody, CertificateId(none()), &csr).await, Err(Error::NotSignedIn)));
        assert!(matches!(fleet.used(&nobody, CertificateId(none())).await, Err(Error::NotSignedIn)));
        assert!(matches!(fleet.server_certificate(&nobody, &[], &[]).await, Err(Error::NotSignedIn)));
        assert!(matches!(fleet.renew(&RULE, CertificateId(none()), &csr).await, Err(Error::Forbidden { .. })));
    }
}
