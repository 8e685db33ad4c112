//! The rules of a model.

use crate::world::{admin, but, honest, operator, worlds};
use domain::{authority::FindingKind as Kind, person::Permission, suspicion::Response};
use fleet::{AuditFilter, Error, check_in::RulesForm};

fn form(mapping: &str) -> RulesForm {
    RulesForm { mapping: mapping.to_owned(), note: "3".into(), ask: "50".into(), ..RulesForm::default() }
}

#[tokio::test]
async fn who_manages_settings_changes_them_and_it_is_audited() {
    for world in worlds().await {
        let usual = world.fleet.model_rules(&operator(), "GW-200").await.unwrap();
        assert!(usual.changed.is_none() && usual.mapping.contains("hw.cpu"));
        let refused = world.fleet.change_model_rules(&operator(), "GW-200", &form("")).await;
        assert!(matches!(refused, Err(Error::Forbidden { permission: Permission::SettingManage })));
        let wrong = world.fleet.change_model_rules(&admin(), "GW-200", &form("hw.cpu")).await;
        assert!(matches!(wrong, Err(Error::Invalid { fields }) if fields[0].field == "mapping"));
        let missing = world.fleet.change_model_rules(&admin(), "GW-900", &form("")).await;
        assert!(matches!(missing, Err(Error::NotFound { .. })));
        world.fleet.change_model_rules(&admin(), "GW-200", &form("id.cpu = cpu identifier\r\n")).await.unwrap();
        let changed = world.fleet.model_rules(&operator(), "GW-200").await.unwrap();
        assert_eq!(
            (changed.mapping.as_str(), changed.changed.map(|(_, by)| by)),
            ("id.cpu = cpu identifier\n", Some("eve@muster.example".to_owned()))
        );
        assert_eq!(
            (changed.policy.threshold(Response::Ask), changed.policy.threshold(Response::Hold)),
            (Some(50), None)
        );
        let log = world.fleet.audit_log(&admin(), &AuditFilter::default(), 10).await.unwrap();
        assert_eq!(log[0].record.action, "model.rules", "{}", world.name());
        assert_eq!(changed.model.poll_interval_s, 300, "{}: empty leaves it", world.name());
        for wrong in ["0", "86400", "often"] {
            let form = RulesForm { poll: wrong.into(), ..form("") };
            let refused = world.fleet.change_model_rules(&admin(), "GW-200", &form).await;
            assert!(matches!(refused, Err(Error::Invalid { fields }) if fields[0].field == "poll"), "{wrong}");
        }
        let often = RulesForm { poll: " 20 ".into(), ..form("") };
        world.fleet.change_model_rules(&admin(), "GW-200", &often).await.unwrap();
        let device = world.made("A", 9).await;
        assert_eq!(world.fleet.poll(&device).await.unwrap().sleep_s, 20, "{}: devices are told", world.name());
    }
}

#[tokio::test]
async fn what_a_device_reports_next_is_judged_by_them() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        world.reports(&device, but(1, "id.cpu", "4E1D000777")).await;
        assert!(world.open().await.is_empty(), "{}: it means nothing yet", world.name());
        world.fleet.change_model_rules(&admin(), "GW-200", &form("id.cpu = cpu identifier")).await.unwrap();
        // The same again is judged anew.
        world.reports(&device, but(1, "id.cpu", "4E1D000777")).await;
        assert_eq!(world.kinds().await, [Kind::HardwareMismatch], "{}", world.name());
        // Nobody is asked below the score that the policy names, and nothing is noted where it says never.
        let silent = RulesForm { note: String::new(), ask: "99".into(), ..form("id.lte0 = lte0 identifier") };
        world.fleet.change_model_rules(&admin(), "GW-200", &silent).await.unwrap();
        let other = world.made("A", 2).await;
        let mut said = honest(2);
        said.push(("id.lte0", crate::world::imei(999)));
        world.reports(&other, said).await;
        assert_eq!(world.kinds().await.len(), 1, "{}", world.name());
        assert_eq!(world.shown(&other).await.reasons.len(), 1, "{}: it is shown all the same", world.name());
    }
}
