//! Copies what was built to where the crate takes it in, and writes the table of it.

use std::{
    fmt::Write as _,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io,
    path::{Path, PathBuf},
};

/// Media types by the ends of names.
const KINDS: [(&str, &str); 15] = [
    ("css", "text/css; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/x-icon"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("woff2", "font/woff2"),
];

/// Writes `files.rs` into `out`, which names copies of all files of `dist`, and of what there is of them in `.packed`.
pub fn write(dist: &Path, out: &Path) -> io::Result<()> {
    let copies = out.join("web");
    match fs::remove_dir_all(&copies) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => fs::create_dir_all(&copies)?,
    }
    let mut names = Vec::new();
    collect(dist, Path::new(""), &mut names)?;
    names.sort();
    let mut text = String::from("&[\n");
    for (number, name) in names.iter().enumerate() {
        let content = fs::read(dist.join(name))?;
        let mut hasher = DefaultHasher::new();
        content.hash(&mut hasher);
        let packed = |end: &str| dist.join(".packed").join(format!("{}.{end}", name.display()));
        let taken = match (fs::read(packed("br")), fs::read(packed("gz"))) {
            // The shell is written anew in every answer.
            (Ok(brotli), Ok(gzip)) if name != Path::new("index.html") => {
                fs::write(copies.join(format!("{number}.br")), brotli)?;
                fs::write(copies.join(format!("{number}.gz")), gzip)?;
                format!("Packed {{ brotli: {}, gzip: {} }}", include(number, "br"), include(number, "gz"))
            }
            (_, _) => {
                fs::write(copies.join(format!("{number}.as-is")), content)?;
                format!("Plain({})", include(number, "as-is"))
            }
        };
        let path = format!("/{}", name.to_string_lossy().replace('\\', "/"));
        let (kind, hash) = (kind(name), hasher.finish());
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "    File {{ path: {path:?}, kind: {kind:?}, hash: \"{hash:016x}\", content: Content::{taken} }},"
        );
    }
    text.push_str("]\n");
    fs::write(out.join("files.rs"), text)
}

fn include(number: usize, end: &str) -> String {
    format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/web/{number}.{end}\"))")
}

/// The files below a directory; those with a dot before their names are about it, not of it.
fn collect(dist: &Path, below: &Path, names: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dist.join(below))? {
        let entry = entry?;
        let name = below.join(entry.file_name());
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => collect(dist, &name, names)?,
            false => names.push(name),
        }
    }
    Ok(())
}

fn kind(name: &Path) -> &'static str {
    let end = name.extension().unwrap_or_default();
    KINDS.iter().find(|(known, _)| end == *known).map_or("application/octet-stream", |(_, kind)| kind)
}
