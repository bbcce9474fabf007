//! How services are asked: the options about URLs, and secrets from the environment and from files.

use super::values::{duration, size};
use crate::source::http::{Access, SecretHeader};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Variables with secrets, which other programs don't get.
#[cfg(feature = "watch")]
pub(super) const SECRETS: [&str; 2] = [TOKEN, BASIC];

/// The variable with a token, sent as `Authorization: Bearer`.
const TOKEN: &str = "HEAPDIFF_TOKEN";
/// The variable with a user name and a password.
const BASIC: &str = "HEAPDIFF_BASIC_AUTH";
/// Most bytes of a file with secrets or certificates.
const LARGEST: u64 = 1 << 20;

/// How services are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "URLs")]
pub(super) struct AccessArgs {
    /// Send this header to each URL; @FILE reads headers from a file, one in each line
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", hide_short_help = true)]
    headers: Vec<String>,
    /// Send the token in FILE, as `Authorization: Bearer` [default: that in `HEAPDIFF_TOKEN`, if set]
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    token_file: Option<PathBuf>,
    /// Log in with the USER:PASSWORD in FILE [default: that in `HEAPDIFF_BASIC_AUTH`, if set]
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    basic_auth_file: Option<PathBuf>,
    /// Trust servers whose certificates these sign (PEM) [default: those the system trusts]
    #[arg(long, value_name = "FILE", alias = "tls_ca", hide_short_help = true)]
    tls_ca: Option<PathBuf>,
    /// Show servers this certificate (PEM)
    #[arg(
        long,
        value_name = "FILE",
        alias = "tls_cert",
        requires = "tls_key",
        hide_short_help = true
    )]
    tls_cert: Option<PathBuf>,
    /// The key of that certificate (PEM)
    #[arg(
        long,
        value_name = "FILE",
        alias = "tls_key",
        requires = "tls_cert",
        hide_short_help = true
    )]
    tls_key: Option<PathBuf>,
    /// How long a service may be silent [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = duration, hide_short_help = true)]
    http_timeout: Option<Duration>,
    /// Most bytes that a service may send for one profile [default: 4GiB]
    #[arg(long, value_name = "SIZE", value_parser = size::<u64>, hide_short_help = true)]
    http_limit: Option<u64>,
    /// How often a request is tried again if the connection breaks or the service answers 429 or 5xx [default: 3]
    #[arg(long, value_name = "N", hide_short_help = true)]
    http_retries: Option<u32>,
}

impl AccessArgs {
    /// Whether services are told who asks: by credentials, a header or a certificate.
    pub(super) fn is_identified(&self) -> bool {
        self.access().is_ok_and(|access| !access.headers.is_empty() || access.identity.is_some())
    }

    /// Reads what the options and the environment name.
    pub(super) fn access(&self) -> Result<Access, String> {
        let usual = Access::default();
        let mut headers = Vec::new();
        for header in &self.headers {
            headers.extend(read_headers(header, "-H")?);
        }
        let secret = |file: &Option<PathBuf>, variable: &str| match file {
            Some(file) => text(file).map(|text| Some((file.display().to_string(), text))),
            None => Ok(env::var(variable).ok().map(|text| (variable.to_owned(), text))),
        };
        let token = secret(&self.token_file, TOKEN)?;
        let basic = secret(&self.basic_auth_file, BASIC)?;
        let mut log_in = |place: &str, value: String| {
            let header = SecretHeader::new("Authorization", &value);
            let wrong = || format!("{place}: has a character that a header can't have");
            header.map(|header| headers.push(header)).ok_or_else(wrong)
        };
        if let Some((place, token)) = token.filter(|(_, token)| !token.trim().is_empty()) {
            log_in(&place, format!("Bearer {}", token.trim()))?;
        } else if let Some((place, basic)) = basic.filter(|(_, basic)| !basic.trim().is_empty()) {
            if !basic.contains(':') {
                return Err(format!("{place}: expected USER:PASSWORD"));
            }
            log_in(&place, format!("Basic {}", STANDARD.encode(basic.trim())))?;
        }
        let identity = match (&self.tls_cert, &self.tls_key) {
            (Some(chain), Some(key)) => Some((bytes(chain)?, bytes(key)?)),
            _ => None,
        };
        Ok(Access {
            headers,
            ca: self.tls_ca.as_deref().map(bytes).transpose()?,
            identity,
            timeout: self.http_timeout.unwrap_or(usual.timeout),
            limit: self.http_limit.unwrap_or(usual.limit),
            retries: self.http_retries.unwrap_or(usual.retries),
        })
    }
}

/// Reads `NAME: VALUE`, or the headers of a file, `@FILE`.
pub(super) fn read_headers(typed: &str, option: &str) -> Result<Vec<SecretHeader>, String> {
    let Some(file) = typed.strip_prefix('@') else {
        return Ok(vec![SecretHeader::parse(typed).map_err(|e| format!("{option}: {e}"))?]);
    };
    let name = Path::new(file);
    let text = text(name)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let headers = lines.enumerate().map(|(number, line)| {
        SecretHeader::parse(line)
            .map_err(|e| format!("{}: header {}: {e}", name.display(), number + 1))
    });
    headers.collect()
}

fn bytes(file: &Path) -> Result<Vec<u8>, String> {
    let named = |error: std::io::Error| format!("{}: can't read it: {error}", file.display());
    let size = fs::metadata(file).map_err(named)?.len();
    if size > LARGEST {
        return Err(format!("{}: is larger than 1 MiB; is it the right file?", file.display()));
    }
    fs::read(file).map_err(named)
}

/// A small file with secrets.
pub(super) fn text(file: &Path) -> Result<String, String> {
    let text = String::from_utf8(bytes(file)?);
    text.map_err(|_| format!("{}: expected text in UTF-8", file.display()))
}

#[cfg(test)]
mod tests {
    use super::AccessArgs;

    #[test]
    fn secrets_are_read_from_files_and_never_shown() {
        let folder = std::env::temp_dir().join(format!("heapdiff-access-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (headers, token) = (folder.join("headers"), folder.join("token"));
        std::fs::write(&headers, "X-Key: s3cret\n\nCookie: a=s3cret\n").unwrap();
        std::fs::write(&token, "s3cret\n").unwrap();
        let args = AccessArgs {
            headers: vec![format!("@{}", headers.display())],
            token_file: Some(token),
            ..AccessArgs::default()
        };
        let access = args.access().unwrap();
        assert_eq!(access.headers.len(), 3);
        assert!(!format!("{access:?}").contains("s3cret"), "{access:?}");
        std::fs::write(&headers, "Authorization s3cret").unwrap();
        let error = args.access().unwrap_err();
        assert!(error.contains("header 1: expected") && !error.contains("s3cret"), "{error}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
