//! Loaded inputs that questions are asked of: the newest few, each loaded once however many ask for it.

use super::backend::{Backend, Wanted};
use crate::parallel;
use crate::report::Subject;
use crate::report::session::{Cancel, Session};
use std::sync::{Arc, Mutex, PoisonError};

/// Most pairs and single snapshots that are held beside the recording.
const PAIRS: usize = 4;

/// A place for a session; the thread that fills it holds the lock.
type Place = Arc<Mutex<Option<Arc<Session>>>>;

/// The sessions of a revision.
#[derive(Default)]
pub(super) struct Sessions {
    /// The one used last comes last.
    places: Mutex<Vec<(Wanted, Place)>>,
}

impl Sessions {
    /// With what is loaded already.
    pub(super) fn of(loaded: Vec<(Wanted, Subject<'static>)>) -> Self {
        let session = |(wanted, subject)| {
            let session = Arc::new(Session::new(subject));
            (wanted, Arc::new(Mutex::new(Some(session))))
        };
        Self { places: Mutex::new(loaded.into_iter().map(session).collect()) }
    }

    /// The session of these inputs, which are loaded if they aren't. Once `cancel` is set, no further input is read, and
    /// what is returned means nothing.
    pub(super) fn get(
        &self,
        wanted: &Wanted,
        backend: &dyn Backend,
        cancel: &Cancel,
    ) -> Result<Arc<Session>, String> {
        let place = self.place(wanted);
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = &*place {
            return Ok(Arc::clone(session));
        }
        let loaded = parallel::cancellable(Some(cancel.clone()), || backend.load(wanted));
        let session = Arc::new(Session::new(loaded?));
        // Who waits for the same loads it anew.
        if !cancel.is_set() {
            *place = Some(Arc::clone(&session));
        }
        Ok(session)
    }

    fn place(&self, wanted: &Wanted) -> Place {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let known = places.iter().position(|(own, _)| own == wanted);
        let place = known.map_or_else(Place::default, |at| places.remove(at).1);
        places.push((wanted.clone(), Arc::clone(&place)));
        let is_pair = |(wanted, _): &(Wanted, Place)| *wanted != Wanted::Recording;
        if places.iter().filter(|one| is_pair(one)).count() > PAIRS
            && let Some(oldest) = places.iter().position(is_pair)
        {
            places.remove(oldest);
        }
        place
    }
}
