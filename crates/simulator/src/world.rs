//! Who there is and what is made: factories, carriers, stocks, clients, models, batches.

use crate::chance::Chance;
use domain::{
    batch::{Batch, Model},
    custody::{Custodian, CustodianKind, slug},
    id::{BatchId, CustodianId, ModelId},
    time::{DAY, Timestamp},
};

/// Everything that devices pass through.
#[derive(Debug)]
pub struct World {
    /// The present: the newest thing that can have happened.
    pub now: Timestamp,
    /// All custodians.
    pub custodians: Vec<Custodian>,
    /// All models.
    pub models: Vec<Model>,
    /// All batches with the hardware revision they were made in, oldest first.
    pub batches: Vec<(Batch, &'static str)>,
    pub(crate) chance: Chance,
}

/// How long ago the oldest batch was begun.
const HISTORY: i64 = 730 * DAY;

const FACTORIES: &[(&str, &str, &str)] =
    &[("Shenzhen-2", "CN", "Shenzhen"), ("Brno-1", "CZ", "Brno"), ("Penang-3", "MY", "George Town")];
const CARRIERS: &[(&str, &str, &str)] = &[("Kestrel Freight", "HK", "Hong Kong"), ("Lodestar Cargo", "DE", "Hamburg")];
const STOCKS: &[(&str, &str, &str)] = &[("Venlo stock", "NL", "Venlo"), ("Savannah stock", "US", "Savannah")];
const REPAIRERS: &[(&str, &str, &str)] =
    &[("Venlo repair desk", "NL", "Venlo"), ("Austin repair desk", "US", "Austin")];
const CLIENTS: &[(&str, &str, &str)] = &[
    ("Acme Logistics", "NL", "Rotterdam"),
    ("Nordlys Cold Chain", "DK", "Aarhus"),
    ("Brinkman Water", "NL", "Zwolle"),
    ("Halyard Ports", "GB", "Felixstowe"),
    ("Obermayr Anlagenbau", "AT", "Linz"),
    ("Cascadia Rail", "US", "Tacoma"),
    ("Vistula Energia", "PL", "Gdańsk"),
    ("Alto Frio", "PT", "Setúbal"),
    ("Meridian Elevators", "FR", "Lyon"),
    ("Kuusi Forest", "FI", "Oulu"),
    ("Sólheimar Geothermal", "IS", "Selfoss"),
    ("Tamar Irrigation", "IL", "Haifa"),
    ("Brightwater Utilities", "GB", "Bristol"),
    ("Stadtwerke Ilmenau", "DE", "Ilmenau"),
    ("Ferrovie Adriatiche", "IT", "Bari"),
    ("Hexham Dairies", "GB", "Hexham"),
    ("Lindqvist Mining", "SE", "Kiruna"),
    ("Costa Verde Hotels", "ES", "Gijón"),
    ("Prairie Grain Co-op", "CA", "Regina"),
    ("Zephyr Wind", "DK", "Esbjerg"),
    ("Rhône Cement", "FR", "Valence"),
    ("Pannonia Foods", "HU", "Szeged"),
    ("Tidewater Aquaculture", "NO", "Bodø"),
    ("Sable Parking", "BE", "Ghent"),
    ("Ironbridge Museums", "GB", "Telford"),
];

/// Batches: code's letter, model, revision, factory. Twelve, two months apart.
const BATCHES: &[(&str, usize, &str, usize)] = &[
    ("A", 0, "A", 0),
    ("A", 1, "A", 1),
    ("A", 0, "A", 0),
    ("B", 0, "B", 0),
    ("A", 1, "A", 2),
    ("A", 0, "B", 1),
    ("A", 1, "B", 2),
    ("A", 0, "B", 0),
    ("B", 0, "C", 0),
    ("A", 1, "B", 1),
    ("A", 0, "C", 0),
    ("A", 1, "C", 2),
];

impl World {
    /// The world of a seed, with `now` as its present, where each batch may hold `per_batch` devices and a reserve.
    #[must_use]
    pub fn new(seed: u64, now: Timestamp, per_batch: i64) -> Self {
        let mut chance = Chance::new(seed);
        let start = now.plus(-HISTORY);
        let groups = [
            (CustodianKind::Factory, FACTORIES),
            (CustodianKind::Distributor, CARRIERS),
            (CustodianKind::Distributor, STOCKS),
            (CustodianKind::RepairCentre, REPAIRERS),
            (CustodianKind::Client, CLIENTS),
        ];
        let mut custodians = Vec::new();
        for (kind, group) in groups {
            for (name, country, city) in group {
                let n = custodians.len();
                custodians.push(Custodian {
                    id: CustodianId(chance.id(start)),
                    code: slug(name),
                    name: (*name).to_owned(),
                    kind,
                    country: (*country).to_owned(),
                    city: (*city).to_owned(),
                    sgln: format!("urn:epc:id:sgln:4012345.{n:05}"),
                    created_at: start,
                });
            }
        }
        let mut model = |name: &str, description: &str, poll_interval_s, sgtin: &str| Model {
            id: ModelId(chance.id(start)),
            name: name.to_owned(),
            description: description.to_owned(),
            poll_interval_s,
            sgtin: sgtin.to_owned(),
        };
        let models = vec![
            model("GW-200", "Industrial gateway with Ethernet, WLAN and LTE", 300, "4012345.020000"),
            model("CAM-80", "Weatherproof camera with Ethernet and WLAN", 900, "4012345.008000"),
        ];
        let batches = batches(&mut chance, &custodians, &models, start, per_batch);
        Self { now, custodians, models, batches, chance }
    }

    /// The custodians of a kind, in their order.
    #[must_use]
    pub fn of_kind(&self, kind: CustodianKind) -> Vec<&Custodian> {
        self.custodians.iter().filter(|c| c.kind == kind).collect()
    }

    pub(crate) fn named(&self, names: &[(&str, &str, &str)]) -> Vec<Custodian> {
        let wanted = |c: &&Custodian| names.iter().any(|(name, ..)| *name == c.name);
        self.custodians.iter().filter(wanted).cloned().collect()
    }

    pub(crate) fn carriers(&self) -> Vec<Custodian> {
        self.named(CARRIERS)
    }

    pub(crate) fn stocks(&self) -> Vec<Custodian> {
        self.named(STOCKS)
    }
}

fn batches(
    chance: &mut Chance,
    custodians: &[Custodian],
    models: &[Model],
    start: Timestamp,
    per_batch: i64,
) -> Vec<(Batch, &'static str)> {
    let mut out = Vec::new();
    for (n, (letter, model, revision, factory)) in BATCHES.iter().enumerate() {
        // 64 days apart, so that the last one is still being made.
        let started_at = start.plus(i64::try_from(n).unwrap_or(0) * 64 * DAY + 8 * 3_600_000_000);
        let (Some(model), Some(factory)) = (models.get(*model), custodians.get(*factory)) else { continue };
        let batch = Batch {
            id: BatchId(chance.id(started_at)),
            code: format!("{}-{letter}", started_at.month()),
            factory_id: factory.id,
            model_id: model.id,
            quota: Some(per_batch + per_batch / 50 + 2),
            started_at,
        };
        out.push((batch, *revision));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_world_is_as_large_as_it_should_be() {
        let world = World::new(7, Timestamp(1_790_000_000_000_000), 167);
        assert_eq!(world.of_kind(CustodianKind::Factory).len(), 3);
        assert_eq!(world.of_kind(CustodianKind::Client).len(), 25);
        assert_eq!((world.models.len(), world.batches.len()), (2, 12));
        let codes: HashSet<_> = world.batches.iter().map(|(batch, _)| batch.code.clone()).collect();
        assert_eq!(codes.len(), 12);
        let slugs: HashSet<_> = world.custodians.iter().map(|c| c.code.clone()).collect();
        assert_eq!(slugs.len(), world.custodians.len());
    }
}
