//! Devices as a CSV table.

use super::csv_line;
use crate::{Actor, Fleet, Result, catalogue::Catalogue};
use domain::{
    device::{Connection, Device},
    person::Permission,
    query,
    time::Timestamp,
};
use futures::{Stream, stream};
use std::borrow::Cow;
use store::device_list::{self, Cursor, Filter, Sort};

/// How many devices are read at a time.
const PAGE: usize = 1_000;

/// Declares the columns with their words.
macro_rules! device_columns {
    ($($(#[$meta:meta])* $variant:ident => $word:literal;)+) => {
        /// A column of a table of devices.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum DeviceColumn { $($(#[$meta])* $variant,)+ }

        impl DeviceColumn {
            /// Every column, in the order of the table when nothing else is asked for.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its heading, and its word in an address.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The column of a word.
            #[must_use]
            pub fn named(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|column| column.as_str() == word)
            }
        }
    };
}

device_columns! {
    /// The serial.
    Serial => "serial";
    /// The model's name.
    Model => "model";
    /// The hardware revision.
    HardwareRevision => "hardware_revision";
    /// The batch's code.
    Batch => "batch";
    /// The factory's name.
    Factory => "factory";
    /// When it was made.
    MadeAt => "made_at";
    /// Who holds it.
    Custodian => "custodian";
    /// Where exactly.
    Place => "place";
    /// The lifecycle.
    State => "state";
    /// The trust.
    Trust => "trust";
    /// Whether it is heard from.
    Connection => "connection";
    /// When it was last heard from.
    SeenAt => "seen_at";
    /// What runs on it.
    Firmware => "firmware";
    /// The release channel.
    Channel => "channel";
    /// When its certificate ends.
    CertificateUntil => "certificate_until";
    /// The version of its manifest.
    ManifestVersion => "manifest_version";
}

impl DeviceColumn {
    fn cell<'a>(self, device: &'a Device, names: &'a Catalogue, now: Timestamp) -> Cow<'a, str> {
        let time = |time: Option<Timestamp>| Cow::from(time.map(Timestamp::rfc3339).unwrap_or_default());
        match self {
            Self::Serial => device.serial.as_str().into(),
            Self::Model => names.model_name(device.model_id).into(),
            Self::HardwareRevision => device.hardware_revision.as_str().into(),
            Self::Batch => names.batch_code(device.batch_id).into(),
            Self::Factory => names.custodian_name(device.factory_id).into(),
            Self::MadeAt => time(Some(device.made_at)),
            Self::Custodian => names.custodian_name(device.custodian_id).into(),
            Self::Place => device.place.as_str().into(),
            Self::State => device.lifecycle.as_str().into(),
            Self::Trust => device.trust.as_str().into(),
            Self::Connection => {
                let interval = names.model(device.model_id).map_or(0, |model| model.poll_interval_s);
                Connection::at(now, device.last_seen_at, interval).as_str().into()
            }
            Self::SeenAt => time(device.last_seen_at),
            Self::Firmware => device.firmware.as_deref().unwrap_or_default().into(),
            Self::Channel => device.channel.as_str().into(),
            Self::CertificateUntil => time(device.certificate_not_after),
            Self::ManifestVersion => device.manifest_version.to_string().into(),
        }
    }
}

/// A table being written.
struct Table {
    fleet: Fleet,
    filter: Filter,
    sort: Sort,
    columns: Vec<DeviceColumn>,
    names: Catalogue,
    now: Timestamp,
    at: At,
}

enum At {
    Start,
    After(Cursor),
    End,
}

impl Fleet {
    /// All devices that a fleet query means, as a CSV table in pieces; every column when none is named. A device that
    /// changes while the table is written stands in it as it was or as it is, never twice in a list by serial.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or the query can't be read. Errors of the database end the stream.
    pub async fn devices_csv(
        &self,
        actor: &Actor,
        text: &str,
        sort: Sort,
        columns: &[DeviceColumn],
    ) -> Result<impl Stream<Item = Result<String>> + Send + 'static> {
        actor.require(Permission::FleetRead)?;
        let query = query::parse(text)?;
        let names = self.load_catalogue().await?;
        let now = self.now();
        let filter = Filter::new(self.db(), &query, &names.names(now)).await?;
        let columns = if columns.is_empty() { DeviceColumn::ALL } else { columns }.to_vec();
        let table = Table { fleet: self.clone(), filter, sort, columns, names, now, at: At::Start };
        Ok(stream::try_unfold(table, Table::next))
    }
}

impl Table {
    async fn next(mut self) -> Result<Option<(String, Self)>> {
        let mut out = String::new();
        let cursor = match std::mem::replace(&mut self.at, At::End) {
            At::End => return Ok(None),
            At::Start => {
                csv_line(&mut out, self.columns.iter().map(|column| column.as_str()));
                None
            }
            At::After(cursor) => Some(cursor),
        };
        let (filter, sort, cursor) = (&self.filter, self.sort, cursor.as_ref());
        let read = |db| async move { device_list::page(&db, filter, sort, cursor, PAGE).await };
        let page = self.fleet.listed(read).await?;
        for device in &page.devices {
            let cells: Vec<Cow<'_, str>> =
                self.columns.iter().map(|column| column.cell(device, &self.names, self.now)).collect();
            csv_line(&mut out, cells.iter().map(AsRef::as_ref));
        }
        if let Some(next) = page.next {
            self.at = At::After(next);
        }
        Ok(Some((out, self)))
    }
}
