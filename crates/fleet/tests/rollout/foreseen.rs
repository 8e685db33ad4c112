use crate::world::*;
use domain::{
    release::Stage,
    rollout::{Plan, RolloutState, Stop, WaveSize},
    time::{HOUR, MINUTE, SECOND},
};
use fleet::Error;
use std::{
    future::{Future, poll_fn},
    task::Poll,
};
use store::rollout::course::{self, CoursePoint};

#[tokio::test]
async fn what_was_foreseen_is_approved_with_the_plan_and_stays_as_it_was() {
    for world in worlds().await {
        let devices = world.devices(12).await;
        heard(&world, &devices).await;
        let release = world.release("2.0", Stage::Production).await;
        let design = world.fleet.design_rollout(&operator(), &plan(release)).await.unwrap();
        assert_eq!((design.foreseen.polling, design.foreseen.before), (12, (0, 0)), "{}", world.name());
        assert!(design.foreseen.course.bytes.total.mid > 0, "a release has files");
        // Five are in the first wave, and all of them are told before anybody is missed.
        let worst = design.foreseen.worst.last().unwrap();
        assert_eq!((worst.expected, worst.stop), (5, Stop::Halted(0)), "{}", world.name());

        let code = world.submitted(plan(release)).await;
        let kept = world.rollout(&code).await;
        let foreseen = kept.foreseen.clone().unwrap();
        let hash = kept.frozen.clone().unwrap().forecast.unwrap();
        assert_eq!(foreseen.worst, design.foreseen.worst, "{}", world.name());
        assert_eq!(foreseen.course, design.foreseen.course, "the same question has the same answer");
        let approval = world.fleet.rollout_approval(&operator(), &code).await.unwrap().unwrap();
        let shown = world.fleet.approval(&manager(), approval).await.unwrap().detail;
        assert_eq!(shown["frozen"]["forecast"], hash.as_str(), "it is among what is approved");

        // A forecast that somebody slips in is no forecast of this rollout.
        let mut tx = world.fleet.db().begin().await.unwrap();
        let better = serde_json::to_string(&foreseen).unwrap().replace("\"expected\":5", "\"expected\":0");
        course::put_forecast(&mut tx, kept.row.id, NOW, &better).await.unwrap();
        tx.commit().await.unwrap();
        let shown = world.rollout(&code).await;
        assert_eq!((shown.foreseen, shown.is_forecast_altered), (None, true), "{}", world.name());
        let approved = world.approve(&manager(), &code).await;
        let Err(Error::Conflict(why)) = approved else { panic!("{}: {approved:?}", world.name()) };
        assert!(why.contains("altered in the database"), "{why}");
        assert_eq!(world.state(&code).await, RolloutState::Submitted, "{}", world.name());

        // Whoever changes the plan has to submit it again, and it is foreseen anew.
        let version = world.rollout(&code).await.version;
        let smaller = Plan { name: "Smaller".to_owned(), ..plan(release) };
        world.fleet.edit_rollout(&operator(), &code, version, smaller).await.unwrap();
        let draft = world.rollout(&code).await;
        assert_eq!((draft.foreseen, draft.is_forecast_altered), (None, false), "nothing is frozen of a draft");
        let version = world.rollout(&code).await.version;
        world.fleet.submit_rollout(&operator(), &code, version).await.unwrap();
        assert!(world.rollout(&code).await.foreseen.is_some(), "{}", world.name());
        world.approve(&manager(), &code).await.unwrap();
        assert_eq!(world.state(&code).await, RolloutState::Running, "{}", world.name());
    }
}

#[tokio::test]
async fn rollouts_before_are_what_the_next_one_is_foreseen_by() {
    for world in worlds().await {
        let devices = world.devices(12).await;
        heard(&world, &devices).await;
        let first = world.release("2.0", Stage::Production).await;
        let whole = |release| Plan { waves: vec![wave(WaveSize::Rest)], ..plan(release) };
        let code = world.started(whole(first)).await;
        let told = world.offered_of(&devices).await;
        assert_eq!(told.len(), 12, "{}", world.name());
        for (device, id) in &told[..9] {
            world.installs(device, *id, "2.0").await;
        }
        world.look().await;
        let next = world.release("3.0", Stage::Production).await;
        heard(&world, &devices).await;
        let design = world.fleet.design_rollout(&operator(), &whole(next)).await.unwrap();
        // Nine are verified, and the others were missed meanwhile.
        assert_eq!(design.foreseen.before, (1, 12), "{}: {:?}", world.name(), world.rollout(&code).await.wave_views);
    }
}

#[tokio::test]
async fn how_a_rollout_goes_is_noted_once_by_any_number_of_nodes_and_thinned() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(Plan { waves: vec![wave(WaveSize::Rest)], ..plan(release) }).await;
        let id = world.rollout(&code).await.row.id;
        let begun = world.rollout(&code).await.started_at.unwrap();
        assert_eq!(world.rollout(&code).await.went, [CoursePoint::default()], "{}", world.name());
        let told = world.offered_of(&devices[..2]).await;
        world.installs(&told[0].0, told[0].1, "2.0").await;
        world.look().await;
        let other = world.another().await;
        other.look_after_rollouts().await.unwrap();
        let went = world.rollout(&code).await.went;
        let last = *went.last().unwrap();
        let minutes = u64::try_from((world.fleet.now().0 - begun.0) / MINUTE).unwrap();
        assert_eq!(
            last,
            CoursePoint { minute: minutes, told: 2, verified: 1, failed: 0, silent: 0 },
            "{}",
            world.name()
        );
        // Of a day there are no more points than fit on a page.
        for _ in 0..24 {
            for _ in 0..4 {
                world.wait(HOUR / 4 + SECOND);
                world.look().await;
            }
        }
        let went = world.rollout(&code).await.went;
        assert!(went.len() > 20 && went.len() <= 241, "{}: {}", world.name(), went.len());
        assert!(went.iter().all(|point| point.minute % 8 == 0), "older points lie where newer ones do: {went:?}");
        assert_eq!(course::of(world.fleet.db(), id).await.unwrap(), went);
        // By a clock that was put back to before its start nothing is noted.
        world.wait(-48 * HOUR);
        world.look().await;
        assert_eq!(course::of(world.fleet.db(), id).await.unwrap(), went, "{}", world.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_plans_are_looked_at_at_once_and_the_others_are_told_to_come_again() {
    for world in worlds().await {
        let devices = world.devices(12).await;
        heard(&world, &devices).await;
        let release = world.release("2.0", Stage::Production).await;
        // Each of them another plan, so that none is known by the one before.
        let other = |n: u32| Plan { soak_minutes: 10 + n, ..plan(release) };
        let (operator, plans) = (operator(), [other(0), other(1), other(2)]);
        // Two have begun and get no further: what they ask the database is not answered at once, and nobody asks them again.
        let mut held: Vec<_> =
            plans[..2].iter().map(|plan| Box::pin(world.fleet.design_rollout(&operator, plan))).collect();
        for looked_at in &mut held {
            let is_begun = poll_fn(|context| Poll::Ready(looked_at.as_mut().poll(context).is_pending())).await;
            assert!(is_begun, "{}", world.name());
        }
        let third = world.fleet.design_rollout(&operator, &plans[2]).await.map(drop);
        let Err(Error::Away(why)) = third else { panic!("{}: {third:?}", world.name()) };
        assert!(why.starts_with("Busy"), "{}: {why}", world.name());
        // Those that are gone make room for the next. Both: one that nobody asks again keeps its connection, or its place in
        // the row of those who wait for one.
        drop(held);
        world.fleet.design_rollout(&operator, &plans[2]).await.unwrap();
    }
}
