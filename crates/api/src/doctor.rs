//! What `convene doctor` and `GET /v1/doctor` find: findings with a code from one closed list, and how checks are run.

mod check;
mod code;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub use check::{Check, LIMIT, run};
pub use code::FindingCode;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something does not work, or is open to others.
    Error,
    /// Something works worse than it could.
    Warning,
    /// Good to know.
    Info,
}

impl Severity {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// Which.
    pub code: FindingCode,
    /// How bad it is in this case.
    pub severity: Severity,
    /// What was found, in one line for people.
    pub summary: String,
    /// One thing to do about it; empty if there is none.
    #[serde(default)]
    pub fix: String,
    /// What the summary speaks about, for programs.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub data: Value,
}

impl Finding {
    /// A finding of the usual severity, without data.
    pub fn new(code: FindingCode, summary: impl Into<String>, fix: impl Into<String>) -> Self {
        let data = Value::Object(serde_json::Map::new());
        Self { code, severity: code.severity(), summary: summary.into(), fix: fix.into(), data }
    }

    /// The same finding, so bad.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// The same finding with one more field of its data.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Value::Object(map) = &mut self.data {
            map.insert(name.to_owned(), value.into());
        }
        self
    }
}

/// What a doctor says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DoctorReport {
    /// What was found, the worst first.
    pub items: Vec<Finding>,
    /// The names of the checks that found nothing.
    #[serde(default)]
    pub ok: Vec<String>,
    /// How long the checks took, in milliseconds.
    #[serde(default)]
    pub took_ms: u64,
}

impl DoctorReport {
    /// Adds what another doctor said. A check that both made counts once.
    pub fn add(&mut self, other: Self) {
        let known: Vec<(FindingCode, Value)> = self.items.iter().map(|f| (f.code, f.data.clone())).collect();
        self.items.extend(other.items.into_iter().filter(|f| !known.contains(&(f.code, f.data.clone()))));
        self.ok.extend(other.ok);
        self.ok.sort();
        self.ok.dedup();
        self.sort();
    }

    /// Puts the worst first; the order of the list is that of the codes.
    pub fn sort(&mut self) {
        self.items.sort_by_key(|finding| (finding.severity, finding.code));
    }

    /// How many findings there are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.items.iter().filter(|finding| finding.severity == severity).count()
    }
}

#[cfg(test)]
#[path = "doctor_tests.rs"]
mod tests;
