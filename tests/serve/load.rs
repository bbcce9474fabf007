//! Many clients at once, and clients that go away.

use crate::client::{Server, read};
use crate::given;
use crate::support::program::folder;
use std::io::Write;
use std::thread;

/// Clients at once.
const CLIENTS: usize = 200;
/// The most memory that each may take, in bytes.
#[cfg(target_os = "linux")]
const EACH: u64 = 200 << 10;

fn path(number: usize) -> String {
    format!("/api/v1/report?about=leaks&n={number}&f=main")
}

#[test]
fn two_hundred_clients_are_answered_or_told_to_come_again() {
    let server = Server::start(&folder("serve-many"), &[&given("harbor/one")]);
    let statuses: Vec<(u16, String)> = thread::scope(|scope| {
        let server = &server;
        let clients = (1..=CLIENTS).map(|number| {
            scope.spawn(move || {
                let answer = server.get(&path(number));
                (answer.status, answer.header("retry-after").to_owned())
            })
        });
        let clients: Vec<_> = clients.collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let answered = statuses.iter().filter(|(status, _)| *status == 200).count();
    let refused =
        statuses.iter().filter(|(status, later)| *status == 503 && !later.is_empty()).count();
    assert_eq!(answered + refused, CLIENTS, "{statuses:?}");
    // What the queue holds is answered.
    assert!(answered >= 64, "{answered}");
    // Equal questions are one, however many ask.
    let same = thread::scope(|scope| {
        let server = &server;
        let clients: Vec<_> =
            (0..CLIENTS).map(|_| scope.spawn(|| server.get(&path(999)).status)).collect();
        clients
            .into_iter()
            .filter_map(|client| client.join().ok())
            .filter(|status| *status == 200)
            .count()
    });
    assert_eq!(same, CLIENTS);
}

#[cfg(target_os = "linux")]
#[test]
fn two_hundred_clients_at_once_take_little_more_than_one_after_another() {
    let server = Server::start(&folder("serve-peak"), &[&given("harbor/one")]);
    // Each question is another one; what is kept of the answers is bounded.
    for number in 1..=CLIENTS {
        assert_eq!(server.get(&path(number)).status, 200);
    }
    let before = server.most_resident();
    thread::scope(|scope| {
        for number in 1..=CLIENTS {
            let server = &server;
            scope.spawn(move || server.get(&path(1000 + number)));
        }
    });
    let after = server.most_resident();
    // A connection has its buffers, and a question that waits is a few words.
    let most = before + CLIENTS as u64 * EACH;
    assert!(after <= most, "{before} bytes at most, then {after}");
}

#[cfg(target_os = "linux")]
#[test]
fn memory_is_back_after_two_hundred_clients_went_away() {
    let server = Server::start(&folder("serve-killed"), &[&given("harbor/one")]);
    // Each asks something else, and goes away without an answer.
    let round = |round: usize| {
        let clients: Vec<_> = (1..=CLIENTS)
            .map(|number| {
                let mut client = server.connect();
                let head = server.head(&format!("GET {}", path(round * 1000 + number)), &[]);
                client.write_all(head.as_bytes()).unwrap();
                client
            })
            .collect();
        drop(clients);
        // When these are answered, nothing of the others is left: the queue is in order.
        for number in 0..4 {
            let mut client = server.connect();
            let head = server.head(&format!("GET {}", path(round * 1000 + 500 + number)), &[]);
            client.write_all(head.as_bytes()).unwrap();
            while read(&mut client).status != 200 {
                client = server.connect();
                client.write_all(head.as_bytes()).unwrap();
            }
        }
        server.resident()
    };
    // The first rounds fill what is kept for the next: buffers, threads, caches.
    let warm = (0..2).map(round).max().unwrap();
    let after = (2..4).map(round).min().unwrap();
    assert!(after as f64 <= warm as f64 * 1.1, "{warm} bytes, then {after}");
}
