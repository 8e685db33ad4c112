//! Who listens for changes: open pages. Each is a connection that is held, so nobody may have any number of them.

use crate::{Actor, Error, Fleet, Result};
use domain::{person::Permission, time::MINUTE};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use store::change::Change;
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// How many pages of one account are told of changes. Those beyond it have to be loaded again by hand.
const EACH: usize = 20;
/// How many pages are told in all.
const ALL: usize = 1_000;

/// How many listen, by who they are.
#[derive(Clone, Default)]
pub(crate) struct Listeners(Arc<Mutex<HashMap<String, usize>>>);

/// One that listens, until it is dropped.
pub struct Listening {
    changes: Receiver<Change>,
    listeners: Listeners,
    who: String,
}

impl Fleet {
    /// Listens for changes from now on, whichever node committed them.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or too many listen already.
    pub fn listen(&self, actor: &Actor) -> Result<Listening> {
        actor.require(Permission::FleetRead)?;
        let listeners = self.inner.listeners.clone();
        let who = format!("{}:{}", actor.kind(), actor.id());
        if !listeners.add(&who) {
            return Err(Error::TooMany { wait_micros: MINUTE });
        }
        Ok(Listening { changes: self.changes(), listeners, who })
    }
}

impl Listeners {
    fn add(&self, who: &str) -> bool {
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let there = listeners.get(who).copied().unwrap_or(0);
        if there >= EACH || listeners.values().sum::<usize>() >= ALL {
            return false;
        }
        listeners.insert(who.to_owned(), there + 1);
        true
    }
}

impl Listening {
    /// The next change. None in the place of many at once, for who is too slow to be told each.
    ///
    /// # Errors
    /// When there will be no more.
    pub async fn next(&mut self) -> std::result::Result<Option<Change>, RecvError> {
        match self.changes.recv().await {
            Ok(change) => Ok(Some(change)),
            Err(RecvError::Lagged(_)) => Ok(None),
            Err(closed) => Err(closed),
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut listeners = self.listeners.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = listeners.get_mut(&self.who) {
            *there -= 1;
            if *there == 0 {
                listeners.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all_the_places() {
        let listeners = Listeners::default();
        assert!((0..EACH).all(|_| listeners.add("ada")));
        assert!(!listeners.add("ada") && listeners.add("bob"));
        let others = (0..ALL).filter(|n| listeners.add(&n.to_string())).count();
        assert_eq!(others, ALL - EACH - 1);
        assert!(!listeners.add("eve"));
    }
}
