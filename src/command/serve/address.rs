//! Where to serve: the addresses of `--http`, and listeners there.

use crate::command::CommandError;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};

/// The usual port.
const PORT: u16 = 8080;

/// What is listened at.
pub(super) struct Bound {
    pub(super) listeners: Vec<TcpListener>,
    pub(super) addresses: Vec<SocketAddr>,
    /// Further names of this machine.
    pub(super) names: Vec<String>,
    /// Whether only this machine can connect.
    pub(super) is_local: bool,
}

/// Listens there; without an address at the usual port of this machine, or at any that is free.
pub(super) fn bind(typed: Option<&str>) -> Result<Bound, CommandError> {
    let Some(typed) = typed else {
        return local(PORT).or_else(|_| local(0)).map_err(|error| {
            CommandError::Usage(format!("can't serve at any port of this machine: {error}"))
        });
    };
    let usage = |why: String| CommandError::Usage(format!("--http {typed}: {why}"));
    let (host, port) = split(typed).map_err(usage)?;
    let bound = match host {
        "" | "localhost" => local(port),
        host => named(host, port),
    };
    bound.map_err(|error| {
        usage(match error.kind() {
            io::ErrorKind::AddrInUse => "this port is in use: choose another one, or :0".to_owned(),
            io::ErrorKind::PermissionDenied => {
                "permission denied: choose a port from 1024 on".to_owned()
            }
            _ => error.to_string(),
        })
    })
}

/// The host, empty if there is none, and the port.
fn split(typed: &str) -> Result<(&str, u16), String> {
    let expected = || "expected :PORT for this machine alone, or HOST:PORT".to_owned();
    let (host, port) = typed.rsplit_once(':').unwrap_or(("", typed));
    let port = port.parse().map_err(|_| expected())?;
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_whole = inner.is_some() || !host.contains([':', '[', ']', '/']);
    if is_whole { Ok((inner.unwrap_or(host), port)) } else { Err(expected()) }
}

/// A name to answer under, with or without a port.
pub(super) fn name(typed: &str) -> Result<String, String> {
    let (name, port) = match typed.rsplit_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (typed, None),
    };
    let is_part = |part: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !part.is_empty() && part.len() <= 63 && part.chars().all(is_plain)
    };
    let is_name = name.len() <= 253 && name.split('.').all(is_part);
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    if is_name && is_port {
        return Ok(typed.to_ascii_lowercase());
    }
    Err("expected a name as in an address: box.example or box.example:8443".to_owned())
}

/// Both addresses of this machine.
fn local(port: u16) -> io::Result<Bound> {
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let port = first.local_addr()?.port();
    let mut listeners = vec![first];
    match TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
        Ok(second) => listeners.push(second),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
        // A machine without IPv6.
        Err(_) => {}
    }
    bound(listeners, Vec::new())
}

fn named(host: &str, port: u16) -> io::Result<Bound> {
    let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    let listener = TcpListener::bind(addresses.as_slice())?;
    let names = if host.parse::<IpAddr>().is_ok() { Vec::new() } else { vec![host.to_owned()] };
    bound(vec![listener], names)
}

impl Bound {
    /// The name of a machine that was asked for, if it leads no further than to this machine itself.
    pub(super) fn alone(&self) -> Option<&str> {
        self.names.first().filter(|_| self.is_local).map(String::as_str)
    }
}

fn bound(listeners: Vec<TcpListener>, names: Vec<String>) -> io::Result<Bound> {
    let addresses = listeners.iter().map(TcpListener::local_addr).collect::<Result<Vec<_>, _>>()?;
    let is_local = addresses.iter().all(|address| address.ip().is_loopback());
    Ok(Bound { listeners, addresses, names, is_local })
}

#[cfg(test)]
mod tests {
    use super::{Bound, bind, name, split};

    #[test]
    fn addresses_are_of_this_machine_unless_others_are_named() {
        for (typed, meant) in [
            (":8080", ("", 8080)),
            ("8080", ("", 8080)),
            ("localhost:0", ("localhost", 0)),
            ("127.0.0.1:80", ("127.0.0.1", 80)),
            ("[::1]:8080", ("::1", 8080)),
            ("0.0.0.0:1", ("0.0.0.0", 1)),
            ("box.example:8080", ("box.example", 8080)),
        ] {
            assert_eq!(split(typed), Ok(meant), "{typed}");
        }
        for wrong in ["", ":", "host", "host:", ":99999", "::1:80", "http://x:80", "[::1]", "-1"] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_name_is_one_and_no_pattern() {
        for right in ["box", "Box.example", "box.example:8443", "10.0.0.7", "a-b_c.lan:1"] {
            assert_eq!(name(right), Ok(right.to_ascii_lowercase()));
        }
        for wrong in [
            "",
            "*",
            "*.example",
            ".example",
            "a..b",
            "http://box",
            "box/x",
            "box:",
            "box:x",
            "box:0",
            "a b",
            "::1",
        ] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_name_that_leads_here_alone_is_said() {
        let of = |names: &[&str], is_local| Bound {
            listeners: Vec::new(),
            addresses: Vec::new(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            is_local,
        };
        assert_eq!(of(&["box"], true).alone(), Some("box"));
        assert_eq!(of(&["box"], false).alone(), None);
        assert_eq!(of(&[], true).alone(), None);
        // What asks for this machine alone is no surprise.
        for typed in [":0", "localhost:0", "127.0.0.1:0"] {
            assert_eq!(bind(Some(typed)).unwrap().alone(), None, "{typed}");
        }
    }

    #[test]
    fn a_port_in_use_is_said_and_any_other_is_found_if_none_was_asked_for() {
        let bound = bind(Some(":0")).unwrap();
        assert!(bound.is_local && bound.addresses[0].port() != 0);
        let taken = format!(":{}", bound.addresses[0].port());
        let error = bind(Some(&taken)).err().unwrap().to_string();
        assert!(error.contains("in use") && error.contains(&taken), "{error}");
        assert!(bind(None).is_ok());
    }
}
