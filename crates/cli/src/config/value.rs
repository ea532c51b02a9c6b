//! Values of the configuration, from TOML or from the text of an environment variable.

use std::{collections::BTreeMap, time::Duration};

use clap::ValueEnum;

/// A value as it was written.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw {
    /// A text; what comes from the environment always is one.
    Text(String),
    /// A whole number.
    Number(u64),
    /// Yes or no.
    Bool(bool),
    /// Several texts.
    List(Vec<String>),
    /// Texts by name.
    Table(BTreeMap<String, String>),
    /// Something that no key takes.
    Other(&'static str),
}

/// Why a value does not fit.
pub type Why = String;

impl Raw {
    /// A text.
    pub fn text(self) -> Result<String, Why> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(format!("a text is wanted, not {}", other.kind())),
        }
    }

    /// Yes or no.
    pub fn bool(self) -> Result<bool, Why> {
        match self {
            Self::Bool(value) => Ok(value),
            Self::Text(text) => match text.as_str() {
                "true" | "1" | "yes" => Ok(true),
                "false" | "0" | "no" => Ok(false),
                _ => Err(format!("true or false is wanted, not {text:?}")),
            },
            other => Err(format!("true or false is wanted, not {}", other.kind())),
        }
    }

    /// A whole number.
    pub fn number(self) -> Result<u64, Why> {
        match self {
            Self::Number(value) => Ok(value),
            Self::Text(text) => text.parse().map_err(|_| format!("a whole number is wanted, not {text:?}")),
            other => Err(format!("a whole number is wanted, not {}", other.kind())),
        }
    }

    /// A size such as `1 MB`.
    pub fn size(self) -> Result<usize, Why> {
        let text = match self {
            Self::Number(value) => value.to_string(),
            other => other.text()?,
        };
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = text[digits.len()..].trim();
        let factor: Option<usize> = match unit {
            "" | "B" => Some(1),
            "kB" | "KB" => Some(1_000),
            "MB" => Some(1_000_000),
            "GB" => Some(1_000_000_000),
            _ => None,
        };
        let number: Option<usize> = digits.trim().parse().ok();
        number
            .zip(factor)
            .and_then(|(n, f)| n.checked_mul(f))
            .ok_or_else(|| format!("a size such as \"1 MB\" is wanted, not {text:?}"))
    }

    /// A duration such as `90s`.
    pub fn duration(self) -> Result<Duration, Why> {
        let text = self.text()?;
        duration(&text)
    }

    /// Several texts; from the environment, with commas between them.
    pub fn list(self) -> Result<Vec<String>, Why> {
        match self {
            Self::List(items) => Ok(items),
            Self::Text(text) if text.is_empty() => Ok(Vec::new()),
            Self::Text(text) => Ok(text.split(',').map(|item| item.trim().to_owned()).collect()),
            other => Err(format!("a list of texts is wanted, not {}", other.kind())),
        }
    }

    /// Texts by name; from the environment, `name=text` with commas between them.
    pub fn table(self) -> Result<BTreeMap<String, String>, Why> {
        match self {
            Self::Table(table) => Ok(table),
            Self::Text(text) if text.is_empty() => Ok(BTreeMap::new()),
            Self::Text(text) => text
                .split(',')
                .map(|pair| match pair.split_once('=') {
                    Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
                    None => Err(format!("name=value is wanted, not {pair:?}")),
                })
                .collect(),
            other => Err(format!("a table of texts is wanted, not {}", other.kind())),
        }
    }

    /// One of an enum's words.
    pub fn word<T: ValueEnum>(self) -> Result<T, Why> {
        let text = self.text()?;
        T::from_str(&text, false).map_err(|_| {
            let words: Vec<String> = T::value_variants()
                .iter()
                .filter_map(|v| v.to_possible_value().map(|p| p.get_name().to_owned()))
                .collect();
            format!("{} is wanted, not {text:?}", words.join(", "))
        })
    }

    /// One of the words that our wire types use.
    pub fn wire_word<T: serde::de::DeserializeOwned>(self, words: &str) -> Result<T, Why> {
        let text = self.text()?;
        serde_json::from_value(serde_json::Value::String(text.clone()))
            .map_err(|_| format!("{words} is wanted, not {text:?}"))
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Number(_) => "a number",
            Self::Bool(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
        }
    }
}

/// A size as a flag: `50MB`, `512 kB`; in bytes.
///
/// # Errors
/// If it is none.
pub fn size(text: &str) -> Result<u64, Why> {
    Raw::Text(text.to_owned()).size().map(|bytes| bytes as u64)
}

/// A duration as flags and keys spell it: `90s`, `5m`, `1h`, `2d`.
pub fn duration(text: &str) -> Result<Duration, Why> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: Option<u64> = digits.trim().parse().ok();
    let unit = &text[digits.len()..];
    let millis = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" | "min" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    number
        .zip(millis)
        .and_then(|(n, m)| n.checked_mul(m))
        .map(Duration::from_millis)
        .ok_or_else(|| format!("a duration such as 90s, 5m or 1h is wanted, not {text:?}"))
}
