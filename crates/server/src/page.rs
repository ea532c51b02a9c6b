//! The dashboard as the server was given it: its files, and what each of them is served with.

use std::{borrow::Cow, collections::HashMap, fmt, io::Read as _};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

/// What stands in the shell where the nonce belongs.
const PLACE: &str = "__NONCE__";

/// The shell of a server that was built without the dashboard.
const SMALL: &str = include_str!("page/small.html");

/// Where files are that have a hash of their content in their names.
const HASHED: &str = "/assets/";

/// Where the service worker is.
const WORKER: &str = "/sw.js";

/// What the shell may do; `NONCE` is another one in every answer. Styles of libraries are let in by it, styles in
/// attributes always; scripts come from this server alone, and so does everything that is asked for.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src-elem 'self' 'nonce-NONCE'; \
     style-src-attr 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; \
     worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What a script may do that runs by itself, as a worker: a worker does not have the policy of its page.
const SCRIPT_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'";

/// Nothing of the machine that a page of text has a use for. Copying is allowed, as it is by default.
const PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), \
     magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()";

/// A file of the dashboard.
#[derive(Clone, Copy)]
pub struct PageFile {
    /// Where it is, from the root: `/assets/index-….js`.
    pub path: &'static str,
    /// Its media type.
    pub kind: &'static str,
    /// A hash of what is in it.
    pub hash: &'static str,
    /// What is in it.
    pub content: PageContent,
}

/// What is in a file.
#[derive(Clone, Copy)]
pub enum PageContent {
    /// The file as it is.
    Plain(&'static [u8]),
    /// The file twice, compressed. Browsers take brotli over TLS and from this machine only, so it is not enough.
    Packed {
        /// With brotli.
        brotli: &'static [u8],
        /// With gzip.
        gzip: &'static [u8],
    },
}

impl fmt::Debug for PageFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without what is in it.
        f.debug_struct("PageFile").field("path", &self.path).field("hash", &self.hash).finish_non_exhaustive()
    }
}

/// What a request would get of the dashboard.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// The shell, which shows the place that the address names.
    Shell,
    /// A file.
    File(&'a PageFile),
}

/// The dashboard.
pub struct Page {
    /// The shell, cut where the nonce belongs.
    shell: Vec<String>,
    files: HashMap<&'static str, PageFile>,
}

impl Page {
    /// Of these files; without an `/index.html` among them a small page says that there is no dashboard.
    pub fn new(files: &'static [PageFile]) -> Self {
        let shell = files.iter().find(|file| file.path == "/index.html").map(|file| file.content.plain());
        let shell = shell.as_deref().and_then(|text| std::str::from_utf8(text).ok()).unwrap_or(SMALL);
        Self {
            shell: shell.split(PLACE).map(str::to_owned).collect(),
            files: files.iter().filter(|file| file.path != "/index.html").map(|file| (file.path, *file)).collect(),
        }
    }

    /// What a request wants of the dashboard, if it is about it. The names of its places are known to the dashboard
    /// alone: what a browser goes to and no other route has is one of them.
    pub fn wanted(&self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Wanted<'_>> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return None;
        }
        if path == "/" {
            return Some(Wanted::Shell);
        }
        if let Some(file) = self.files.get(path) {
            return Some(Wanted::File(file));
        }
        let is_place = !path.starts_with("/v1/") && !is_own(path) && !last(path).contains('.');
        (is_place && accepts(headers, header::ACCEPT, "text/html")).then_some(Wanted::Shell)
    }

    /// The shell with a nonce.
    pub fn shell(&self, nonce: &str) -> Response {
        // Hexadecimal digits alone, so it is always a header's value.
        let policy = HeaderValue::from_str(&POLICY.replace("NONCE", nonce));
        let Ok(policy) = policy else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (header::CONTENT_SECURITY_POLICY, policy),
            // The link's token is in the fragment, which is not sent; nothing of the address is.
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (HeaderName::from_static("permissions-policy"), HeaderValue::from_static(PERMISSIONS)),
            (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
            (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        (headers, self.shell.join(nonce)).into_response()
    }
}

impl PageFile {
    /// The file, in the smallest form that the client takes; nothing if it has it.
    pub fn answer(&self, asked: &HeaderMap) -> Response {
        let etag = format!("W/\"{}\"", self.hash);
        let cached = if self.path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
        let mut headers = HeaderMap::new();
        let mut set = |name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
        set(header::CACHE_CONTROL, cached);
        set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
        set(header::VARY, "accept-encoding");
        if self.path == WORKER || self.kind.starts_with("text/javascript") {
            set(header::CONTENT_SECURITY_POLICY, SCRIPT_POLICY);
        }
        if let Ok(etag) = HeaderValue::from_str(&etag) {
            headers.insert(header::ETAG, etag);
        }
        if has(asked, &etag) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        let mut encoded = |name: &'static str, bytes: &'static [u8]| {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
            Cow::Borrowed(bytes)
        };
        let body = match self.content {
            PageContent::Packed { brotli, .. } if accepts(asked, header::ACCEPT_ENCODING, "br") => {
                encoded("br", brotli)
            }
            PageContent::Packed { gzip, .. } if accepts(asked, header::ACCEPT_ENCODING, "gzip") => {
                encoded("gzip", gzip)
            }
            content @ (PageContent::Packed { .. } | PageContent::Plain(_)) => content.plain(),
        };
        match body {
            Cow::Borrowed(bytes) => (headers, bytes).into_response(),
            Cow::Owned(bytes) => (headers, bytes).into_response(),
        }
    }
}

impl PageContent {
    /// The file itself.
    fn plain(self) -> Cow<'static, [u8]> {
        match self {
            Self::Plain(bytes) => Cow::Borrowed(bytes),
            // For clients that take nothing compressed; browsers do. What is built in is whole.
            Self::Packed { gzip, .. } => {
                let mut bytes = Vec::new();
                match flate2::read::GzDecoder::new(gzip).read_to_end(&mut bytes) {
                    Ok(_) => Cow::Owned(bytes),
                    Err(_) => Cow::Borrowed(&[]),
                }
            }
        }
    }
}

/// Whether a path is one of the server's own outside `/v1/`.
fn is_own(path: &str) -> bool {
    ["/v1", "/openapi.json", "/metrics", "/healthz", "/readyz"].contains(&path)
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Whether a list of what a client takes names something, and not with `q=0`.
fn accepts(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    let lists = headers.get_all(name).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_it = parts.next().is_some_and(|taken| taken.eq_ignore_ascii_case(wanted));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse::<f32>().ok());
        is_it && weight != Some(0.0)
    })
}

/// Whether the client has what has this mark.
fn has(headers: &HeaderMap, etag: &str) -> bool {
    let marks = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    let strong = |mark: &str| mark.trim().trim_start_matches("W/").to_owned();
    marks.flat_map(|list| list.split(',')).any(|mark| mark.trim() == "*" || strong(mark) == strong(etag))
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
