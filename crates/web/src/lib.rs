//! The dashboard's files, as they were when the program was built. The sources are in `web/`; `build.rs` has them built.

/// A file of the dashboard.
#[derive(Clone, Copy)]
pub struct File {
    /// Where it is, from the root: `/assets/index-….js`.
    pub path: &'static str,
    /// Its media type.
    pub kind: &'static str,
    /// A hash of what is in it, in hexadecimal.
    pub hash: &'static str,
    /// What is in it.
    pub content: Content,
}

/// What is in a file.
#[derive(Clone, Copy)]
pub enum Content {
    /// The file as it is.
    Plain(&'static [u8]),
    /// The file twice, compressed, where that makes it much smaller.
    Packed {
        /// With brotli.
        brotli: &'static [u8],
        /// With gzip.
        gzip: &'static [u8],
    },
}

/// All files, by path.
pub static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/files.rs"));
