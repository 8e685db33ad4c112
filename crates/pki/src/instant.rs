//! Our times as X.509 writes them: whole seconds, two digits for the year until 2049.

use crate::{Error, wire};
use der::{
    DateTime, Decode, Reader,
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

/// Appends a time as certificates and CRLs have it.
pub(crate) fn time(out: &mut Vec<u8>, at: Timestamp) -> Result<(), Error> {
    let date = date_time(at)?;
    let text = digits(&date);
    if date.year() <= LAST_SHORT_YEAR {
        wire::value(out, wire::UTC_TIME, &text[2..]);
    } else {
        wire::value(out, wire::GENERALIZED_TIME, &text);
    }
    Ok(())
}

/// Appends a time as OCSP has it: always with four digits for the year.
pub(crate) fn generalized(out: &mut Vec<u8>, at: Timestamp) -> Result<(), Error> {
    wire::value(out, wire::GENERALIZED_TIME, &digits(&date_time(at)?));
    Ok(())
}

/// `YYYYMMDDhhmmssZ`.
fn digits(date: &DateTime) -> [u8; 15] {
    let mut text = [b'Z'; 15];
    let year = date.year();
    let [century, year] = [year / 100, year % 100].map(|part| u8::try_from(part).unwrap_or_default());
    let parts = [century, year, date.month(), date.day(), date.hour(), date.minutes(), date.seconds()];
    for (place, part) in text.chunks_exact_mut(2).zip(parts) {
        place.copy_from_slice(&[b'0' + part / 10, b'0' + part % 10]);
    }
    text
}

/// Reads a time of either notation.
pub(crate) fn read<'a, R: Reader<'a>>(reader: &mut R) -> der::Result<Timestamp> {
    Time::decode(reader).map(|time| timestamp(time.to_unix_duration()))
}

/// A time of X.509 as ours.
pub(crate) fn timestamp(unix: Duration) -> Timestamp {
    Timestamp(i64::try_from(unix.as_secs()).unwrap_or(i64::MAX / SECOND).saturating_mul(SECOND))
}
