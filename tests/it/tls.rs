//! Services that speak TLS, with certificates of the tests' own.

use super::corpus;
use super::program::folder;
use super::urls::run_with;
use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread;

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn signed(name: &str, by: &CertifiedIssuer<'static, KeyPair>) -> (Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (params.signed_by(&key, by).unwrap(), key)
}

/// Serves a profile over TLS, to clients with a certificate of the same authority if `asks` for one. Returns
/// the port.
fn serve(by: &CertifiedIssuer<'static, KeyPair>, asks: bool) -> u16 {
    let (certificate, key) = signed("localhost", by);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(by.der().clone()).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if asks {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = Arc::new(builder.with_single_cert(chain, key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heap = corpus::read("rate1/before.pb.gz");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            let mut start = [0; 16];
            // A client that doesn't trust this service hangs up.
            if stream.read_exact(&mut start).is_err() {
                continue;
            }
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", heap.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&heap));
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    port
}

/// Writes the authority's certificate, and one for a client with its key.
fn files(home: &Path, by: &CertifiedIssuer<'static, KeyPair>) {
    let (certificate, key) = signed("client", by);
    fs::write(home.join("ca.pem"), by.pem()).unwrap();
    fs::write(home.join("client.pem"), certificate.pem()).unwrap();
    fs::write(home.join("client.key"), key.serialize_pem()).unwrap();
}

#[test]
fn certificates_are_checked() {
    let home = folder("tls");
    let by = authority();
    files(&home, &by);
    let port = serve(&by, false);
    let secure = format!("https://localhost:{port}");
    let unchecked = format!("https+insecure://localhost:{port}");
    let plain = format!("http://localhost:{port}");
    let said = |args: &[&str]| {
        let said = run_with(&home, &[], &[&["top", "--http-retries=0"], args].concat());
        (said.code, said.stderr)
    };
    let fine = (Some(0), String::new());
    assert_eq!(said(&[&secure, "--tls_ca=ca.pem"]), fine);
    assert_eq!(said(&[&unchecked]), fine);
    for (args, words) in [
        (&[secure.as_str()][..], "give the certificate of who signed it with --tls_ca"),
        (&[&secure, "--tls_ca=client.key"], "--tls_ca: has no certificate"),
        (&[&secure.replace("localhost", "127.0.0.1"), "--tls_ca=ca.pem"], "no secure connection"),
    ] {
        let (code, message) = said(args);
        assert_eq!(code, Some(2), "{args:?}");
        assert!(message.contains(words), "{args:?}: {message}");
    }
    assert_eq!(said(&[&plain]).0, Some(2));
}

#[test]
fn clients_show_certificates() {
    let home = folder("tls-client");
    let by = authority();
    files(&home, &by);
    let url = format!("https://localhost:{}", serve(&by, true));
    let known = ["--tls_ca=ca.pem", "--tls_cert=client.pem", "--tls_key=client.key"];
    let said = run_with(&home, &[], &[&["top", &url], &known[..]].concat());
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    let said = run_with(&home, &[], &["top", &url, "--http-retries=0", "--tls_ca=ca.pem"]);
    assert_eq!(said.code, Some(2), "a client without a certificate is refused");
}
