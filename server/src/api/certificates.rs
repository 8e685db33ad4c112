//! Certificates: which there are, and how they stand.

use super::{
    extract::{Answer, Key, Params, Program, Refusal, limited_or_usual},
    shapes::List,
};
use crate::{Console, problem::Problem};
use axum::{
    Json,
    extract::{Path, State},
};
use fleet::certificate::{CertificateFilter, CertificateRow};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A certificate.
#[derive(Debug, Serialize, ToSchema)]
pub struct CertificateEntry {
    /// The authority that issued it, by its name in addresses.
    authority: String,
    /// Its serial number, in hexadecimal.
    serial: String,
    /// `device`, `station`, `server`, `ocsp_responder`, `code_signing` or `authority`.
    purpose: String,
    /// The serial of the device that it is for.
    device: Option<String>,
    /// The common name in it.
    name: String,
    /// `valid`, `expiring`, `expired`, `superseded`, `held` or `revoked`.
    status: String,
    /// Why it is on hold or revoked.
    reason: Option<String>,
    /// Since when it stands so.
    #[schema(format = DateTime)]
    status_at: String,
    /// From when it holds.
    #[schema(format = DateTime)]
    not_before: String,
    /// When it ends.
    #[schema(format = DateTime)]
    not_after: String,
    /// When it was issued.
    #[schema(format = DateTime)]
    issued_at: String,
    /// Who had it issued.
    issued_by: String,
    /// When it was first used.
    #[schema(format = DateTime)]
    first_used_at: Option<String>,
    /// The serial number of the certificate that it replaces.
    replaces: Option<String>,
    /// The certificate as PEM; only when one certificate is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
}

impl From<&CertificateRow> for CertificateEntry {
    fn from(row: &CertificateRow) -> Self {
        Self {
            authority: row.authority_slug.clone(),
            serial: row.serial.clone(),
            purpose: row.purpose.to_string(),
            device: row.device_serial.clone(),
            name: row.name.clone(),
            status: row.status.to_string(),
            reason: row.reason.map(|reason| reason.to_string()),
            status_at: row.status_at.rfc3339(),
            not_before: row.not_before.rfc3339(),
            not_after: row.not_after.rfc3339(),
            issued_at: row.issued_at.rfc3339(),
            issued_by: row.issued_by.clone(),
            first_used_at: row.first_used_at.map(domain::time::Timestamp::rfc3339),
            replaces: row.replaces.clone(),
            certificate: None,
        }
    }
}

/// A page of certificates.
#[derive(Debug, Serialize, ToSchema)]
pub struct CertificatesShape {
    /// The certificates, in order.
    items: Vec<CertificateEntry>,
    /// The cursor of the next page, if there is one.
    next: Option<String>,
    /// How many match; 10,001 stands for more than 10,000.
    total: i64,
}

/// Which certificates.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Those of one authority, by its name in addresses.
    authority: Option<String>,
    /// Those for one purpose.
    purpose: Option<String>,
    /// Those that stand so.
    status: Option<String>,
    /// Those that end within so many days.
    expires_within_days: Option<i64>,
    /// Those of one device, by its serial.
    device: Option<String>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// How many to give, at most 500.
    limit: i64,
}

/// List certificates.
#[utoipa::path(get, path = "/api/v1/certificates", operation_id = "listCertificates", tag = "Certificates", params(Which), responses(
    (status = 200, description = "A page of certificates.", body = CertificatesShape),
    (status = 400, description = "A parameter is wrong.", body = Problem),
))]
pub async fn list(
    State(console): State<Console>,
    Program(actor): Program,
    Params(which): Params<Which>,
) -> Answer<Json<CertificatesShape>> {
    let filter = CertificateFilter {
        authority: which.authority,
        purpose: word(which.purpose, "purpose")?,
        standing: word(which.status, "status")?,
        expires_within_days: which.expires_within_days,
        device: which.device,
        cursor: which.cursor,
        limit: limited_or_usual(which.limit)?,
        ..CertificateFilter::default()
    };
    let page = console.fleet.certificates(&actor, &filter).await?;
    let items = page.rows.iter().map(Into::into).collect();
    Ok(Json(CertificatesShape { items, next: page.next, total: page.total }))
}

fn word<T: std::str::FromStr>(text: Option<String>, name: &str) -> Answer<Option<T>> {
    let read = |text: String| {
        let told = format!("There is no {name} “{}”.", text.chars().take(40).collect::<String>());
        text.parse().map_err(|_| Refusal::from(Problem::new(StatusCode::BAD_REQUEST, told)))
    };
    text.filter(|text| !text.is_empty()).map(read).transpose()
}

/// Get one certificate.
#[utoipa::path(get, path = "/api/v1/certificates/{authority}/{serial}", operation_id = "getCertificate", tag = "Certificates",
    params(
        ("authority" = String, Path, description = "The authority's name in addresses."),
        ("serial" = String, Path, description = "The certificate's serial number, in hexadecimal."),
    ), responses(
    (status = 200, description = "The certificate.", body = CertificateEntry),
    (status = 404, description = "There is no such certificate.", body = Problem),
))]
pub async fn one(
    State(console): State<Console>,
    Program(actor): Program,
    Path((authority, serial)): Path<(String, String)>,
) -> Answer<Json<CertificateEntry>> {
    let found = console.fleet.certificate(&actor, &authority, &serial).await?;
    let certificate = Some(found.certificate.pem());
    Ok(Json(CertificateEntry { certificate, ..CertificateEntry::from(&found.row) }))
}

/// List a device's certificates, the newest first.
#[utoipa::path(get, path = "/api/v1/devices/{serial}/certificates", operation_id = "listDeviceCertificates", tag = "Certificates",
    params(("serial" = String, Path, description = "The device's serial.")), responses(
    (status = 200, description = "Its certificates.", body = List<CertificateEntry>),
))]
pub async fn of_device(
    State(console): State<Console>,
    Program(actor): Program,
    Key(serial): Key,
) -> Answer<Json<List<CertificateEntry>>> {
    let rows = console.fleet.certificates_of_device(&actor, &serial).await?;
    Ok(Json(List { items: rows.iter().map(Into::into).collect() }))
}
