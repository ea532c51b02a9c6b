//! What can go wrong between a client and the server.

use crate::problem::{Code, Problem};

/// Why a request has no good answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server said no.
    #[error("{0}")]
    Problem(Problem),
    /// Nobody answers there.
    #[error("nothing answers at {endpoint}")]
    Unreachable {
        /// Where.
        endpoint: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The connection broke before the answer was whole.
    #[error("the connection to {endpoint} broke")]
    Lost {
        /// Where.
        endpoint: String,
        /// What broke.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer is not what this version understands.
    #[error("cannot read the server's answer")]
    Answer {
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The request cannot be written.
    #[error("cannot write the request")]
    Request {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A stream left out events, also after another try.
    #[error("events from {expected} on are missing, {found} came")]
    Gap {
        /// The event that should have come.
        expected: u64,
        /// The one that came.
        found: u64,
    },
}

impl ClientError {
    pub(super) fn answer(source: serde_json::Error) -> Self {
        Self::Answer { source }
    }

    pub(super) fn request(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Request { source: source.into() }
    }

    /// Whether the same request may succeed a little later.
    pub fn passes_by_itself(&self) -> bool {
        match self {
            Self::Problem(problem) => matches!(problem.code, Code::Unavailable | Code::RateLimited | Code::Lagged),
            Self::Unreachable { .. } | Self::Lost { .. } => true,
            Self::Answer { .. } | Self::Request { .. } | Self::Gap { .. } => false,
        }
    }

    /// The error in the words of the closed list.
    pub fn into_problem(self) -> Problem {
        match self {
            Self::Problem(problem) => problem,
            Self::Unreachable { endpoint, source } => {
                Problem::filled(Code::ServerUnreachable, [("addr", endpoint.into())]).with("cause", source.to_string())
            }
            Self::Lost { endpoint, source } => {
                let what = format!("the connection to {endpoint} broke before the answer was whole");
                Problem::new(Code::ServerUnreachable, what)
                    .hint("try again; `convene status` tells whether it runs")
                    .with("addr", endpoint)
                    .with("cause", source.to_string())
            }
            error @ (Self::Answer { .. } | Self::Request { .. } | Self::Gap { .. }) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                let problem = Problem::new(Code::Internal, error.to_string());
                match cause {
                    Some(cause) => problem.with("cause", cause),
                    None => problem,
                }
            }
        }
    }
}

impl From<Problem> for ClientError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}
