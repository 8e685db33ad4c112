//! Turns of this process at what one node does at a time.

use crate::{Fleet, Result};
use domain::node::Lease;
use store::turn::{Holder, Turn};
use uuid::Uuid;

impl Fleet {
    /// Lets this process take turns as the node with this id. Otherwise it takes them as a command that comes and goes.
    pub fn be_node(&self, id: &str) {
        // Whoever has taken a turn already keeps the name by which it did.
        let _ = self.inner.holder.set(Holder::new(id));
    }

    pub(crate) fn holder(&self) -> &Holder {
        self.inner.holder.get_or_init(|| Holder::new(&format!("command:{}", Uuid::now_v7())))
    }

    /// Waits for a turn. What is written in it goes through [`Turn::run`].
    ///
    /// # Errors
    /// When the database does not answer, or this process gave its turns back.
    pub async fn turn(&self, lease: Lease) -> Result<Turn> {
        Ok(store::turn::take(self.db(), lease, self.holder()).await?)
    }

    /// Whether this process comes to its end, so that what fails now is another one's to try again.
    pub(crate) fn is_ending(&self) -> bool {
        self.db().is_closed() || self.holder().is_ending()
    }

    /// Ends what this process does in turns, so that other nodes go on with it at once. For the end of a server.
    pub async fn give_back_turns(&self) {
        self.holder().give_back().await;
    }
}
