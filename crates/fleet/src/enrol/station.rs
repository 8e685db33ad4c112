//! Factory stations: what enrols devices on a line. Their certificates are short-lived and of the operations CA.

use super::{
    key::{KeyUse, use_key},
    kit::KitFile,
};
use crate::{
    Actor, Error, Fleet, Result,
    authority::{BACKDATED, row_of},
    people::checked_name,
    setting::Settings,
};
use domain::{
    authority::{Authority, AuthorityKind, AuthorityState},
    certificate::{CertificatePurpose, CertificateStanding, dns_label},
    person::Permission,
    time::{DAY, Timestamp},
};
use pki::{Certificate, KeyAlgorithm, Name, Profile, SerialNumber, Signer, SoftwareKey, Template};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How many stations a list shows.
const SHOWN: i64 = 500;

/// A station to be enrolled, as a form gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StationForm {
    /// The factory's code.
    pub factory: String,
    /// What people call the station.
    pub name: String,
    /// Its request as PEM or base64; empty for a key that is made here.
    pub csr: String,
}

/// A station as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StationRow {
    /// Its name.
    pub name: String,
    /// The factory's code.
    pub factory: String,
    /// The serial number of its certificate, in hexadecimal.
    pub serial: String,
    /// What issued it, as addresses name it.
    pub authority_slug: String,
    /// When it ends.
    pub not_after: Timestamp,
    /// How it stands.
    pub status: CertificateStanding,
}

/// A station's new certificate, and its key if that was made here. The key is kept nowhere: give it away now.
pub struct NewStation {
    /// What people call the station.
    pub name: String,
    /// The certificate.
    pub certificate: Certificate,
    /// What stands above it, without the root.
    pub chain: Vec<Certificate>,
    /// The roots by which the station knows the gateway.
    pub roots: Vec<Certificate>,
    /// The key as PEM, in plain.
    pub key_pem: Option<String>,
    /// Where the gateway is, and what else is set.
    pub settings: Settings,
}

impl NewStation {
    /// The certificate and its chain as PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        let mut all = vec![self.certificate.clone()];
        all.extend(self.chain.iter().cloned());
        pki::chain_pem(&all)
    }

    /// What goes to the station.
    #[must_use]
    pub fn files(&self) -> Vec<KitFile> {
        let mut files = vec![
            KitFile::public("station.pem", self.pem()),
            KitFile::public("ca.pem", pki::chain_pem(&self.roots)),
            KitFile::public("README.txt", readme(&self.settings)),
        ];
        if let Some(key) = &self.key_pem {
            files.push(KitFile::secret("station.key", key.clone()));
        }
        files
    }
}

impl std::fmt::Debug for NewStation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewStation").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Fleet {
    /// Enrols a station of a factory. Stations don't enrol stations.
    ///
    /// # Errors
    /// When the actor may not, there is no such factory, the request can't be taken, or there is no operations CA.
    pub async fn station(&self, actor: &Actor, form: &StationForm) -> Result<NewStation> {
        self.authorise(actor, Permission::CertificateEnrol, "station").await?;
        if matches!(actor, Actor::Station { .. }) {
            return Err(Error::Conflict("A station doesn't enrol stations. Ask an operator.".to_owned()));
        }
        let catalogue = self.load_catalogue().await?;
        let factory = catalogue.factory(&form.factory)?.clone();
        let name = checked_name(&form.name)?;
        if name.chars().count() > 64 {
            return Err(Error::field("name", "Give a name of 1 to 64 characters."));
        }
        let (public_key, key_pem) = key_of(&form.csr)?;
        let settings = self.load_settings().await?;
        let authority = self.operations().await?;
        let issuer = self.issuer(authority.id).await?;
        let (now, above) = (self.now(), issuer.certificate());
        let template = Template {
            serial: SerialNumber::random().map_err(Error::internal)?,
            subject: Name { organisational_unit: Some(cut(&factory.name)), ..Name::common(name.as_str()) },
            public_key,
            profile: Profile::Station,
            not_before: now.plus(-BACKDATED).max(above.not_before()),
            not_after: now.plus(settings.station_days * DAY).min(above.not_after()),
            dns_names: vec![format!("{}.{}.stations.{}", dns_label(&name), dns_label(&factory.code), settings.domain)],
            ip_addresses: Vec::new(),
            permitted_dns: Vec::new(),
            urls: settings.urls(&authority.slug),
        };
        let certificate = pki::issue(&template, &issuer)
            .map_err(|error| Error::Conflict(format!("“{}” can't sign for it: {error}.", authority.name)))?;
        let (chain, roots) = (self.chain_below_root(authority.id).await?, self.roots().await?);
        let mut row = row_of(&certificate, authority.id, CertificatePurpose::Station, actor.name(), now);
        row.factory_id = Some(factory.id);
        let subject = format!("station:{name}");
        let mut deed = self.allow(actor, Permission::CertificateEnrol, &subject).await?;
        let wrong = match use_key(&mut deed.tx, &row.public_key_sha256, &subject).await? {
            KeyUse::Theirs => None,
            KeyUse::Compromised => Some("This key was compromised; make a new one."),
            KeyUse::Others(_) => Some("This key belongs to another device or station; make a new one."),
        };
        if let Some(wrong) = wrong {
            return Err(Error::field("csr", wrong));
        }
        if !store::authority::take(&mut deed.tx, authority.id, 1).await? {
            return Err(Error::Conflict(format!("“{}” doesn't sign any more.", authority.name)));
        }
        store::certificate::insert_many(&mut deed.tx, &[(row, certificate.der().to_vec())]).await?;
        deed.ring("certificate", &certificate.serial_hex()).await?;
        let detail = json!({
            "name": name, "factory": factory.code, "serial": certificate.serial_hex(),
            "not_after": certificate.not_after(), "key": if key_pem.is_some() { "made here" } else { "its own" },
        });
        deed.commit("station.enrol", &subject, &detail).await?;
        Ok(NewStation { name, certificate, chain, roots, key_pem, settings })
    }

    /// All stations, or those of one factory (by its code), the newest first: at most 500.
    ///
    /// # Errors
    /// When the actor may not see them.
    pub async fn stations(&self, actor: &Actor, factory: Option<&str>) -> Result<Vec<StationRow>> {
        actor.require(Permission::AuthorityRead)?;
        let catalogue = self.load_catalogue().await?;
        let rows = match factory {
            None => store::certificate::of_purpose(self.db(), CertificatePurpose::Station.as_str(), SHOWN).await?,
            Some(code) => {
                let factory = catalogue.custodians.iter().find(|custodian| custodian.code == code);
                let factory = factory.ok_or_else(|| Error::not_found("factory", code))?;
                store::certificate::stations_of(self.db(), factory.id, SHOWN).await?
            }
        };
        let authorities = store::authority::all(self.db()).await?;
        let now = self.now();
        let slug_of = |id| authorities.iter().find(|a| a.id == id).map(|a| a.slug.clone()).unwrap_or_default();
        let row = |certificate: domain::certificate::Certificate| StationRow {
            status: certificate.standing(now),
            authority_slug: slug_of(certificate.authority_id),
            factory: certificate
                .factory_id
                .and_then(|id| catalogue.custodian(id))
                .map(|factory| factory.code.clone())
                .unwrap_or_default(),
            name: certificate.name,
            serial: certificate.serial,
            not_after: certificate.not_after,
        };
        Ok(rows.into_iter().map(row).collect())
    }

    /// The operations CA that signs.
    pub(crate) async fn operations(&self) -> Result<Authority> {
        let all = store::authority::all(self.db()).await?;
        let is_ours = |a: &Authority| a.kind == AuthorityKind::Operations && a.state == AuthorityState::Active;
        all.into_iter().rev().find(is_ours).ok_or_else(|| {
            Error::Conflict("There is no active operations CA. Request one, and have it approved, first.".to_owned())
        })
    }
}

/// The key of a request; or a new one, with its PEM.
fn key_of(csr: &str) -> Result<(Vec<u8>, Option<String>)> {
    if csr.trim().is_empty() {
        let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).map_err(Error::internal)?;
        let pem = key.pkcs8_pem().map_err(Error::internal)?;
        return Ok((key.public_key().to_vec(), Some(pem.to_string())));
    }
    let request = pki::request_from_text(csr);
    let request = request.map_err(|problem| Error::field("csr", format!("This request can't be taken: {problem}.")))?;
    Ok((request.public_key, None))
}

/// What fits in a part of a name.
fn cut(text: &str) -> String {
    text.chars().take(64).collect::<String>().trim().to_owned()
}

fn readme(settings: &Settings) -> String {
    let gateway = settings.gateway();
    format!(
        "This station enrols devices at the gateway.\n\n\
         station.key  its private key, if it was made for it: readable by the station's program alone\n\
         station.pem  its certificate, with what stands above it\n\
         ca.pem       the roots by which it knows the gateway\n\n\
         One device, its request in device.csr (PKCS#10, DER), its serial as the request's common name, in batch BATCH:\n\n  \
         openssl base64 -in device.csr | curl --cert station.pem --key station.key --cacert ca.pem \\\n    \
         -H 'Content-Type: application/pkcs10' --data-binary @- \\\n    \
         {gateway}/.well-known/est/BATCH/simpleenroll | openssl base64 -d | openssl pkcs7 -inform DER -print_certs\n\n\
         Many at once: POST JSON to {gateway}/enrolments/BATCH.\n"
    )
}
