//! Saved views of the device list.

use crate::{Actor, Error, Fleet, Result, people::checked_name};
use domain::{id::ViewId, person::Permission, query};
use serde_json::json;
use store::StoreError;
use uuid::Uuid;

pub use store::view::SavedView;

/// How many views one person may keep: they are a menu.
const MOST: i64 = 100;

/// A view to save, as a form gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub struct ViewForm {
    /// What it is called.
    #[serde(default)]
    pub name: String,
    /// The fleet query.
    #[serde(default)]
    pub query: String,
    /// The order, as the list's address writes it.
    #[serde(default)]
    pub sort: String,
    /// The columns, as the list's address writes them.
    #[serde(default)]
    pub columns: String,
    /// Whether everybody sees it.
    #[serde(default)]
    pub shared: bool,
}

impl Fleet {
    /// One's own views by name, then those that others share, by name.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn views(&self, actor: &Actor) -> Result<Vec<SavedView>> {
        actor.require(Permission::FleetRead)?;
        let user = actor.user_id();
        let mut views = store::view::visible(self.db(), user).await?;
        views.sort_by_cached_key(|view| (Some(view.user_id) != user, view.name.to_lowercase(), view.id));
        Ok(views)
    }

    /// Saves a view.
    ///
    /// # Errors
    /// When the actor may not, the query can't be read, or the actor already has a view of this name.
    pub async fn save_view(&self, actor: &Actor, form: &ViewForm) -> Result<SavedView> {
        let mut deed = self.allow(actor, Permission::ViewSave, "view").await?;
        let Actor::User { id: user_id, name: owner, .. } = actor else {
            return Err(Error::Forbidden { permission: Permission::ViewSave });
        };
        let view = SavedView {
            id: ViewId(Uuid::now_v7()),
            user_id: *user_id,
            owner: owner.clone(),
            name: checked_name(&form.name)?,
            query: query::parse(&form.query)?.to_string(),
            sort: checked_words("sort", &form.sort)?,
            columns: checked_words("columns", &form.columns)?,
            shared: form.shared,
            created_at: self.now(),
        };
        if store::view::count_of(&mut deed.tx, *user_id).await? >= MOST {
            return Err(Error::Conflict(format!("You have {MOST} views already; delete one first.")));
        }
        match store::view::insert(&mut deed.tx, &view).await {
            Err(StoreError::Exists) => {
                return Err(Error::field("name", format!("You already have a view “{}”.", view.name)));
            }
            other => other?,
        }
        let detail = json!({"name": view.name, "query": view.query, "shared": view.shared});
        deed.commit("view.save", &format!("view:{}", view.id), &detail).await?;
        Ok(view)
    }

    /// Deletes one of one's own views.
    ///
    /// # Errors
    /// When the actor may not, or has no such view.
    pub async fn delete_view(&self, actor: &Actor, id: ViewId) -> Result<SavedView> {
        let subject = format!("view:{id}");
        let mut deed = self.allow(actor, Permission::ViewSave, &subject).await?;
        let view = store::view::by_id_within(&mut deed.tx, id).await?;
        let own = view.filter(|view| Some(view.user_id) == actor.user_id());
        let view = own.ok_or_else(|| Error::not_found("view of yours", &id.to_string()))?;
        store::view::delete(&mut deed.tx, id).await?;
        deed.commit("view.delete", &subject, &json!({ "name": view.name })).await?;
        Ok(view)
    }
}

/// The list's address writes order and columns in words of its own; here they only have to be such.
fn checked_words(field: &str, words: &str) -> Result<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.,:".contains(c);
    if words.len() <= 300 && words.chars().all(plain) {
        Ok(words.to_owned())
    } else {
        Err(Error::field(field, "Choose from what the list offers."))
    }
}
