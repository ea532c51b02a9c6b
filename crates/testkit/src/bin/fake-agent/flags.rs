//! Reads the flags.

use std::path::PathBuf;
use std::time::Duration;

use crate::child::Kind;

pub struct Flags {
    pub ignore_sigterm: bool,
    pub ignore_eof: bool,
    pub banner: bool,
    pub exit_at_start: Option<u8>,
    pub start_after: Option<Duration>,
    pub no_initialize: bool,
    pub auth: bool,
    pub protocol: u64,
    pub no_load: bool,
    pub no_resume: bool,
    pub lost: bool,
    pub late_replay: bool,
    pub fork: bool,
    pub marker: String,
    pub receipts: Option<PathBuf>,
    /// Hidden: this process is one of the children of `DAEMON`.
    pub child: Option<Kind>,
    /// Hidden: this process is one of a `BOMB`, with so many generations below it.
    pub bomb: Option<u8>,
}

impl Flags {
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut flags = Self {
            ignore_sigterm: false,
            ignore_eof: false,
            banner: false,
            exit_at_start: None,
            start_after: None,
            no_initialize: false,
            auth: false,
            protocol: 1,
            no_load: false,
            no_resume: false,
            lost: false,
            late_replay: false,
            fork: false,
            marker: "fake-agent-child".to_owned(),
            receipts: None,
            child: None,
            bomb: None,
        };
        while let Some(flag) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{flag} needs a value"));
            match flag.as_str() {
                "--ignore-sigterm" => flags.ignore_sigterm = true,
                "--ignore-eof" => flags.ignore_eof = true,
                "--banner" => flags.banner = true,
                "--exit-at-start" => flags.exit_at_start = Some(number(&flag, &value()?)?),
                "--start-after" => flags.start_after = Some(Duration::from_millis(number(&flag, &value()?)?)),
                "--no-initialize" => flags.no_initialize = true,
                "--auth" => flags.auth = true,
                "--protocol" => flags.protocol = number(&flag, &value()?)?,
                "--no-load" => flags.no_load = true,
                "--no-resume" => flags.no_resume = true,
                "--lost" => flags.lost = true,
                "--late-replay" => flags.late_replay = true,
                "--fork" => flags.fork = true,
                "--marker" => flags.marker = value()?,
                "--receipts" => flags.receipts = Some(value()?.into()),
                "--bomb" => flags.bomb = Some(number(&flag, &value()?)?),
                "--child" => flags.child = Some(Kind::parse(&value()?)?),
                _ => return Err(format!("unknown flag {flag}")),
            }
        }
        Ok(flags)
    }
}

fn number<N: std::str::FromStr>(flag: &str, text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("{flag} wants a number, not {text}"))
}
