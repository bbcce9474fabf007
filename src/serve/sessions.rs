//! Loaded inputs that questions are asked of: the newest few, each loaded once however many ask for it.

use super::backend::{Backend, Wanted};
use crate::parallel;
use crate::report::Subject;
use crate::report::session::{Cancel, Session};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
        match parallel::cancellable(Some(cancel.clone()), || backend.load(wanted)) {
            // Who waits for the same loads it anew.
            Ok(subject) if cancel.is_set() => {
                self.places().retain(|(own, _)| own != wanted);
                Ok(Arc::new(Session::new(subject)))
            }
            Ok(subject) => {
                let session = Arc::new(Session::new(subject));
                *place = Some(Arc::clone(&session));
                self.make_room(wanted);
                Ok(session)
            }
            Err(why) => {
                self.places().retain(|(own, _)| own != wanted);
                Err(why)
            }
        }
    }

    fn places(&self) -> MutexGuard<'_, Vec<(Wanted, Place)>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, wanted: &Wanted) -> Place {
        let mut places = self.places();
        let known = places.iter().position(|(own, _)| own == wanted);
        let place = known.map_or_else(Place::default, |at| places.remove(at).1);
        places.push((wanted.clone(), Arc::clone(&place)));
        place
    }

    /// Drops what was used longest ago, now that `newest` is loaded.
    fn make_room(&self, newest: &Wanted) {
        let mut places = self.places();
        let is_pair = |(wanted, _): &(Wanted, Place)| *wanted != Wanted::Recording;
        while places.iter().filter(|one| is_pair(one)).count() > PAIRS {
            let is_old = |one: &(Wanted, Place)| is_pair(one) && one.0 != *newest;
            let Some(oldest) = places.iter().position(is_old) else { return };
            places.remove(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PAIRS, Sessions};
    use crate::model::series::Series;
    use crate::report::Subject;
    use crate::report::session::Cancel;
    use crate::serve::{Asked, Backend, Live, Survey, Unfit, Wanted};
    use std::sync::Mutex;

    /// Loads all but what is called `bad`, and notes what it loaded.
    #[derive(Default)]
    struct Loads(Mutex<Vec<String>>);

    impl Backend for Loads {
        fn load(&self, wanted: &Wanted) -> Result<Subject<'static>, String> {
            let Wanted::Snapshots(names) = wanted else { return Err("nothing".to_owned()) };
            self.0.lock().unwrap().push(names.concat());
            if names[0] == "bad" { Err("damaged".to_owned()) } else { Ok(Series::default().into()) }
        }

        fn survey(&self) -> Result<Option<Survey>, String> {
            Ok(None)
        }

        fn live(&self) -> Option<Live> {
            None
        }

        fn asked(&self, _: &str, _: &[String], _: &[String]) -> Result<Asked, String> {
            Err(String::new())
        }

        fn accepts(&self, _: &str, _: &str) -> bool {
            false
        }

        fn usual(&self) -> &[(&'static str, String)] {
            &[]
        }

        fn run(&self, _: &[String], _: &Cancel) -> Result<Vec<u8>, String> {
            Err(String::new())
        }

        fn add(&self, _: &str, _: Vec<u8>) -> Result<String, Unfit> {
            Err(Unfit::Full(String::new()))
        }

        fn remove(&self, _: &str) -> bool {
            false
        }
    }

    #[test]
    fn what_cannot_be_loaded_pushes_nothing_out() {
        let (sessions, backend) = (Sessions::default(), Loads::default());
        let get = |name: &str| {
            let wanted = Wanted::Snapshots(vec![name.to_owned()]);
            sessions.get(&wanted, &backend, &Cancel::default()).map(|_| ())
        };
        let names = ["a", "b", "c", "d"];
        assert_eq!(names.len(), PAIRS);
        assert!(names.iter().all(|name| get(name).is_ok()));
        for _ in 0..2 * PAIRS {
            assert_eq!(get("bad"), Err("damaged".to_owned()));
        }
        backend.0.lock().unwrap().clear();
        assert!(names.iter().all(|name| get(name).is_ok()));
        assert_eq!(*backend.0.lock().unwrap(), [""; 0], "all of them were still there");
        // One more pushes out what was used longest ago, and only that.
        assert!(get("e").is_ok() && get("d").is_ok() && get("b").is_ok());
        assert!(get("a").is_ok());
        assert_eq!(*backend.0.lock().unwrap(), ["e", "a"]);
        assert_eq!(sessions.places().len(), PAIRS);
    }
}
