//! What the server asks a worker about its machine, and what the worker answers.
//!
//! A question belongs to one request that waits for it. It changes no session, it is not kept, and it is not asked
//! again: if the link breaks, the request is told so.

use convene_core::{dispatch::DetectedAgent, ids::SessionId};
use serde::{Deserialize, Serialize};

use crate::{
    body::{AgentTest, DirectoryList, FileChanges},
    problem::Code,
};

/// What the server wants to know, or wants done outside of any attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Look for agents again, now.
    Detect,
    /// Start this agent, say hello, open a session in an empty directory, prompt it if that is wanted, and end it.
    TestAgent {
        /// Its name in the catalogue or the worker's configuration.
        agent: String,
        /// Whether it gets a small prompt.
        #[serde(default)]
        prompt: bool,
    },
    /// Directories inside the worker's roots.
    Directories {
        /// What their paths begin with.
        prefix: String,
        /// The most that are wanted.
        limit: usize,
    },
    /// What changed in a directory since a commit.
    Changes {
        /// The directory.
        cwd: String,
        /// The commit that is compared with; `HEAD` if absent.
        base: Option<String>,
    },
    /// Whether the worktree of a session that is over may go; nothing is done. Asked before the session goes, because
    /// then it is too late to keep work that is nowhere else.
    MayRemoveWorktree {
        /// The session.
        session: SessionId,
        /// The directory of the worktree.
        path: String,
        /// Whether it goes although it holds work that is nowhere else.
        force: bool,
    },
    /// Remove the worktree of a session that is over. Refused while an attempt of the session is alive.
    RemoveWorktree {
        /// The session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionId>,
        /// The directory of the worktree.
        path: String,
        /// The branch that was made with it; removed only if nothing on it would be lost.
        branch: String,
        /// Whether it goes although it holds work that is nowhere else.
        force: bool,
    },
}

/// What the worker found or did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The agents on this machine.
    Agents(Vec<DetectedAgent>),
    /// How the test went.
    Test(Box<AgentTest>),
    /// The directories.
    Directories(DirectoryList),
    /// The changes.
    Changes(FileChanges),
    /// It may go.
    MayRemove {},
    /// It is gone.
    Removed {
        /// Whether its branch stays, because commits are on it that are nowhere else.
        branch_kept: bool,
    },
    /// It could not, or would not.
    Refused {
        /// A problem code.
        code: String,
        /// For people.
        detail: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl Question {
    /// The session whose worktree it is about.
    pub const fn worktree_of(&self) -> Option<SessionId> {
        match self {
            Self::MayRemoveWorktree { session, .. } => Some(*session),
            Self::RemoveWorktree { session, .. } => *session,
            Self::Detect | Self::TestAgent { .. } | Self::Directories { .. } | Self::Changes { .. } => None,
        }
    }
}

impl Answer {
    /// Says no.
    pub fn refused(code: Code, detail: impl Into<String>) -> Self {
        Self::Refused { code: code.as_str().to_owned(), detail: detail.into(), hint: None }
    }
}
