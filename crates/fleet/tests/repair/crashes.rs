//! Whatever devices report and people do, in whatever order, with deeds that are dropped at any of their steps and
//! processes that end and begin: a part is in one device at most, history and manifests tell one story, two devices that
//! report one part are a finding, and what was acknowledged is there.

use crate::world::{RULE, World, imei, mac, manager, support, user, worlds};
use domain::{
    approval::ApprovalState,
    device::{Device, Lifecycle, Trust},
    history::{Entry, Event, Standing},
    id::{ApprovalId, DeviceId, HistoryId},
    person::Role,
    repair::RepairState,
    report::{Attributes, UpdateMode},
    time::{HOUR, SECOND},
};
use fleet::{
    Actor, Error, Origin,
    claim::{ClaimForm, LabelState},
    custody::CustodyForm,
    repair::{Authorised, Difference, OpenForm, PartForm, RepairCase},
};
use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    pin::pin,
    task::Poll,
};
use store::testing;

/// How many devices a story is about, and how many parts of each kind: the devices' own, and as many that lie about.
const DEVICES: u64 = 3;
const PARTS: u64 = 6;

#[derive(Clone, Debug)]
enum Deed {
    Report {
        device: u64,
        board: u64,
        modem: Option<u64>,
    },
    Ask(u64),
    Open(u64),
    Draft {
        device: u64,
        slot: &'static str,
        part: Option<u64>,
    },
    /// Whatever is next at the desk: a repair that is opened, a part, its authorisation, its approval, its end.
    Mend {
        device: u64,
        slot: &'static str,
        part: u64,
    },
    Authorise(u64),
    Decide {
        device: u64,
        approve: bool,
    },
    Cancel(u64),
    Close(u64),
    ThisWasUs {
        device: u64,
        modem: u64,
    },
    ThisWasNot {
        device: u64,
        hold: bool,
    },
    Claim {
        device: u64,
        client: &'static str,
    },
    Hand {
        device: u64,
        verb: &'static str,
        to: &'static str,
    },
}

#[derive(Clone, Debug)]
enum Step {
    Do(Deed),
    /// Is dropped after so many polls, unless it is done by then.
    Begin(Deed, u32),
    /// The process ends, and another one goes on.
    Restart,
    Wait,
}

fn deed() -> impl Strategy<Value = Deed> {
    let (device, part) = (|| 0..DEVICES, || 0..PARTS);
    let client = || select(&["acme", "brno"][..]);
    prop_oneof![
        30 => (device(), select(&["board", "lte0"][..]), part())
            .prop_map(|(device, slot, part)| Deed::Mend { device, slot, part }),
        8 => (device(), part(), prop::option::weighted(0.9, part()))
            .prop_map(|(device, board, modem)| Deed::Report { device, board, modem }),
        6 => device().prop_map(|device| Deed::Report { device, board: device, modem: Some(device) }),
        1 => device().prop_map(Deed::Ask),
        1 => device().prop_map(Deed::Open),
        4 => (device(), select(&["board", "lte0", "lte1"][..]), prop::option::weighted(0.9, part()))
            .prop_map(|(device, slot, part)| Deed::Draft { device, slot, part }),
        2 => device().prop_map(Deed::Authorise),
        2 => (device(), prop::bool::weighted(0.8)).prop_map(|(device, approve)| Deed::Decide { device, approve }),
        1 => device().prop_map(Deed::Cancel),
        1 => device().prop_map(Deed::Close),
        2 => (device(), part()).prop_map(|(device, modem)| Deed::ThisWasUs { device, modem }),
        1 => (device(), any::<bool>()).prop_map(|(device, hold)| Deed::ThisWasNot { device, hold }),
        2 => (device(), client()).prop_map(|(device, client)| Deed::Claim { device, client }),
        3 => (device(), select(&["ship", "receive", "transfer", "return"][..]), client())
            .prop_map(|(device, verb, to)| Deed::Hand { device, verb, to }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => deed().prop_map(Step::Do),
        6 => (deed(), 1..24_u32).prop_map(|(deed, polls)| Step::Begin(deed, polls)),
        1 => Just(Step::Restart),
        1 => Just(Step::Wait),
    ]
}

/// What was acknowledged.
enum Said {
    Nothing,
    Kept(String, Attributes),
    Entry(String, HistoryId),
    Note(String, String),
    Opened(String),
    Typed(String, &'static str, String),
    Stands(String, RepairState),
    Asked(ApprovalId),
    Decided(ApprovalId, ApprovalState),
}

impl Said {
    const fn word(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Kept(..) => "reported",
            Self::Entry(..) => "handed on",
            Self::Note(..) => "noted",
            Self::Opened(..) => "opened",
            Self::Typed(..) => "typed",
            Self::Stands(_, RepairState::Cancelled) => "cancelled",
            Self::Stands(_, RepairState::Closed) => "closed",
            Self::Stands(..) => "written",
            Self::Asked(..) => "asked",
            Self::Decided(_, ApprovalState::Approved) => "approved",
            Self::Decided(..) => "rejected",
        }
    }
}

/// How often what was acknowledged, dropped or found, over all stories.
type Tally = RefCell<BTreeMap<&'static str, usize>>;

/// In how many rounds of stories everything must have happened.
const ROUNDS: u32 = 6;

const TOLD_OF: [&str; 10] =
    ["approved", "asked", "closed", "copied", "dropped", "handed on", "opened", "reported", "typed", "written"];

fn count(tally: &Tally, word: &'static str) {
    *tally.borrow_mut().entry(word).or_default() += 1;
}

/// What must be true from then on.
#[derive(Clone, Default)]
struct Told {
    /// What a device's attributes may be: what was acknowledged last, and what was begun since.
    attributes: HashMap<String, Vec<Attributes>>,
    entries: Vec<(String, HistoryId)>,
    notes: Vec<(String, String)>,
    repairs: BTreeMap<String, Option<RepairState>>,
    typed: HashMap<(String, &'static str), Vec<String>>,
    approvals: BTreeMap<String, (ApprovalId, Option<ApprovalState>)>,
    /// Each device's history as it was seen last: it only ever grows.
    histories: HashMap<String, Vec<Entry>>,
}

impl Told {
    fn maybe(&mut self, serial: String) -> &mut Vec<Attributes> {
        self.attributes.entry(serial).or_insert_with(|| vec![Attributes::default()])
    }

    fn hear(&mut self, said: Said) {
        match said {
            Said::Nothing => {}
            Said::Kept(serial, attributes) => drop(self.attributes.insert(serial, vec![attributes])),
            Said::Entry(serial, id) => self.entries.push((serial, id)),
            Said::Note(serial, text) => self.notes.push((serial, text)),
            Said::Opened(code) => drop(self.repairs.entry(code).or_default()),
            Said::Typed(code, slot, text) => drop(self.typed.insert((code, slot), vec![text])),
            Said::Stands(code, state) => drop(self.repairs.insert(code, Some(state))),
            Said::Asked(id) => drop(self.approvals.entry(id.to_string()).or_insert((id, None))),
            Said::Decided(id, state) => drop(self.approvals.insert(id.to_string(), (id, Some(state)))),
        }
    }
}

/// Some devices of a world, and what happened to them.
struct Story<'a> {
    world: &'a World,
    first: u64,
    ids: &'a [DeviceId],
    told: &'a RefCell<Told>,
    tally: &'a Tally,
}

impl Story<'_> {
    fn hear(&self, said: Said) {
        count(self.tally, said.word());
        self.told.borrow_mut().hear(said);
    }

    fn serial(&self, device: u64) -> String {
        format!("GW-{}", self.first + device)
    }

    fn modem(&self, n: u64) -> String {
        imei(self.first + n)
    }

    fn board(&self, n: u64) -> String {
        format!("MB-{}", self.first + n)
    }

    fn actor(&self, device: u64) -> Actor {
        let at = usize::try_from(device).unwrap();
        Actor::Device { id: self.ids[at], serial: self.serial(device), origin: Origin::default() }
    }

    async fn case(&self, device: u64) -> Option<RepairCase> {
        let all = self.world.fleet.repairs_of(&support(), &self.serial(device)).await.unwrap();
        all.into_iter().find(|case| case.state.is_open())
    }

    /// Does it. That it is refused is as good an outcome as that it is done; that it fails is not.
    async fn act(&self, deed: &Deed) -> Said {
        let next = match deed {
            Deed::Mend { device, slot, part } => self.next(*device, slot, *part).await,
            deed => deed.clone(),
        };
        match self.attempt(&next).await {
            Ok(said) => said,
            Err(Error::Conflict(_) | Error::Invalid { .. } | Error::TooMany { .. } | Error::NotFound { .. }) => {
                Said::Nothing
            }
            Err(error) => panic!("{}: {deed:?}: {error}", self.world.name()),
        }
    }

    async fn next(&self, device: u64, slot: &'static str, part: u64) -> Deed {
        let Some(case) = self.case(device).await else { return Deed::Open(device) };
        match case.state {
            RepairState::Reported => {
                let typed = self.world.fleet.repair(&support(), &case.code).await.unwrap().slots;
                let draft = Deed::Draft { device, slot, part: Some(part) };
                if typed.is_empty() { draft } else { Deed::Authorise(device) }
            }
            RepairState::Authorising => Deed::Decide { device, approve: true },
            _ => Deed::Close(device),
        }
    }

    async fn attempt(&self, deed: &Deed) -> Result<Said, Error> {
        let fleet = &self.world.fleet;
        Ok(match deed {
            Deed::Report { device, board, modem } => {
                self.world.wait(SECOND);
                let said = self.reported(*device, *board, *modem);
                // It may be kept from now on; that nothing else may is known once it is acknowledged.
                self.told.borrow_mut().maybe(self.serial(*device)).push(said.clone());
                match fleet.report(&self.actor(*device), said.clone(), UpdateMode::Replace).await {
                    Ok(()) => Said::Kept(self.serial(*device), said),
                    Err(refused) => {
                        self.told.borrow_mut().maybe(self.serial(*device)).pop();
                        return Err(refused);
                    }
                }
            }
            Deed::Ask(device) => {
                fleet.want_report(&support(), &self.serial(*device)).await?;
                Said::Nothing
            }
            Deed::Open(device) => {
                let form = OpenForm { symptom: "broken".into(), technician: String::new() };
                Said::Opened(fleet.open_repair(&support(), &self.serial(*device), &form).await?)
            }
            Deed::ThisWasUs { device, modem } => {
                let difference =
                    Difference { slot: "lte0".into(), reported: self.modem(*modem), ..Difference::default() };
                Said::Opened(fleet.repair_of_difference(&support(), &self.serial(*device), &difference).await?)
            }
            Deed::ThisWasNot { device, hold } => {
                let text = format!("not ours {}", uuid::Uuid::now_v7());
                fleet.deny_difference(&support(), &self.serial(*device), &text, *hold).await?;
                Said::Note(self.serial(*device), text)
            }
            Deed::Claim { device, client } => self.claim(*device, client).await?,
            Deed::Hand { device, verb, to } => {
                let form = CustodyForm { verb: (*verb).into(), custodian: (*to).into(), ..CustodyForm::default() };
                let serial = self.serial(*device);
                let entry = fleet.record_custody(&operator(), &serial, &form).await?;
                Said::Entry(serial, entry)
            }
            Deed::Draft { device, .. }
            | Deed::Mend { device, .. }
            | Deed::Authorise(device)
            | Deed::Decide { device, .. }
            | Deed::Cancel(device)
            | Deed::Close(device) => match self.case(*device).await {
                Some(case) => self.at_the_desk(deed, &case).await?,
                None => Said::Nothing,
            },
        })
    }

    async fn at_the_desk(&self, deed: &Deed, case: &RepairCase) -> Result<Said, Error> {
        let fleet = &self.world.fleet;
        let code = case.code.clone();
        Ok(match deed {
            Deed::Draft { slot, part, .. } => {
                let class = if *slot == "board" { "board" } else { "lte" };
                let number = |n: &u64| if class == "board" { self.board(*n) } else { self.modem(*n) };
                let typed = part.as_ref().map(number).unwrap_or_default();
                let form = PartForm {
                    slot: (*slot).into(),
                    part_in: typed.clone(),
                    class: class.into(),
                    ..PartForm::default()
                };
                let key = (code.clone(), *slot);
                self.told.borrow_mut().typed.entry(key).and_modify(|maybe| maybe.push(typed.clone()));
                fleet.draft_part(&support(), &code, &form).await?;
                Said::Typed(code, slot, typed)
            }
            Deed::Authorise(_) => match fleet.authorise_repair(&support(), &code, "broken").await? {
                Authorised::Done(state) => Said::Stands(code, state),
                Authorised::Waiting(approval) => Said::Asked(approval),
            },
            Deed::Decide { approve, .. } => match case.approval_id {
                Some(approval) => {
                    self.world.decide(&manager(), approval, *approve).await?;
                    let state = if *approve { ApprovalState::Approved } else { ApprovalState::Rejected };
                    Said::Decided(approval, state)
                }
                None => Said::Nothing,
            },
            Deed::Cancel(_) => {
                fleet.cancel_repair(&support(), &code, "no").await?;
                Said::Stands(code, RepairState::Cancelled)
            }
            _ => {
                fleet.close_repair(&manager(), &code, "seen").await?;
                Said::Stands(code, RepairState::Closed)
            }
        })
    }

    async fn claim(&self, device: u64, client: &str) -> Result<Said, Error> {
        let serial = self.serial(device);
        let labels = self.world.fleet.labels(&operator(), &format!("serial:{serial}"), "", 1).await?;
        let Some(LabelState::Code(code)) = labels.items.into_iter().next().map(|label| label.state) else {
            return Ok(Said::Nothing);
        };
        let (code, custodian) = (code.to_string(), client.to_owned());
        let form = ClaimForm { serial: serial.clone(), code, custodian, ..ClaimForm::default() };
        Ok(Said::Entry(serial, self.world.fleet.claim(&operator(), &form).await?.entry))
    }

    fn reported(&self, device: u64, board: u64, modem: Option<u64>) -> Attributes {
        let modem = modem.map(|n| ("hw.lte0.imei", self.modem(n)));
        let rest = [("hw.board", self.board(board)), ("hw.eth0.mac", mac(self.first + device))];
        Attributes::collect(rest.into_iter().chain(modem))
    }
}

fn operator() -> Actor {
    user(4, "ola", Role::Operator)
}

/// Goes on with something so many times, and then drops it as it stands. Whether it was done by then.
async fn dropped_after<T>(polls: u32, deed: impl Future<Output = T>) -> Option<T> {
    let (mut deed, mut left) = (pin!(deed), polls);
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        deed.as_mut().poll(context).map(Some)
    })
    .await
}

async fn live(world: &mut World, first: u64, ids: &[DeviceId], (steps, tally): (&[Step], &Tally)) {
    let told = RefCell::default();
    for step in steps {
        if matches!(step, Step::Restart) {
            world.restart().await;
        }
        let story = Story { world, first, ids, told: &told, tally };
        match step {
            Step::Do(deed) => story.hear(story.act(deed).await),
            Step::Begin(deed, polls) => {
                match dropped_after(*polls, story.act(deed)).await {
                    Some(said) => story.hear(said),
                    None => count(tally, "dropped"),
                }
                testing::until_at_rest(story.world.fleet.db()).await.unwrap();
                story.check().await;
            }
            Step::Wait => world.wait(2 * HOUR),
            Step::Restart => story.check().await,
        }
    }
    Story { world, first, ids, told: &told, tally }.check().await;
}

impl Story<'_> {
    async fn check(&self) {
        let mut places: HashMap<String, String> = HashMap::new();
        for device in 0..DEVICES {
            let serial = self.serial(device);
            self.world.agrees(&serial).await;
            for (slot, key) in self.world.parts(&serial).await {
                let here = format!("{serial}/{slot}");
                if let Some(there) = places.insert(key.clone(), here.clone()) {
                    panic!("{}: {key} is in {there} and in {here}", self.world.name());
                }
            }
            self.check_device(&serial).await;
        }
        for marked in self.world.fleet.tainted_parts(&support()).await.unwrap() {
            assert!(!places.contains_key(&marked.identifier_key), "{} is marked and fitted", marked.identifier);
        }
        self.check_told().await;
        self.check_copies().await;
    }

    /// A device's standing is what its history says, and its history only ever grows.
    async fn check_device(&self, serial: &str) {
        let record = self.world.fleet.device_record(&support(), serial).await.unwrap();
        let (device, standing) = (&record.device, Standing::after(&record.history));
        let by_history = (standing.lifecycle, standing.trust, standing.holder.map(|holder| holder.id));
        assert_eq!((device.lifecycle, device.trust, Some(device.custodian_id)), by_history, "{serial}");
        let open = self.world.fleet.repairs_of(&support(), serial).await.unwrap();
        let mut open: Vec<String> =
            open.into_iter().filter(|case| case.state.is_open()).map(|case| case.code).collect();
        open.sort();
        assert_eq!(standing.repairs, open, "{serial}");
        assert_eq!(device.lifecycle == Lifecycle::InRepair, open.len() == 1, "{serial}");
        let known = self.told.borrow_mut().histories.insert(serial.to_owned(), record.history.clone());
        for entry in known.unwrap_or_default() {
            assert!(record.history.contains(&entry), "{}: {serial} forgot {entry:?}", self.world.name());
        }
    }

    async fn check_told(&self) {
        let (told, fleet) = (self.told.borrow().clone(), &self.world.fleet);
        for (serial, maybe) in &told.attributes {
            let kept = fleet.device_report(&support(), serial).await.unwrap().attributes;
            assert!(maybe.contains(&kept), "{}: {serial} has {kept:?}", self.world.name());
        }
        let history = |serial: &String| told.histories.get(serial).map(Vec::as_slice).unwrap_or_default();
        for (serial, id) in &told.entries {
            assert!(history(serial).iter().any(|entry| entry.id == *id), "{serial} lost an entry");
        }
        for (serial, text) in &told.notes {
            let is_it = |entry: &Entry| matches!(&entry.event, Event::Note { text: kept } if kept.contains(text));
            assert!(history(serial).iter().any(is_it), "{serial} lost a note");
        }
        for (code, state) in &told.repairs {
            let now = fleet.repair(&support(), code).await.unwrap().case.state;
            let lasts = match state {
                None => true,
                Some(RepairState::Closed | RepairState::Cancelled) => Some(now) == *state,
                Some(_) => now.is_written() || now == RepairState::Closed,
            };
            assert!(lasts, "{}: {code} was {state:?} and is {now:?}", self.world.name());
        }
        for ((code, slot), maybe) in &told.typed {
            let slots = fleet.repair(&support(), code).await.unwrap().slots;
            let kept = slots.into_iter().find(|look| look.slot == *slot).and_then(|look| look.part_in);
            let kept = kept.map(|line| line.identifier).unwrap_or_default();
            assert!(maybe.contains(&kept), "{}: {code} {slot} has {kept}, not {maybe:?}", self.world.name());
        }
        for (id, state) in told.approvals.values() {
            let now = fleet.approval(&manager(), *id).await.unwrap().row.state;
            assert!(state.is_none_or(|state| state == now), "{}: {state:?} became {now:?}", self.world.name());
        }
    }

    /// Two devices that both say they have one part, and that both count, are a finding that names the part.
    async fn check_copies(&self) {
        let mut tx = self.world.fleet.db().begin().await.unwrap();
        let mut reported: HashMap<String, Vec<Device>> = HashMap::new();
        for device in 0..DEVICES {
            let found = store::device::by_serial(self.world.fleet.db(), &self.serial(device)).await.unwrap().unwrap();
            let kept = store::report::parts(&mut tx, found.id).await.unwrap();
            // What is kept beside identifiers counts parts that the batch doesn't list.
            for part in kept.into_iter().filter(|part| !part.identifier_key.starts_with("unlisted:")) {
                reported.entry(part.identifier_key).or_default().push(found.clone());
            }
        }
        for (key, devices) in reported {
            let counted =
                devices.iter().filter(|device| matches!(device.trust, Trust::Trusted | Trust::Suspect)).count();
            if counted > 1 {
                count(self.tally, "copied");
                let cause = format!("identifier_copied:A:{key}");
                let found = store::finding::by_cause(&mut tx, &cause).await.unwrap();
                let serials: Vec<&str> = devices.iter().map(|device| device.serial.as_str()).collect();
                assert!(found.is_some(), "{}: {serials:?} both report {key} and nothing says so", self.world.name());
            }
        }
    }
}

#[test]
fn whatever_crashes_a_part_is_in_one_device_and_nothing_told_is_lost() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for world in runtime.block_on(worlds()) {
        let (world, next, tally) = (RefCell::new(world), Cell::new(1_000), Tally::default());
        let never = || TOLD_OF.into_iter().filter(|word| !tally.borrow().contains_key(word)).collect::<Vec<&str>>();
        // Stories in which nothing happens would show nothing, so there are more of them until everything has happened.
        for _ in 0..ROUNDS {
            let config = Config { cases: 10, max_shrink_iters: 80, failure_persistence: None, ..Config::default() };
            let lived = TestRunner::new(config).run(&prop::collection::vec(step(), 20..50), |steps| {
                let first = next.replace(next.get() + PARTS);
                let mut world = world.borrow_mut();
                runtime.block_on(async {
                    let ids = world.make(first..first + DEVICES).await;
                    live(&mut world, first, &ids, (&steps, &tally)).await;
                });
                Ok(())
            });
            if let Err(failure) = lived {
                panic!("{}: {failure}", world.borrow().name());
            }
            if never().is_empty() {
                break;
            }
        }
        assert_eq!(never(), Vec::<&str>::new(), "{}: among {:?}", world.borrow().name(), tally.borrow());
        let world = world.into_inner();
        let audit = runtime.block_on(world.fleet.audit_verify(&RULE)).unwrap();
        assert_eq!(audit.break_at, None, "{}", world.name());
    }
}
