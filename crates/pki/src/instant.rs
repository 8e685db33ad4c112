//! Our times as X.509 writes them: whole seconds, two digits for the year until 2049.

use crate::Error;
use der::{
    DateTime,
    asn1::{GeneralizedTime, UtcTime},
};
use domain::time::{SECOND, Timestamp};
use std::time::Duration;
use x509_cert::time::{Time, Validity};

/// The last year that UTCTime is used for (RFC 5280, 4.1.2.5).
const LAST_SHORT_YEAR: u16 = 2049;

pub(crate) fn date_time(at: Timestamp) -> Result<DateTime, Error> {
    let seconds = u64::try_from(at.0.div_euclid(SECOND)).map_err(|_| Error::Time(at.rfc3339()))?;
    DateTime::from_unix_duration(Duration::from_secs(seconds)).map_err(|_| Error::Time(at.rfc3339()))
}

pub(crate) fn x509_time(at: Timestamp) -> Result<Time, Error> {
    let date = date_time(at)?;
    if date.year() <= LAST_SHORT_YEAR {
        UtcTime::from_date_time(date).map(Time::UtcTime).map_err(|_| Error::Time(at.rfc3339()))
    } else {
        Ok(Time::GeneralTime(GeneralizedTime::from_date_time(date)))
    }
}

pub(crate) fn validity(not_before: Timestamp, not_after: Timestamp) -> Result<Validity, Error> {
    if not_after <= not_before {
        return Err(Error::Time(format!("{} to {}", not_before.rfc3339(), not_after.rfc3339())));
    }
    Ok(Validity { not_before: x509_time(not_before)?, not_after: x509_time(not_after)? })
}

/// A time of X.509 as ours.
pub(crate) fn timestamp(unix: Duration) -> Timestamp {
    Timestamp(i64::try_from(unix.as_secs()).unwrap_or(i64::MAX / SECOND).saturating_mul(SECOND))
}
