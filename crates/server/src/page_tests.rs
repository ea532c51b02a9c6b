//! What is served with what, and to whom.

use axum::body::to_bytes;

use super::*;

const FILES: &[PageFile] = &[
    PageFile {
        path: "/index.html",
        kind: "text/html; charset=utf-8",
        hash: "1",
        content: PageContent::Plain(b"<meta nonce=\"__NONCE__\"><style nonce=\"__NONCE__\">"),
    },
    PageFile {
        path: "/assets/main-abc.js",
        kind: "text/javascript; charset=utf-8",
        hash: "2",
        // "hello" with gzip; nobody looks into the other one.
        content: PageContent::Packed {
            brotli: b"brotli",
            gzip: &[
                0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0, 0x86, 0xa6, 0x10, 0x36, 5,
                0, 0, 0,
            ],
        },
    },
    PageFile { path: "/sw.js", kind: "text/javascript; charset=utf-8", hash: "3", content: PageContent::Plain(b"x") },
    PageFile { path: "/icon.png", kind: "image/png", hash: "4", content: PageContent::Plain(b"png") },
];

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

fn wanted(method: Method, path: &str, accept: &'static str) -> String {
    match Page::new(FILES).wanted(&method, path, &headers(&[("accept", accept)])) {
        Some(Wanted::Shell) => "shell".to_owned(),
        Some(Wanted::File(file)) => file.path.to_owned(),
        None => "nothing".to_owned(),
    }
}

#[test]
fn places_are_the_shell_and_files_are_files() {
    const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
    for path in ["/", "/s/ses_0193", "/new", "/workers", "/agents", "/settings", "/about", "/a/place/of/tomorrow"] {
        assert_eq!(wanted(Method::GET, path, HTML), "shell", "{path}");
        assert_eq!(wanted(Method::HEAD, path, HTML), "shell", "{path}");
        assert_eq!(wanted(Method::POST, path, HTML), "nothing", "{path}");
    }
    assert_eq!(wanted(Method::GET, "/", "*/*"), "shell");
    for path in ["/assets/main-abc.js", "/sw.js", "/icon.png"] {
        assert_eq!(wanted(Method::GET, path, HTML), path);
        assert_eq!(wanted(Method::GET, path, "*/*"), path);
    }
    for path in ["/assets/old-123.js", "/favicon.ico", "/v1/nowhere", "/v1", "/metrics", "/openapi.json", "/healthz"] {
        assert_eq!(wanted(Method::GET, path, HTML), "nothing", "{path}");
    }
    for accept in ["*/*", "application/json", "text/html;q=0, */*"] {
        assert_eq!(wanted(Method::GET, "/workers", accept), "nothing", "{accept}");
    }
}

async fn body(response: Response) -> String {
    String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn files_come_in_the_form_that_the_client_takes() {
    let page = Page::new(FILES);
    let script = page.files["/assets/main-abc.js"];
    for (accept, coding, text) in [
        ("gzip, deflate, br, zstd", Some("br"), "brotli"),
        ("br;q=0, identity", None, "hello"),
        ("deflate", None, "hello"),
        ("", None, "hello"),
    ] {
        let answer = script.answer(&headers(&[("accept-encoding", accept)]));
        assert_eq!(answer.headers().get("content-encoding").map(|c| c.to_str().unwrap()), coding, "{accept}");
        assert_eq!(answer.headers()["vary"], "accept-encoding");
        assert_eq!(body(answer).await, text, "{accept}");
    }
    let zipped = script.answer(&headers(&[("accept-encoding", "gzip, deflate")]));
    assert_eq!(zipped.headers()["content-encoding"], "gzip");
    assert_eq!(body(page.files["/icon.png"].answer(&headers(&[("accept-encoding", "br")]))).await, "png");
}

#[test]
fn what_has_its_hash_in_its_name_is_kept_and_the_rest_is_asked_for_again() {
    let page = Page::new(FILES);
    let get = |path: &str, asked: &[(&'static str, &'static str)]| page.files[path].answer(&headers(asked));
    assert_eq!(get("/assets/main-abc.js", &[]).headers()["cache-control"], "public, max-age=31536000, immutable");
    for path in ["/sw.js", "/icon.png"] {
        assert_eq!(get(path, &[]).headers()["cache-control"], "no-cache", "{path}");
    }
    assert_eq!(get("/sw.js", &[]).headers()["etag"], "W/\"3\"");
    for (mark, status) in [("W/\"3\"", 304), ("\"3\"", 304), ("\"1\", W/\"3\"", 304), ("*", 304), ("W/\"4\"", 200)] {
        let answer = get("/sw.js", &[("if-none-match", mark)]);
        assert_eq!(answer.status().as_u16(), status, "{mark}");
        assert_eq!(answer.headers()["etag"], "W/\"3\"", "{mark}");
    }
    assert!(
        get("/sw.js", &[]).headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'")
    );
}

#[tokio::test]
async fn the_shell_says_the_nonce_where_it_belongs() {
    let answer = Page::new(FILES).shell("5eed");
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert_eq!(
        policy,
        "default-src 'none'; script-src 'self'; style-src-elem 'self' 'nonce-5eed'; style-src-attr 'unsafe-inline'; \
         img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(answer.headers()[name], value, "{name}");
    }
    let permissions = answer.headers()["permissions-policy"].to_str().unwrap();
    assert!(permissions.contains("camera=()") && !permissions.contains("clipboard"), "{permissions}");
    assert_eq!(body(answer).await, "<meta nonce=\"5eed\"><style nonce=\"5eed\">");
    let small = body(Page::new(&[]).shell("5eed")).await;
    assert!(small.contains("without the dashboard") && small.contains("nonce=\"5eed\"") && !small.contains(PLACE));
}
