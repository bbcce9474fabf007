//! Sends reports to the address of `--webhook`. Neither its path nor its query is ever shown, since
//! either may be a secret.

use super::channel::Alarm;
use crate::command::access;
use crate::source::http::{Access, Address, Client, FetchError, SecretHeader};
use percent_encoding::{CONTROLS, utf8_percent_encode};
use std::path::Path;

/// Tries of one delivery: with their waits they take about two minutes.
const RETRIES: u32 = 7;

/// Where reports go.
#[derive(Clone)]
pub(super) struct Webhook {
    pub(super) client: Client,
    address: Address,
}

impl Webhook {
    /// Reads the address, or the file with it: `@FILE`. Only the trust in servers and the time that
    /// they may be silent are those of the service; its secrets stay with it.
    pub(super) fn new(typed: &str, headers: &[String], access: Access) -> Result<Self, String> {
        let named = |error: String| format!("--webhook: {error}");
        let text = match typed.strip_prefix('@') {
            Some(file) => access::text(Path::new(file)).map_err(named)?.trim().to_owned(),
            None => typed.to_owned(),
        };
        let address = Address::parse(&text).map_err(|error| named(wrong(&error)))?;
        let read = |typed: &String| access::read_headers(typed, "--webhook-header");
        let headers = headers.iter().map(read).collect::<Result<Vec<_>, _>>()?.concat();
        let access = Access { headers, retries: RETRIES, ..access };
        Ok(Self { client: Client::new(access)?, address })
    }

    /// Its scheme and host.
    pub(super) fn name(&self) -> String {
        self.address.origin()
    }

    /// Sends a report. An error says what went wrong.
    pub(super) fn send(&self, alarm: &Alarm) -> Result<(), String> {
        let service = utf8_percent_encode(&alarm.key.service, CONTROLS).to_string();
        let headers: Vec<SecretHeader> =
            SecretHeader::new("Heapdiff-Service", &service).into_iter().collect();
        let sent = self.client.post(&self.address, &alarm.report, &headers);
        sent.map_err(|error| why(&error))
    }
}

/// What is wrong with an address, without any of it.
fn wrong(error: &crate::source::http::AddressError) -> String {
    use crate::source::http::AddressError;
    match error {
        AddressError::Password => "the address has a user name or password in it; send a header \
             from a file instead: --webhook-header @FILE"
            .to_owned(),
        error => format!("the address {error}"),
    }
}

/// Why it wasn't sent. The messages about services that are read give other advice, and quote.
fn why(error: &FetchError) -> String {
    match error {
        FetchError::Refused => "connection refused".to_owned(),
        FetchError::Status { code, reason, .. } => format!("it answers {code} {reason}"),
        FetchError::Redirect(_) | FetchError::Circle(_) => {
            "it redirects to another address; give that one".to_owned()
        }
        FetchError::Cut { .. } => "the connection broke before an answer".to_owned(),
        FetchError::Stopped => "the watch has ended".to_owned(),
        FetchError::Other(_) => "the request failed".to_owned(),
        error => error.to_string(),
    }
}
