//! The dashboard that is built in, as the server takes it; nothing in a build without the feature `dashboard`.

use convene_server::PageFile;

/// Its files.
#[cfg(feature = "dashboard")]
pub fn files() -> &'static [PageFile] {
    use std::sync::LazyLock;

    use convene_server::PageContent;
    use convene_web::{Content, FILES};

    static PAGE: LazyLock<Vec<PageFile>> = LazyLock::new(|| {
        let content = |content| match content {
            Content::Plain(bytes) => PageContent::Plain(bytes),
            Content::Packed { brotli, gzip } => PageContent::Packed { brotli, gzip },
        };
        let file = |file: &convene_web::File| PageFile {
            path: file.path,
            kind: file.kind,
            hash: file.hash,
            content: content(file.content),
        };
        FILES.iter().map(file).collect()
    });
    &PAGE
}

/// Its files: none.
#[cfg(not(feature = "dashboard"))]
pub fn files() -> &'static [PageFile] {
    &[]
}
