//! Reading authorities: the hierarchy with its numbers, and one with all that belongs to it.

use crate::{Actor, Error, Fleet, Result, catalogue::Catalogue};
use domain::{
    authority::Authority,
    certificate::CertificateStatus,
    id::{ApprovalId, AuthorityId},
    person::Permission,
    time::Timestamp,
};
use pki::Certificate;
use serde::Serialize;
use std::collections::HashMap;
use store::authority::CrlSummary;

/// An authority as the hierarchy shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuthorityRow {
    /// The authority.
    pub authority: Authority,
    /// How many authorities stand above it.
    pub depth: usize,
    /// The factory's code.
    pub factory: Option<String>,
    /// The batch's code.
    pub batch: Option<String>,
    /// How many of its certificates are valid, also those that have ended.
    pub valid: i64,
    /// How many are held.
    pub held: i64,
    /// How many are revoked.
    pub revoked: i64,
    /// How many were renewed.
    pub superseded: i64,
    /// Its latest CRL.
    pub crl: Option<CrlSummary>,
}

/// A further certificate for an authority's key.
#[derive(Clone, Debug)]
pub struct LinkRow {
    /// The certificate.
    pub certificate: Certificate,
    /// Who issued it.
    pub issuer_name: String,
    /// When it ends.
    pub not_after: Timestamp,
    /// When it was brought in.
    pub created_at: Timestamp,
}

/// An authority with all that belongs to it.
#[derive(Clone, Debug)]
pub struct AuthorityDetail {
    /// The authority.
    pub row: AuthorityRow,
    /// Its certificate, once it has one.
    pub certificate: Option<Certificate>,
    /// What stands above it, nearest first.
    pub parents: Vec<AuthorityRow>,
    /// What stands below it.
    pub children: Vec<AuthorityRow>,
    /// Further certificates for its key.
    pub links: Vec<LinkRow>,
    /// The approval by which it was asked for.
    pub approval: Option<ApprovalId>,
}

impl Fleet {
    /// All authorities in the order of the hierarchy: each is followed by those below it.
    ///
    /// # Errors
    /// When the actor may not see them.
    pub async fn authorities(&self, actor: &Actor) -> Result<Vec<AuthorityRow>> {
        actor.require(Permission::AuthorityRead)?;
        let db = self.db();
        let (all, counts, crls) =
            tokio::try_join!(store::authority::all(db), store::certificate::counts(db), store::authority::crls(db))?;
        let catalogue = self.load_catalogue().await?;
        let mut by_status: HashMap<(AuthorityId, CertificateStatus), i64> = HashMap::new();
        for (id, status, n) in counts {
            *by_status.entry((id, status)).or_default() += n;
        }
        let crls: HashMap<AuthorityId, CrlSummary> = crls.into_iter().collect();
        let row = |(depth, authority): (usize, &Authority)| {
            let n = |status| by_status.get(&(authority.id, status)).copied().unwrap_or(0);
            AuthorityRow {
                depth,
                factory: code_of_factory(authority, &catalogue),
                batch: authority.batch_id.and_then(|id| catalogue.batch(id)).map(|batch| batch.code.clone()),
                valid: n(CertificateStatus::Valid),
                held: n(CertificateStatus::Held),
                revoked: n(CertificateStatus::Revoked),
                superseded: n(CertificateStatus::Superseded),
                crl: crls.get(&authority.id).copied(),
                authority: authority.clone(),
            }
        };
        Ok(in_tree(&all).into_iter().map(row).collect())
    }

    /// An authority by the name in its addresses, with all that belongs to it.
    ///
    /// # Errors
    /// When the actor may not see it, or there is no such authority.
    pub async fn authority(&self, actor: &Actor, slug: &str) -> Result<AuthorityDetail> {
        let rows = self.authorities(actor).await?;
        let row = rows.iter().find(|row| row.authority.slug == slug).cloned();
        let row = row.ok_or_else(|| Error::not_found("authority", slug))?;
        let id = row.authority.id;
        let certificate = store::authority::certificate(self.db(), id).await?;
        let certificate = certificate.map(|der| Certificate::from_der(&der)).transpose().map_err(Error::internal)?;
        let mut parents = Vec::new();
        let mut next = row.authority.parent_id;
        while let Some(parent) = next.and_then(|id| rows.iter().find(|row| row.authority.id == id))
            && parents.len() < 8
        {
            next = parent.authority.parent_id;
            parents.push(parent.clone());
        }
        let children = rows.iter().filter(|row| row.authority.parent_id == Some(id)).cloned().collect();
        let links = store::authority::links(self.db(), id).await?.into_iter().map(link_row).collect::<Result<_>>()?;
        let approval = store::approval::of_subject(self.db(), &format!("authority:{id}")).await?;
        Ok(AuthorityDetail { row, certificate, parents, children, links, approval: approval.map(|a| a.id) })
    }
}

fn link_row(link: store::authority::Link) -> Result<LinkRow> {
    Ok(LinkRow {
        certificate: Certificate::from_der(&link.certificate).map_err(Error::internal)?,
        issuer_name: link.issuer_name,
        not_after: link.not_after,
        created_at: link.created_at,
    })
}

fn code_of_factory(authority: &Authority, catalogue: &Catalogue) -> Option<String> {
    authority.factory_id.and_then(|id| catalogue.custodian(id)).map(|factory| factory.code.clone())
}

/// Authorities with their depth, each followed by those below it. What waits stands under what is to sign it, if that is
/// known, and otherwise at the top.
fn in_tree(all: &[Authority]) -> Vec<(usize, &Authority)> {
    let mut below: HashMap<Option<AuthorityId>, Vec<&Authority>> = HashMap::new();
    for authority in all {
        let parent = authority.parent_id.or_else(|| super::request::parent_of(all, authority).map(|parent| parent.id));
        below.entry(parent).or_default().push(authority);
    }
    let mut out = Vec::with_capacity(all.len());
    let mut open: Vec<(usize, &Authority)> =
        below.remove(&None).unwrap_or_default().into_iter().rev().map(|authority| (0, authority)).collect();
    while let Some((depth, authority)) = open.pop() {
        out.push((depth, authority));
        let children = below.remove(&Some(authority.id)).unwrap_or_default();
        open.extend(children.into_iter().rev().map(|child| (depth + 1, child)));
    }
    out
}
