//! What is refused: each guard is a test here.

use crate::client::{Server, heapdiff, read};
use crate::support::program::folder;
use crate::{chat, given};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;

/// The status and the code of the answer to a request with these headers.
fn refused(server: &Server, request: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let answer = server.ask(request, headers, b"");
    let code = if answer.status >= 400 { answer.code() } else { String::new() };
    (answer.status, code)
}

#[test]
fn only_our_own_names_are_answered() {
    let server = chat("serve-hosts");
    let port = server.port;
    for host in ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"] {
        let host = format!("{host}:{port}");
        let (status, _) = refused(&server, "GET /api/v1/inputs", &[("Host", &host)]);
        assert_eq!(status, 200, "{host}");
    }
    // A name of another site that leads here, prefixes and suffixes of ours, and other ports.
    for host in [
        format!("evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        format!("localhost:{port}0"),
        format!("localhost:{port}@evil.example"),
        format!("evillocalhost:{port}"),
        format!("192.168.0.1:{port}"),
        format!("0.0.0.0:{port}"),
        "localhost".to_owned(),
        "localhost:1".to_owned(),
        String::new(),
    ] {
        for path in ["/", "/api/v1/inputs", "/assets/app.js"] {
            let answer = refused(&server, &format!("GET {path}"), &[("Host", &host)]);
            // hyper itself may refuse what is no name at all.
            assert!(
                answer.0 == 403 && answer.1 == "host" || answer.0 == 400,
                "{host} {path}: {answer:?}"
            );
        }
    }
    // Two names, none, and one that the address contradicts.
    let ours = format!("localhost:{port}");
    let two = [("Host", ours.as_str()), ("Host", "evil.example")];
    assert_eq!(refused(&server, "GET /", &two).0, 403);
    let mut stream = server.connect();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(read(&mut stream).status, 403);
    let other = refused(&server, "GET http://evil.example/", &[("Host", &ours)]);
    assert_eq!(other, (403, "host".to_owned()));
}

#[test]
fn pages_of_other_sites_get_no_data() {
    let server = chat("serve-origins");
    let own = format!("http://localhost:{}", server.port);
    let api = "GET /api/v1/report?about=diff";
    for (headers, status) in [
        (&[("Origin", own.as_str())][..], 200),
        (&[("Sec-Fetch-Site", "same-origin")], 200),
        (&[("Sec-Fetch-Site", "none")], 200),
        (&[("Origin", "http://evil.example")], 403),
        (&[("Origin", "null")], 403),
        (&[("Origin", "https://localhost")], 403),
        (&[("Origin", "http://localhost:1")], 403),
        (&[("Origin", own.as_str()), ("Origin", "http://evil.example")], 403),
        (&[("Sec-Fetch-Site", "cross-site")], 403),
        (&[("Sec-Fetch-Site", "same-site")], 403),
        (&[("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")], 403),
        (&[("Sec-Fetch-Site", "bogus")], 403),
    ] {
        let answer = refused(&server, api, headers);
        assert_eq!(answer.0, status, "{headers:?}");
        assert!(status == 200 || answer.1 == "origin", "{headers:?}: {answer:?}");
    }
    // A link on another site may open the page, which has no data in it.
    assert_eq!(refused(&server, "GET /", &[("Sec-Fetch-Site", "cross-site")]).0, 200);
    // No answer lets another site read it.
    let answer = server.ask(api, &[("Origin", &own)], b"");
    assert!(!answer.headers.iter().any(|(name, _)| name.starts_with("access-control-")));
}

#[test]
fn a_browser_gets_a_page_where_a_program_gets_json() {
    let server = chat("serve-html");
    let accept = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    let ask = |path: &str| server.ask(&format!("GET {path}"), &[accept], b"");
    let shown = ask("/nope");
    assert_eq!((shown.status, shown.header("content-type")), (404, "text/html; charset=utf-8"));
    assert!(shown.text().contains("<p>there is no such page") && !shown.text().contains('{'));
    assert!(!shown.header("content-security-policy").is_empty());
    assert_eq!(server.get("/nope").code(), "not-found");
    assert_eq!(ask("/api/v1/nope").code(), "not-found");
    let here = folder("serve-html-token");
    std::fs::write(here.join("token"), "0123456789abcdef").unwrap();
    let server = Server::start(&here, &["--token", "token", &given("chat/after.pb.gz")]);
    let shown = server.ask("GET /diff", &[accept], b"");
    assert_eq!((shown.status, shown.header("content-type")), (403, "text/html; charset=utf-8"));
    assert!(shown.text().contains("?token="), "{}", shown.text());
}

#[test]
fn a_change_needs_what_a_form_of_another_site_cannot_send() {
    let server = chat("serve-writes");
    let bytes = ("Content-Type", "application/octet-stream");
    let ours = ("X-Heapdiff", "1");
    let own = format!("http://localhost:{}", server.port);
    let length = ("Content-Length", "0");
    for headers in [
        &[bytes, length][..],
        &[ours, length],
        &[ours, ("Content-Type", "text/plain"), length],
        &[ours, ("Content-Type", "multipart/form-data; boundary=x"), length],
        &[ours, ("Content-Type", "application/x-www-form-urlencoded"), length],
        &[("X-Heapdiff", "0"), bytes, length],
        &[ours, bytes, ("Origin", "http://evil.example"), length],
        &[ours, bytes, ("Sec-Fetch-Site", "cross-site"), length],
    ] {
        assert_eq!(refused(&server, "POST /api/v1/inputs?name=x", headers).0, 403, "{headers:?}");
    }
    assert_eq!(refused(&server, "DELETE /api/v1/inputs/1", &[]), (403, "write".to_owned()));
    // What was named on the command line stays.
    assert_eq!(refused(&server, "DELETE /api/v1/inputs/1", &[ours]).0, 404);
    let preflight = [("Origin", own.as_str()), ("Access-Control-Request-Method", "POST")];
    let answer = server.ask("OPTIONS /api/v1/inputs", &preflight, b"");
    assert!(answer.status >= 400 && answer.header("access-control-allow-origin").is_empty());
    assert_eq!(server.revision(), 1);
}

#[test]
fn no_get_changes_anything() {
    let server = chat("serve-gets");
    let before = server.get("/api/v1/inputs").body;
    let folder = folder("serve-gets");
    let document = server.get("/api/v1/openapi.json").json();
    for path in
        document["paths"].as_object().unwrap().keys().filter(|path| !path.ends_with("events"))
    {
        server.get(&format!("{}?name=x&p=main", path.replace("{id}", "1")));
    }
    for path in ["/saveconfig?config=x", "/deleteconfig?config=x", "/ui/", "/download", "/quit"] {
        server.get(path);
    }
    assert_eq!(server.get("/api/v1/inputs").body, before);
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0, "a file was written");
}

#[test]
fn every_answer_forbids_what_the_page_does_not_need() {
    let server = chat("serve-headers");
    for path in [
        "/",
        "/diff",
        "/assets/app.js",
        "/assets/none",
        "/api/v1/inputs",
        "/api/v1/report?f=((",
        "/nosuch",
        "/ui/top",
    ] {
        let answer = server.get(path);
        let policy = answer.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ] {
            assert!(policy.split(';').any(|own| own.trim() == part), "{path}: {part}: {policy}");
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{path}");
        }
        assert!(answer.header("cache-control").contains("no-"), "{path}");
    }
}

#[test]
fn the_page_asks_no_other_server() {
    let server = chat("serve-elsewhere");
    let page = server.get("/").text();
    assert!(page.contains("<meta name=\"heapdiff-source\" content=\"http\">"), "{page}");
    assert!(!page.contains("//") && !page.contains("<style") && !page.contains("style="), "{page}");
    let scripts: Vec<&str> = page.split("<script").skip(1).collect();
    assert_eq!(scripts.len(), 1);
    assert!(scripts[0].starts_with(" src=\"/assets/app.js\">"), "{page}");
    for path in
        ["/diff", "/top", "/flame", "/refs", "/time", "/source", "/goroutines", "/gc", "/memory"]
    {
        assert_eq!(server.get(path).text(), page, "{path}");
    }
}

const TOKEN: &str = "0123456789abcdef.-_~";

/// Writes a file with a token, and returns the header of a program that has it.
fn bearer(folder: &Path) -> String {
    std::fs::write(folder.join("token"), TOKEN).unwrap();
    format!("Bearer {TOKEN}")
}

#[test]
fn other_machines_need_the_token() {
    let folder = folder("serve-token");
    let token = TOKEN;
    std::fs::write(folder.join("token"), format!("{token}\n")).unwrap();
    let after = given("chat/after.pb.gz");
    let server = Server::start_at(&folder, "0.0.0.0:0", &["--token", "token", &after]);
    assert!(server.address.ends_with(&format!("/?token={token}")), "{}", server.address);
    let refuse = |headers: &[(&str, &str)]| refused(&server, "GET /api/v1/inputs", headers);
    assert_eq!(refuse(&[]), (403, "token".to_owned()));
    let cookie = |value: &str| format!("other=1; heapdiff-{}={value}", server.port);
    for wrong in ["", "x", "0123456789abcdef.-_", "0123456789abcdef.-_~~"] {
        assert_eq!(refuse(&[("Cookie", &cookie(wrong))]).0, 403, "{wrong}");
        assert_eq!(refuse(&[("Authorization", &format!("Bearer {wrong}"))]).0, 403, "{wrong}");
        assert_eq!(refused(&server, &format!("GET /?token={wrong}"), &[]).0, 403, "{wrong}");
    }
    // In the address it is of use for a page alone, and only once.
    assert_eq!(refused(&server, &format!("GET /api/v1/inputs?token={token}"), &[]).0, 403);
    let answer = server.get(&format!("/flame?f=a%26b&token={token}&g=lines"));
    assert_eq!((answer.status, answer.header("location")), (303, "/flame?f=a%26b&g=lines"));
    let set = answer.header("set-cookie");
    assert!(set.contains("; HttpOnly") && set.contains("; SameSite=Strict"), "{set}");
    let kept = set.split(';').next().unwrap();
    assert_eq!(refuse(&[("Cookie", kept)]).0, 200);
    assert_eq!(refuse(&[("Authorization", &format!("Bearer {token}"))]).0, 200);
    // A path that looks like another server stays here.
    let answer = server.get(&format!("//evil.example/?token={token}"));
    assert_eq!(answer.header("location"), "/evil.example/");
    // Any address of this machine is its name, and no other name is.
    let address = format!("127.0.0.1:{}", server.port);
    assert_eq!(refuse(&[("Cookie", kept), ("Host", &address)]).0, 200);
    let name = format!("evil.example:{}", server.port);
    assert_eq!(refuse(&[("Cookie", kept), ("Host", &name)]), (403, "host".to_owned()));
}

#[test]
fn a_token_is_made_for_other_machines_and_has_to_be_long() {
    let folder = folder("serve-random");
    let after = given("chat/after.pb.gz");
    let [one, two] = [(); 2].map(|()| {
        let server = Server::start_at(&folder, "0.0.0.0:0", &[&after]);
        assert_eq!(server.get("/api/v1/inputs").status, 403);
        server.address.split_once("/?token=").expect("a token").1.to_owned()
    });
    assert!(one.len() >= 32 && one != two, "{one} {two}");
    std::fs::write(folder.join("short"), "hunter2").unwrap();
    let said = heapdiff(&folder, &["serve", "--token", "short", &after]).output().unwrap();
    let message = String::from_utf8(said.stderr).unwrap();
    assert_eq!(said.status.code(), Some(2));
    assert!(
        message.contains("--token short: expected at least 16") && !message.contains("hunter2"),
        "{message}"
    );
}

#[test]
fn source_is_shown_from_allowed_folders_alone() {
    let home = folder("serve-source");
    let [inside, outside] = ["inside", "outside"].map(|name| home.join(name));
    for folder in [&inside, &outside] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let code = "package main\n\nfunc f() {\n\tx := make([]byte, 4096) // the secret\n}\n";
    std::fs::write(outside.join("f.go"), code).unwrap();
    std::fs::create_dir(home.join("run")).unwrap();
    std::os::unix::fs::symlink(outside.join("f.go"), home.join("run/g.go")).unwrap();
    let named = |path: &str| {
        format!(
            "heap profile: 1: 4096 [1: 4096] @ heap/1048576\n1: 4096 [1: 4096] @ 0x1\n#\t0x0\tmain.f+0x1\t{path}:4\n"
        )
    };
    let absolute = outside.join("f.go").to_string_lossy().into_owned();
    let run = home.join("run");
    for path in [&absolute, "g.go", "../outside/f.go", "/etc/passwd", "/dev/zero"] {
        std::fs::write(run.join("heap.txt"), named(path)).unwrap();
        let server = Server::start(&run, &["heap.txt"]);
        let answer = server.get("/api/v1/source?p=main.f");
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(!answer.text().contains("the secret"), "{path}: {}", answer.text());
    }
    std::fs::write(run.join("heap.txt"), named(&absolute)).unwrap();
    let allowed = outside.to_string_lossy().into_owned();
    let server = Server::start(&run, &["--source_path", &allowed, "heap.txt"]);
    let answer = server.get("/api/v1/source?p=main.f");
    assert!(answer.text().contains("the secret"), "{}", answer.text());
    // A path is never asked for: the parameter is an expression on functions.
    for path in ["p=f.go", "p=%2Fetc%2Fpasswd", "id=%2Fetc%2Fpasswd", "id=..%2Ff.go", "id=f.go"] {
        assert_eq!(server.get(&format!("/api/v1/source?{path}")).status, 404, "{path}");
    }
    // By its id as by its name: from allowed folders alone.
    let by_id = |server: &Server| server.get("/api/v1/source?id=12pdi70");
    assert!(by_id(&server).text().contains("the secret"), "{}", by_id(&server).text());
    let other = Server::start(&run, &["heap.txt"]);
    assert_eq!(by_id(&other).status, 200);
    assert!(!by_id(&other).text().contains("the secret"), "{}", by_id(&other).text());
    for path in ["/assets/../Cargo.toml", "/assets/..%2f..%2fetc%2fpasswd", "/assets/%2e%2e/x"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

#[test]
fn bodies_are_bounded() {
    let server = chat("serve-bodies");
    let ours = ("X-Heapdiff", "1");
    let bytes = ("Content-Type", "application/octet-stream");
    // By what it says of itself, before a byte of it is read.
    let large = [ours, bytes, ("Content-Length", "67108865")];
    assert_eq!(
        refused(&server, "POST /api/v1/inputs?name=x", &large),
        (413, "too-large".to_owned())
    );
    // By what comes.
    let mut stream = server.connect();
    let head =
        server.head("POST /api/v1/inputs?name=x", &[ours, bytes, ("Transfer-Encoding", "chunked")]);
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = [b"100000\r\n".to_vec(), vec![0; 1 << 20], b"\r\n".to_vec()].concat();
    let sent = (0..80).take_while(|_| stream.write_all(&chunk).is_ok()).count();
    assert!(sent >= 60, "it ended after {sent} MiB");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
    // A few kilobytes that unpack to more than a gigabyte, as lines of a text.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(b"heap profile: 1: 4096 [1: 4096] @ heap/1048576\n").unwrap();
    let lines = b"\n".repeat(1 << 20);
    (0..1100).for_each(|_| packed.write_all(&lines).unwrap());
    let bomb = packed.finish().unwrap();
    assert!(bomb.len() < 4 << 20, "{}", bomb.len());
    let answer = server.add("bomb.gz", &bomb);
    assert_eq!((answer.status, answer.code().as_str()), (400, "bad-input"), "{}", answer.text());
    assert!(answer.text().contains("more than 1 GiB"), "{}", answer.text());
    // A thousand parts of a form are no upload.
    let parts = "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\nx\r\n"
        .repeat(1000)
        + "--x--\r\n";
    let length = parts.len().to_string();
    let form =
        [ours, ("Content-Type", "multipart/form-data; boundary=x"), ("Content-Length", &length)];
    let answer = server.ask("POST /api/v1/inputs?name=x", &form, parts.as_bytes());
    assert_eq!((answer.status, answer.code().as_str()), (403, "write"));
    // A head is bounded as well.
    let long = format!("GET /?{}", "x".repeat(1 << 20));
    assert!(matches!(server.ask(&long, &[], b"").status, 414 | 431));
    assert_eq!(server.revision(), 1);
}

#[test]
fn slow_clients_are_left() {
    let folder = folder("serve-slow");
    let limits = ["--limits", "300ms,300ms,300ms,1s,300ms"];
    let server = Server::start(&folder, &[&limits[..], &[&given("chat/after.pb.gz")]].concat());
    let ends = |sent: &str| {
        let mut stream = server.connect();
        stream.write_all(sent.as_bytes()).unwrap();
        let mut rest = Vec::new();
        // The end comes, however long it takes; the test itself would wait much longer.
        stream.read_to_end(&mut rest).map(|_| String::from_utf8_lossy(&rest).into_owned())
    };
    // Half a head, nothing, and nothing after an answer.
    ends("GET / HTTP/1.1\r\nHost: loc").unwrap();
    ends("").unwrap();
    let answer = ends(&format!("GET /nosuch HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", server.port));
    assert!(answer.unwrap().starts_with("HTTP/1.1 404"));
    // Half a body.
    let headers = [
        ("X-Heapdiff", "1"),
        ("Content-Type", "application/octet-stream"),
        ("Content-Length", "100"),
    ];
    let answer = ends(&(server.head("POST /api/v1/inputs?name=x", &headers) + "half")).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    // One that asks again and again and takes nothing: it can't ask for ever.
    let mut stream = server.connect();
    let request = format!("GET /assets/app.js HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", server.port);
    let asked = (0..1_000_000).take_while(|_| stream.write_all(request.as_bytes()).is_ok()).count();
    assert!(asked < 1_000_000, "it was never left");
    assert_eq!(server.get("/").status, 200);
}

/// Sends a request on a connection that stays, and reads its answer.
fn ask_again(server: &Server, stream: &mut std::net::TcpStream) {
    let request = format!("GET /nosuch HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", server.port);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"}}\n") {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&answer));
        answer.push(byte[0]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 404"));
}

#[test]
fn a_pause_between_requests_may_be_longer_than_a_head() {
    let folder = folder("serve-pauses");
    let after = given("chat/after.pb.gz");
    let start = |limits: &str| Server::start(&folder, &["--limits", limits, &after]);
    let long_pauses = start("300ms,60s,60s,1s,1h");
    let mut stream = long_pauses.connect();
    for _ in 0..3 {
        ask_again(&long_pauses, &mut stream);
        std::thread::sleep(std::time::Duration::from_millis(900));
    }
    // A head that has begun is due, also on a connection that had one.
    stream.write_all(b"GET / HTTP/1.1\r\nHost: loc").unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the connection ends long before the pause may");
    // And so is the first one.
    let mut silent = long_pauses.connect();
    silent.read_to_end(&mut rest).expect("it ends");
    // A pause ends too.
    let short_pauses = start("1h,60s,60s,1s,300ms");
    let mut stream = short_pauses.connect();
    ask_again(&short_pauses, &mut stream);
    stream.read_to_end(&mut rest).expect("the pause is over");
}

#[test]
fn a_name_that_is_given_is_answered_and_no_other() {
    let folder = folder("serve-names");
    let bearer = bearer(&folder);
    let after = given("chat/after.pb.gz");
    let names = ["--host", "Box.example", "--host", "proxy.example:8443", "--token", "token"];
    let server = Server::start(&folder, &[&names[..], &[&after]].concat());
    let port = server.port;
    let ask = |host: &str, origin: &str| {
        let headers = [("Host", host), ("Authorization", bearer.as_str()), ("Origin", origin)];
        let with = if origin.is_empty() { &headers[..2] } else { &headers[..] };
        refused(&server, "GET /api/v1/inputs", with)
    };
    let own = format!("box.example:{port}");
    for (host, origin) in [
        (own.as_str(), format!("http://{own}")),
        ("box.example", "https://box.example".to_owned()),
        ("BOX.example", "http://box.example".to_owned()),
        ("proxy.example:8443", "https://proxy.example:8443".to_owned()),
        ("box.example", String::new()),
    ] {
        assert_eq!(ask(host, &origin).0, 200, "{host} {origin}");
    }
    for host in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        "box.example.evil.example".to_owned(),
        "evilbox.example".to_owned(),
        "example".to_owned(),
        "box.example:1".to_owned(),
        format!("box.example:{port}:{port}"),
        "proxy.example".to_owned(),
        "proxy.example:84430".to_owned(),
    ] {
        let answer = ask(&host, "");
        assert!(answer == (403, "host".to_owned()) || answer.0 == 400, "{host}: {answer:?}");
    }
    // A page of another site doesn't become ours by a name that is.
    for origin in ["https://evil.example", "http://box.example:1", "https://proxy.example", "null"]
    {
        assert_eq!(ask("box.example", origin), (403, "origin".to_owned()), "{origin}");
    }
    // Whoever is in front lets others in, so they need the token.
    assert_eq!(refused(&server, "GET /api/v1/inputs", &[]), (403, "token".to_owned()));
    let random = Server::start(&folder, &["--host", "box.example", &after]);
    assert!(random.address.contains("?token="), "{}", random.address);
    let said = heapdiff(&folder, &["serve", "--host", "*.example", &after]).output().unwrap();
    assert_eq!(said.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&said.stderr).contains("expected a name as in an address"));
}

#[test]
fn answers_for_other_machines_are_packed_if_they_take_it() {
    let folder = folder("serve-packed");
    let after = given("chat/after.pb.gz");
    let bearer = bearer(&folder);
    let server = Server::start_at(&folder, "0.0.0.0:0", &["--token", "token", &after]);
    let ask = |path: &str, accepted: &str, tag: &str| {
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Accept-Encoding", accepted),
            ("If-None-Match", tag),
        ];
        server.ask(&format!("GET {path}"), &headers, b"")
    };
    for path in ["/api/v1/report?about=top", "/api/v1/tree", "/assets/app.js"] {
        let plain = ask(path, "identity", "");
        assert_eq!((plain.status, plain.header("content-encoding")), (200, ""));
        let packed = ask(path, "br, gzip", "");
        assert_eq!(packed.header("content-encoding"), "gzip", "{path}");
        assert_eq!(packed.header("vary"), "Accept-Encoding");
        assert_eq!(packed.header("content-type"), plain.header("content-type"));
        assert!(packed.body.len() < plain.body.len());
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(packed.body.as_slice()).read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == plain.body, "{path}");
        let tag = packed.header("etag");
        assert_eq!(tag, format!("W/{}", plain.header("etag")));
        assert_eq!(ask(path, "gzip", tag).status, 304);
    }
    assert_eq!(ask("/nosuch", "gzip", "").header("content-encoding"), "");
    let local = chat("serve-unpacked");
    let answer = local.ask("GET /api/v1/report?about=diff", &[("Accept-Encoding", "gzip")], b"");
    assert_eq!((answer.status, answer.header("content-encoding")), (200, ""));
}

#[test]
fn a_port_in_use_is_said_and_so_is_a_wrong_input() {
    let server = chat("serve-port");
    let folder = folder("serve-port-second");
    let run = |args: &[&str]| {
        let args = [&["serve", "--no_browser"], args].concat();
        let output = heapdiff(&folder, &args).stdin(Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let port = format!(":{}", server.port);
    let after = given("chat/after.pb.gz");
    let (code, said) = run(&["--http", &port, &after]);
    assert!(
        code == Some(2) && said.contains(&format!("--http {port}: this port is in use")),
        "{said}"
    );
    std::fs::write(folder.join("broken.pb.gz"), b"\x1f\x8b\x08").unwrap();
    for (args, part) in [
        (&["nosuch.pb.gz"][..], "nosuch.pb.gz: no such file"),
        (&["broken.pb.gz"], "broken.pb.gz"),
        (&["--http", "x", after.as_str()], "expected :PORT for this machine alone"),
        (&["--own", "((", after.as_str()], "-own: regex parse error"),
        (&["--every", "5s", after.as_str()], "about a service"),
        (&["http://localhost:1", "http://localhost:2"], "one service at a time"),
    ] {
        let (code, said) = run(args);
        assert!(code == Some(2) && said.contains(part), "{args:?}: {said}");
    }
}
