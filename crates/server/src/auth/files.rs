//! The keys in `auth/`: the secret that everything is derived from, and the owner's token for local clients.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

use super::seal::Seal;
use crate::error::ServeError;

/// What the server knows and nobody else, but for the owner's token, which local clients read.
pub struct Keys {
    secret: Vec<u8>,
    owner: String,
    /// Locks values away that the log must not have in clear.
    pub seal: Seal,
    /// Where the owner's token is.
    pub owner_file: PathBuf,
}

impl Keys {
    /// Reads the keys, or makes those that are missing.
    pub fn open(data_dir: &Path) -> Result<Self, ServeError> {
        let dir = data_dir.join("auth");
        if !dir.is_dir() {
            DirBuilder::new().mode(0o700).create(&dir).map_err(ServeError::files(&dir))?;
        }
        let secret = read_or_make(&dir, "secret", "")?;
        let owner_file = dir.join("token");
        let owner = read_or_make(&dir, "token", "cvo_")?;
        // A key of its own: the secret may be changed to end all tokens at once, and sealed values outlive that.
        let seal = Seal::new(&Sha256::digest(read_or_make(&dir, "seal", "")?).into());
        Ok(Self { secret: secret.into_bytes(), owner, seal, owner_file })
    }

    /// A code over a text that nobody makes without the secret, in hexadecimal.
    pub fn sign(&self, text: &str) -> String {
        hex(&self.mac(text).finalize().into_bytes())
    }

    /// Whether a code is the one over a text; takes as long whatever is wrong with it.
    pub fn verify(&self, text: &str, code: &str) -> bool {
        unhex(code).is_some_and(|code| self.mac(text).verify_slice(&code).is_ok())
    }

    /// Whether this is the owner's token. Codes are compared instead of the texts, so that the time tells nothing.
    pub fn is_owner(&self, token: &str) -> bool {
        self.mac(token).verify_slice(&self.mac(&self.owner).finalize().into_bytes()).is_ok()
    }

    fn mac(&self, text: &str) -> Hmac<Sha256> {
        // HMAC takes keys of any length, so the other arm is never taken; it would refuse everybody.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).unwrap_or_else(|_| Hmac::new(&[0; 64].into()));
        mac.update(text.as_bytes());
        mac
    }
}

/// Random bytes in hexadecimal.
pub fn random_hex(bytes: usize) -> io::Result<String> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(hex(&random))
}

/// Reads a key, or makes it: whole or not at all, since it is linked into place when it is written.
fn read_or_make(dir: &Path, name: &str, prefix: &str) -> Result<String, ServeError> {
    let path = dir.join(name);
    match fs::read_to_string(&path) {
        Ok(text) if text.trim().len() >= 32 => return Ok(text.trim().to_owned()),
        Ok(_) => tracing::warn!(path = %path.display(), "this key is too short and is made anew"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(ServeError::files(&path)(error)),
    }
    let new = dir.join(format!("{name}.new"));
    let failed = || ServeError::files(&new);
    let key = format!("{prefix}{}", random_hex(32).map_err(failed())?);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new).map_err(failed())?;
    writeln!(file, "{key}").and_then(|()| file.sync_all()).map_err(failed())?;
    fs::rename(&new, &path).map_err(ServeError::files(&path))?;
    Ok(key)
}

pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
