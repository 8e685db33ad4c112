//! The connections that live at the gateway, by the certificates that were shown: whoever is cut off for good loses theirs at once.

use super::{Gate, Shown};
use fleet::trust::Trust;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// How often it is looked whether a connection's certificate has ended.
const LOOK: Duration = Duration::from_secs(600);

/// The connections that are open.
#[derive(Clone, Debug, Default)]
pub struct Live(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    next: AtomicU64,
    open: Mutex<HashMap<u64, (Arc<Shown>, CancellationToken)>>,
}

/// One of them, until it is dropped. Whoever shows no certificate has a place too, but is never cut off.
#[derive(Debug)]
pub struct Place {
    live: Live,
    number: Option<u64>,
    shown: Arc<Shown>,
    gone: CancellationToken,
}

impl Live {
    /// A place for one more.
    pub fn enter(&self, shown: Shown) -> Place {
        let (shown, gone) = (Arc::new(shown), CancellationToken::new());
        let number = shown.certificate.is_some().then(|| self.0.next.fetch_add(1, Ordering::Relaxed));
        if let Some(number) = number {
            self.open().insert(number, (Arc::clone(&shown), gone.clone()));
        }
        Place { live: self.clone(), number, shown, gone }
    }

    /// Cuts off whom this trust doesn't admit, and says who that is.
    pub fn cut_off(&self, trust: &Trust) -> Vec<Arc<Shown>> {
        let mut refused = Vec::new();
        for (shown, gone) in self.open().values() {
            if !shown.is_let_in(trust) && !gone.is_cancelled() {
                gone.cancel();
                refused.push(Arc::clone(shown));
            }
        }
        refused
    }

    /// Cuts off everybody who showed a certificate: nobody knows whom to trust.
    pub fn cut_off_all(&self) -> usize {
        let open = self.open();
        open.values().for_each(|(_, gone)| gone.cancel());
        open.len()
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<u64, (Arc<Shown>, CancellationToken)>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// What was shown.
    pub fn shown(&self) -> Arc<Shown> {
        Arc::clone(&self.shown)
    }

    /// Ends when the connection has to: it was cut off, or its certificate has ended.
    pub async fn until_cut_off(&self, gate: &Gate) {
        let ending = async {
            let Some(named) = &self.shown.certificate else { return std::future::pending().await };
            loop {
                let left = u64::try_from(named.not_after.0 - gate.now().0).unwrap_or_default();
                if left == 0 {
                    return;
                }
                // The clock may be set meanwhile.
                tokio::time::sleep(Duration::from_micros(left).min(LOOK)).await;
            }
        };
        tokio::select! {
            () = self.gone.cancelled() => {}
            () = ending => {}
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.live.open().remove(&number);
        }
    }
}
