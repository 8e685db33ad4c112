//! Who may do what at the desk: every deed, for every role and for nobody; each refusal is in the audit log.

use crate::world::{World, user, worlds};
use domain::{
    audit::Outcome,
    id::{PhotoId, TaintId},
    person::Role,
};
use fleet::{
    Actor, Error, Origin,
    repair::{Difference, OpenForm, PartForm, RepairFilter, VoucherRequest},
};
use store::audit::AuditFilter;
use uuid::Uuid;

const DEEDS: usize = 14;
const READS: usize = 8;

async fn deed(world: &World, who: &Actor, n: usize) -> Result<(), Error> {
    let (fleet, code) = (&world.fleet, "R-2611-9999");
    let open = OpenForm { symptom: "x".into(), technician: String::new() };
    let slot = PartForm { slot: "lte0".into(), ..PartForm::default() };
    let difference = Difference { slot: "lte0".into(), ..Difference::default() };
    match n {
        0 => fleet.open_repair(who, "none", &open).await.map(drop),
        1 => fleet.draft_part(who, code, &slot).await.map(drop),
        2 => fleet.drop_part(who, code, "lte0").await,
        3 => fleet.note_repair(who, code, "seen").await,
        4 => fleet.add_repair_photo(who, code, "", b"\xff\xd8\xff\xe0".to_vec()).await.map(drop),
        5 => fleet.assign_repair(who, code, "").await.map(drop),
        6 => fleet.authorise_repair(who, code, "x").await.map(drop),
        7 => fleet.cancel_repair(who, code, "x").await,
        8 => fleet.close_repair(who, code, "x").await,
        9 => fleet.make_voucher(who, code, 0).await.map(drop),
        10 => fleet.scrap_part(who, TaintId(Uuid::nil()), "x").await.map(drop),
        11 => fleet.request_voucher(who, code, &VoucherRequest { hours: 1, reason: "x".into() }).await.map(drop),
        12 => fleet.repair_of_difference(who, "none", &difference).await.map(drop),
        _ => fleet.deny_difference(who, "none", "x", false).await,
    }
}

async fn read(world: &World, who: &Actor, n: usize) -> Result<(), Error> {
    let (fleet, code) = (&world.fleet, "R-2611-9999");
    let slot = PartForm { slot: "lte0".into(), ..PartForm::default() };
    match n {
        0 => fleet.repairs(who, &RepairFilter::default()).await.map(drop),
        1 => fleet.repairs_open(who).await.map(drop),
        2 => fleet.repairs_of(who, "GW-1").await.map(drop),
        3 => fleet.repair(who, code).await.map(drop),
        4 => fleet.check_draft(who, code, &slot).await.map(drop),
        5 => fleet.repair_photo(who, code, PhotoId(Uuid::nil())).await.map(drop),
        6 => fleet.tainted_parts(who).await.map(drop),
        _ => fleet.scanned(who, "GW-1").await.map(drop),
    }
}

async fn refusals(world: &World) -> usize {
    let log = world.fleet.audit_log(&crate::world::RULE, &AuditFilter::default(), 500).await.unwrap();
    log.iter().filter(|entry| entry.record.outcome == Outcome::Denied).count()
}

fn is_refused(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::Forbidden { .. } | Error::NotSignedIn))
}

#[tokio::test]
async fn each_role_does_what_it_may_and_nobody_does_anything() {
    for world in worlds().await {
        for (i, role) in Role::ALL.iter().enumerate() {
            let who = user(100 + i as u128, role.as_str(), *role);
            for n in 0..DEEDS {
                let before = refusals(&world).await;
                let refused = is_refused(&deed(&world, &who, n).await);
                let may = match n {
                    8 => matches!(role, Role::Operator | Role::Manager | Role::Admin),
                    _ => matches!(role, Role::Operator | Role::Support | Role::Admin),
                };
                assert_eq!(refused, !may, "{}: {role} deed {n}", world.name());
                assert_eq!(refusals(&world).await - before, usize::from(refused), "{role} deed {n}: audited");
            }
            for n in 0..READS {
                assert!(!is_refused(&read(&world, &who, n).await), "{role} read {n}");
            }
        }
        let nobody = Actor::Nobody { origin: Origin { address: "192.0.2.7".into() } };
        let device = Actor::Device { id: Uuid::nil().into(), serial: "GW-1".into(), origin: Origin::default() };
        for who in [nobody, device] {
            for n in 0..DEEDS {
                assert!(is_refused(&deed(&world, &who, n).await), "{who:?} deed {n}");
            }
            for n in 0..READS {
                assert!(is_refused(&read(&world, &who, n).await), "{who:?} read {n}");
            }
        }
    }
}
