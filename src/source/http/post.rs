//! Sends a report to a service.

use super::{Client, FetchError, REDIRECTS, SecretHeader, header};
use crate::source::http::Address;
use std::time::Duration;

/// Longest wait that an answer may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// Answers that lead elsewhere and want the same request there.
const SAME_REQUEST: [u16; 2] = [307, 308];

impl Client {
    /// Sends JSON with these headers, and tries again what may pass.
    pub fn post(
        &self,
        address: &Address,
        body: &[u8],
        headers: &[SecretHeader],
    ) -> Result<(), FetchError> {
        self.again(LONGEST_WAIT, || self.post_once(address, body, headers)).map(|_| ())
    }

    fn post_once(
        &self,
        address: &Address,
        body: &[u8],
        headers: &[SecretHeader],
    ) -> Result<(), FetchError> {
        let mut at = address.clone();
        for _ in 0..=REDIRECTS {
            let request = self.agent(&at)?.post(at.uri());
            let mut request = request.header(header::CONTENT_TYPE, "application/json");
            for SecretHeader { name, value } in self.access.headers.iter().chain(headers) {
                request = request.header(name, value);
            }
            let response = request.send(body);
            let response =
                response.map_err(|e| FetchError::new(e, self.access.timeout, 0, None))?;
            let status = response.status();
            if status.is_success() {
                return Ok(());
            }
            let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
            if status.is_redirection() {
                let location = header(header::LOCATION).unwrap_or_default();
                let to = SAME_REQUEST.contains(&status.as_u16()).then(|| at.redirected(location));
                at = to.flatten().ok_or_else(|| FetchError::Redirect("another address".into()))?;
                continue;
            }
            let wait = header(header::RETRY_AFTER).and_then(|text| text.trim().parse().ok());
            let reason = status.canonical_reason().unwrap_or_default().to_owned();
            let wait = wait.map(Duration::from_secs);
            // What it says may repeat a secret of the address.
            let quote = String::new();
            return Err(FetchError::Status { code: status.as_u16(), reason, quote, wait });
        }
        Err(FetchError::Circle("another address".to_owned()))
    }
}
