//! Who works on what: as many analyses at a time as there are cores, a queue of bounded length, each question once
//! however many ask it, and none after its last client has left.

use super::refusal::Refusal;
use crate::report::session::Cancel;
use axum::body::Bytes;
use axum::http::StatusCode;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, Semaphore, watch};

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) bytes: Bytes,
    /// The type of its content.
    pub(super) kind: &'static str,
    /// Parameters without effect.
    pub(super) ignored: String,
}

/// What a question leads to.
pub(super) type Outcome = Result<Arc<Answer>, Refusal>;

/// A question that is being answered.
struct Flight {
    /// Tells it from an earlier one of the same key.
    number: usize,
    cancel: Cancel,
    /// How many wait for the answer.
    waiting: AtomicUsize,
    /// All clients have left.
    abandoned: Notify,
    outcome: watch::Receiver<Option<Outcome>>,
}

/// Answers that were given, up to so many bytes.
struct Kept {
    answers: BTreeMap<String, (u64, Arc<Answer>)>,
    /// Counts uses, to tell which was used last.
    clock: u64,
    bytes: usize,
    most: usize,
}

impl Kept {
    fn get(&mut self, key: &str) -> Option<Arc<Answer>> {
        self.clock += 1;
        let (used, answer) = self.answers.get_mut(key)?;
        *used = self.clock;
        Some(Arc::clone(answer))
    }

    fn put(&mut self, key: &str, answer: Arc<Answer>) {
        // One that would push out most others isn't worth it.
        if weight(key, &answer) > self.most / 2 {
            return;
        }
        self.clock += 1;
        self.bytes += weight(key, &answer);
        if let Some((_, old)) = self.answers.insert(key.to_owned(), (self.clock, answer)) {
            self.bytes -= weight(key, &old);
        }
        while self.bytes > self.most {
            let oldest = self.answers.iter().min_by_key(|(_, (used, _))| *used);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else { break };
            if let Some((_, gone)) = self.answers.remove(&key) {
                self.bytes -= weight(&key, &gone);
            }
        }
    }
}

fn weight(key: &str, answer: &Answer) -> usize {
    key.len() + answer.bytes.len() + 200
}

/// The work of a server.
pub(super) struct Work {
    slots: Arc<Semaphore>,
    queued: AtomicUsize,
    longest: usize,
    flights: Mutex<(usize, BTreeMap<String, Arc<Flight>>)>,
    kept: Mutex<Kept>,
}

impl Work {
    /// With so many analyses at a time, so many that wait, and so many bytes of answers that are kept.
    pub(super) fn new(at_once: usize, longest: usize, most: usize) -> Arc<Self> {
        let kept = Kept { answers: BTreeMap::new(), clock: 0, bytes: 0, most };
        Arc::new(Self {
            slots: Arc::new(Semaphore::new(at_once)),
            queued: AtomicUsize::new(0),
            longest,
            flights: Mutex::default(),
            kept: Mutex::new(kept),
        })
    }

    fn flights(&self) -> MutexGuard<'_, (usize, BTreeMap<String, Arc<Flight>>)> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops all answers.
    pub(super) fn forget(&self) {
        let mut kept = self.kept();
        kept.answers.clear();
        kept.bytes = 0;
    }

    /// The answer to the question `key`. `make` runs on a thread of its own, unless the answer is known or another
    /// request waits for the same. With the last request that waits for it, the question goes away.
    pub(super) async fn answer(
        self: &Arc<Self>,
        key: String,
        is_kept: bool,
        make: impl FnOnce(&Cancel) -> Result<Answer, Refusal> + Send + 'static,
    ) -> Outcome {
        if is_kept && let Some(answer) = self.kept().get(&key) {
            return Ok(answer);
        }
        let flight = self.board(key.clone(), is_kept, make)?;
        let mut outcome = flight.outcome.clone();
        let _seat = Seat { work: Arc::clone(self), key, flight };
        let landed = outcome.wait_for(Option::is_some).await;
        let landed = landed.ok().and_then(|outcome| outcome.clone());
        landed.unwrap_or_else(|| Err(Refusal::busy()))
    }

    /// Joins the flight of a question, or begins it.
    fn board(
        self: &Arc<Self>,
        key: String,
        is_kept: bool,
        make: impl FnOnce(&Cancel) -> Result<Answer, Refusal> + Send + 'static,
    ) -> Result<Arc<Flight>, Refusal> {
        let mut flights = self.flights();
        if let Some(flight) = flights.1.get(&key) {
            flight.waiting.fetch_add(1, Ordering::SeqCst);
            return Ok(Arc::clone(flight));
        }
        let slot = Arc::clone(&self.slots).try_acquire_owned().ok();
        if slot.is_none() && self.queued.load(Ordering::SeqCst) >= self.longest {
            return Err(Refusal::busy());
        }
        if slot.is_none() {
            self.queued.fetch_add(1, Ordering::SeqCst);
        }
        flights.0 += 1;
        let (land, outcome) = watch::channel(None);
        let flight = Arc::new(Flight {
            number: flights.0,
            cancel: Cancel::default(),
            waiting: AtomicUsize::new(1),
            abandoned: Notify::new(),
            outcome,
        });
        flights.1.insert(key.clone(), Arc::clone(&flight));
        drop(flights);
        let (work, own) = (Arc::clone(self), Arc::clone(&flight));
        tokio::spawn(async move {
            let slot = if slot.is_some() {
                slot
            } else {
                let slot = tokio::select! {
                    slot = Arc::clone(&work.slots).acquire_owned() => slot.ok(),
                    () = own.abandoned.notified() => None,
                };
                work.queued.fetch_sub(1, Ordering::SeqCst);
                slot
            };
            let Some(slot) = slot else { return };
            let cancel = own.cancel.clone();
            let made = tokio::task::spawn_blocking(move || {
                let made = catch_unwind(AssertUnwindSafe(|| make(&cancel)));
                drop(slot);
                made.unwrap_or_else(|_| {
                    let message = "heapdiff failed at this question; its terminal says where";
                    Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message))
                })
            });
            let made = made.await.unwrap_or_else(|_| Err(Refusal::busy())).map(Arc::new);
            if is_kept && let Ok(answer) = &made {
                work.kept().put(&key, Arc::clone(answer));
            }
            work.land(&key, &own);
            let _ = land.send(Some(made));
        });
        Ok(flight)
    }

    /// Takes a flight off the board.
    fn land(&self, key: &str, flight: &Flight) {
        let mut flights = self.flights();
        if flights.1.get(key).is_some_and(|own| own.number == flight.number) {
            flights.1.remove(key);
        }
    }
}

/// A request that waits for an answer.
struct Seat {
    work: Arc<Work>,
    key: String,
    flight: Arc<Flight>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut flights = self.work.flights();
        if self.flight.waiting.fetch_sub(1, Ordering::SeqCst) > 1 {
            return;
        }
        self.flight.cancel.set();
        self.flight.abandoned.notify_one();
        if flights.1.get(&self.key).is_some_and(|own| own.number == self.flight.number) {
            flights.1.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Bytes, Cancel, Refusal, StatusCode, Work};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, mpsc};
    use std::thread;
    use std::time::Duration;

    fn answer(text: &str) -> Answer {
        Answer { bytes: Bytes::from(text.to_owned()), kind: "text/plain", ignored: String::new() }
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(future)
    }

    #[test]
    fn a_question_is_answered_once_however_many_ask() {
        run(async {
            let work = Work::new(1, 8, 10_000);
            let (count, (go, wait)) = (Arc::new(AtomicUsize::new(0)), mpsc::channel());
            let mut wait = Some(wait);
            let mut asked = Vec::new();
            for _ in 0..5 {
                let (work, count, wait) = (Arc::clone(&work), Arc::clone(&count), wait.take());
                asked.push(tokio::spawn(async move {
                    let make = move |_: &Cancel| {
                        wait.map(|wait| wait.recv());
                        count.fetch_add(1, Ordering::SeqCst);
                        Ok(answer("one"))
                    };
                    work.answer("key".to_owned(), true, make).await
                }));
            }
            tokio::task::yield_now().await;
            go.send(()).unwrap();
            for one in asked {
                assert_eq!(one.await.unwrap().unwrap().bytes, "one");
            }
            let again = work.answer("key".to_owned(), true, |_| unreachable!()).await;
            assert_eq!(again.unwrap().bytes, "one");
            assert_eq!(count.load(Ordering::SeqCst), 1);
        });
    }

    #[test]
    fn a_full_queue_refuses_and_one_without_clients_is_cancelled() {
        run(async {
            let work = Work::new(1, 1, 0);
            let (said, told) = mpsc::channel();
            let first = {
                let work = Arc::clone(&work);
                tokio::spawn(async move {
                    let make = move |cancel: &Cancel| {
                        said.send("begun").unwrap();
                        while !cancel.is_set() {
                            thread::sleep(Duration::from_millis(1));
                        }
                        said.send("cancelled").unwrap();
                        Err(Refusal::busy())
                    };
                    work.answer("first".to_owned(), true, make).await
                })
            };
            tokio::task::yield_now().await;
            let second = {
                let work = Arc::clone(&work);
                let make = |_: &Cancel| Ok(answer("second"));
                tokio::spawn(async move { work.answer("second".to_owned(), true, make).await })
            };
            tokio::task::yield_now().await;
            let third = work.answer("third".to_owned(), true, |_| Ok(answer("third"))).await;
            assert_eq!(third.unwrap_err().status, StatusCode::SERVICE_UNAVAILABLE);
            let told = tokio::task::spawn_blocking(move || {
                assert_eq!(told.recv(), Ok("begun"));
                told
            });
            let told = told.await.unwrap();
            first.abort();
            assert!(first.await.unwrap_err().is_cancelled());
            assert_eq!(second.await.unwrap().unwrap().bytes, "second");
            assert_eq!(told.recv(), Ok("cancelled"));
        });
    }

    #[test]
    fn a_panic_is_an_answer_and_the_next_question_is_none_the_worse() {
        run(async {
            let work = Work::new(1, 1, 10_000);
            let failed = work.answer("a".to_owned(), true, |_| panic!("asked to")).await;
            assert_eq!(failed.unwrap_err().status, StatusCode::INTERNAL_SERVER_ERROR);
            let next = work.answer("b".to_owned(), true, |_| Ok(answer("fine"))).await;
            assert_eq!(next.unwrap().bytes, "fine");
        });
    }

    #[test]
    fn kept_answers_are_bounded_and_the_least_used_goes_first() {
        run(async {
            let work = Work::new(1, 8, 3000);
            let text = "x".repeat(700);
            for key in ["a", "b", "c"] {
                let text = text.clone();
                work.answer(key.to_owned(), true, move |_| Ok(answer(&text))).await.unwrap();
            }
            work.answer("a".to_owned(), true, |_| unreachable!()).await.unwrap();
            work.answer("d".to_owned(), true, move |_| Ok(answer(&text))).await.unwrap();
            let held: Vec<String> = work.kept().answers.keys().cloned().collect();
            assert_eq!(held, ["a", "c", "d"]);
            assert!(work.kept().bytes <= 3000);
            work.forget();
            assert_eq!(work.kept().bytes, 0);
        });
    }
}
