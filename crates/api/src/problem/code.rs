//! The closed list of problem codes: one table from which everything about a code follows.
//!
//! A code is never renamed and never reused. `-` in the column of statuses means that the code
//! never travels over HTTP. Words in braces are fields of the problem object.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::exit::*;

macro_rules! status {
    (-) => {
        None
    };
    ($status:literal) => {
        Some($status)
    };
}

macro_rules! hint {
    () => {
        None
    };
    ($hint:literal) => {
        Some($hint)
    };
}

macro_rules! codes {
    ($($area:literal {
        $($name:ident $text:literal $status:tt $exit:ident $message:literal $(=> $hint:literal)?;)*
    })*) => {
        /// Why something was refused or failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[derive(Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Code {
            $($(#[doc = $message] $name,)*)*
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &[Code] = &[$($(Code::$name,)*)*];

            /// The code as programs see it.
            pub const fn as_str(self) -> &'static str {
                match self { $($(Code::$name => $text,)*)* }
            }

            /// The part of the product that the code speaks about.
            pub const fn area(self) -> &'static str {
                match self { $($(Code::$name => $area,)*)* }
            }

            /// The status of a reply with this code, if it ever travels over HTTP.
            pub const fn http_status(self) -> Option<u16> {
                match self { $($(Code::$name => status!($status),)*)* }
            }

            /// What a command that ends with this code exits with.
            pub const fn exit_code(self) -> u8 {
                match self { $($(Code::$name => $exit,)*)* }
            }

            /// What happened, with the problem's fields in braces.
            pub const fn message(self) -> &'static str {
                match self { $($(Code::$name => $message,)*)* }
            }

            /// The one thing to do about it, with the problem's fields in braces.
            pub const fn hint(self) -> Option<&'static str> {
                match self { $($(Code::$name => hint!($($hint)?),)*)* }
            }
        }
    };
}

codes! {
    "Access" {
        AuthRequired "auth_required" 401 FAILED "this server wants a token"
            => "set CONVENE_TOKEN; `convene token create` on its machine makes one";
        TokenInvalid "token_invalid" 401 FAILED "the token is unknown, revoked or expired"
            => "`convene token create` makes a new one";
        ScopeDenied "scope_denied" 403 FAILED "this token may {has}, this needs {needs}"
            => "ask {owner} for a token with more";
        OriginDenied "origin_denied" 403 FAILED "requests from {origin} are not allowed"
            => "add it to [server] origins in config.toml";
        LoginLinkUsed "login_link_used" 410 FAILED "this link was used already"
            => "run `convene open`";
        RateLimited "rate_limited" 429 FAILED "more than {n} requests a minute"
            => "retry in {s} s";
    }
    "Requests" {
        InvalidRequest "invalid_request" 400 USAGE "{field}: {why}"
            => "allowed: {allowed}";
        UnknownField "unknown_field" 400 USAGE "unknown field {field}"
            => "did you mean {near}?";
        NotSupportedYet "not_supported_yet" 501 FAILED "{what} is not built yet"
            => "{instead}";
        BodyTooLarge "body_too_large" 413 FAILED "body is {size}, limit {max}"
            => "send files by path";
        IdempotencyConflict "idempotency_conflict" 409 FAILED "this key was used with another body"
            => "use a new key";
        NotFound "not_found" 404 FAILED "no such route"
            => "the routes are in {openapi}";
        MethodNotAllowed "method_not_allowed" 405 FAILED "{route} knows {methods}";
        Internal "internal" 500 FAILED "a bug in convene, incident {id}"
            => "report it with {file}";
        Unavailable "unavailable" 503 SERVER_UNREACHABLE "server is {state}"
            => "it is retried by itself";
        CursorTooOld "cursor_too_old" 410 FAILED "events before {first} are gone"
            => "start from the snapshot";
        Lagged "lagged" - FAILED "this reader was too slow"
            => "reconnect by cursor";
    }
    "Sessions and threads" {
        SessionNotFound "session_not_found" 404 FAILED "no session matches {id}"
            => "`convene ls --all` lists them";
        SessionAmbiguous "session_ambiguous" 409 USAGE "{id} fits {n}: {list}"
            => "give more of the id";
        WrongState "wrong_state" 409 FAILED "cannot {cmd} a session that is {state}"
            => "{next}";
        SessionStopping "session_stopping" 409 FAILED "{id} is being stopped"
            => "run `convene wait {id}`";
        SessionArchived "session_archived" 409 FAILED "{id} is archived"
            => "run `convene unarchive {id}`";
        SessionDamaged "session_damaged" 409 FAILED "log of {id} is readable up to {seq}"
            => "`convene logs {id}` shows what can be read";
        NothingToRepair "nothing_to_repair" 409 FAILED "the log of {id} is whole";
        NothingRunning "nothing_running" 409 FAILED "no turn of {id} is running"
            => "see `convene show {id}`";
        ThreadNotFound "thread_not_found" 404 FAILED "no thread matches {id}"
            => "`convene thread ls` lists them";
        SessionLimit "session_limit" 429 FAILED "{n} of {max} sessions are live"
            => "stop or hibernate one";
        ChildTooWide "child_too_wide" 403 FAILED "a child may not have {what}"
            => "parent has {has}";
        StopUnverified "stop_unverified" 409 FAILED
            "stopped, but {n} processes of {worker} could not be proved dead"
            => "look for them there with `ps`, and stop it again";
        WaitTimeout "wait_timeout" - WAIT_TIMEOUT "{id} is still {state} after {t}";
    }
    "Workspace" {
        CwdMissing "cwd_missing" 400 USAGE "{dir} does not exist"
            => "did you mean {near}?";
        CwdNotADirectory "cwd_not_a_directory" 400 USAGE "{dir} is a file"
            => "give its directory";
        CwdNotAllowed "cwd_not_allowed" 403 USAGE "{dir} is outside the allowed roots"
            => "add it to [server] roots in config.toml";
        WorktreeNotGit "worktree_not_git" 400 USAGE "{dir} is no git repository"
            => "leave out --worktree";
        WorktreeDirty "worktree_dirty" 409 FAILED "{n} files not committed in {dir}"
            => "commit, or --force";
        WorktreeFailed "worktree_failed" 409 FAILED "git cannot do it in {dir}: {cause}";
    }
    "Prompts" {
        PromptEmpty "prompt_empty" 400 USAGE "the prompt is empty"
            => "give it a text";
        PromptTooLarge "prompt_too_large" 413 USAGE "prompt is {size}, limit {max}"
            => "put it into a file and name it";
        PromptNotText "prompt_not_text" 400 USAGE "the prompt is not UTF-8 at byte {n}";
        ContentUnsupported "content_unsupported" 400 USAGE "{agent} does not take {kind}"
            => "it takes {kinds}";
        QueueFull "queue_full" 409 FAILED "{n} prompts wait already"
            => "drop one: `convene queue {id} drop N`";
        QueueEntryNotFound "queue_entry_not_found" 404 FAILED "entry {n} is gone"
            => "see `convene queue {id}`";
        SteerUnsupported "steer_unsupported" 409 FAILED "{agent} cannot be steered"
            => "use --queue or --interrupt";
        PromptOutcomeUnknown "prompt_outcome_unknown" 409 FAILED
            "{what} died after the prompt was handed over; it may have acted"
            => "look at `convene show {id} --changes`, then prompt again";
        ResumeLost "resume_lost" 409 AGENT_FAILED "{agent} no longer knows its conversation"
            => "prompt again: starts anew with a recap";
    }
    "Permissions" {
        PermissionNotFound "permission_not_found" 404 FAILED "no request {req} in {id}"
            => "see `convene show {id}`";
        PermissionAlreadyDecided "permission_already_decided" 409 FAILED
            "{who} {decision} it {ago}";
        PermissionAmbiguous "permission_ambiguous" 409 USAGE "{n} requests wait: {list}"
            => "name one";
        PermissionOptionInvalid "permission_option_invalid" 400 USAGE
            "{agent} did not offer {option}"
            => "offered: {list}";
        PermissionUnanswered "permission_unanswered" - PERMISSION_DENIED
            "nobody could answer: {request}"
            => "use --permissions reads|all, or --ask wait";
        PermissionTimedOut "permission_timed_out" - PERMISSION_DENIED
            "no answer to {request} within {t}"
            => "raise permissions.ask_timeout in config.toml, or --permissions reads|all";
        ConfirmationRequired "confirmation_required" - USAGE "this removes {what}"
            => "add --yes";
    }
    "Agents" {
        AgentUnknown "agent_unknown" 400 USAGE "no agent is called {name}"
            => "did you mean {near}?";
        AgentNotInstalled "agent_not_installed" 409 AGENT_FAILED "{agent} is not on {worker}"
            => "{install}";
        AgentStartFailed "agent_start_failed" 502 AGENT_FAILED "{cmd}: {os_error}"
            => "`convene agents show {agent}` says how it is started and signed in to";
        AgentExitedEarly "agent_exited_early" 502 AGENT_FAILED
            "{agent} ended with {exit_status} before it said hello; it wrote: {stderr}"
            => "`convene agents show {agent}` says how it is started and signed in to";
        AgentNoHandshake "agent_no_handshake" 504 AGENT_FAILED "no answer to initialize in {t}"
            => "raise start_timeout, or {advice}";
        AgentNotAcp "agent_not_acp" 502 AGENT_FAILED "{agent} wrote {line} where ACP was expected"
            => "its ACP flag is {flag}";
        AgentProtocolUnsupported "agent_protocol_unsupported" 502 AGENT_FAILED
            "{agent} speaks ACP {v}, we speak {ours}"
            => "update {which}";
        AgentAuthRequired "agent_auth_required" 409 AGENT_FAILED "{agent} wants you to sign in"
            => "sign in: {methods}";
        AgentCrashed "agent_crashed" 502 AGENT_FAILED
            "{agent} ended with {exit_status} in turn {n}; {stderr}"
            => "`convene prompt {id}` resumes it";
        CrashLoop "crash_loop" - AGENT_FAILED "{agent} crashed {n} times within {t}; {stderr}"
            => "`convene logs {id}` shows what it said; `convene prompt {id}` tries again";
        AgentLineTooLong "agent_line_too_long" 502 AGENT_FAILED
            "a line of {size} from {agent}, limit {max}"
            => "raise limits.line in config.toml";
        AgentOverLimit "agent_over_limit" 502 AGENT_FAILED
            "{agent} and what it started took {what}, limit {max}"
            => "raise {key} in config.toml";
        AgentRefused "agent_refused" - NOT_COMPLETED "{agent} refused";
        AgentLimit "agent_limit" - NOT_COMPLETED "{agent} hit {limit}"
            => "it resets {at}; `convene prompt {id}` then";
        TurnInactive "turn_inactive" - NOT_COMPLETED "nothing came from {agent} for {t}"
            => "raise limits.inactivity_timeout, for all sessions in config.toml or for one in the API; 0 is never";
        TurnTimeout "turn_timeout" - NOT_COMPLETED "turn ran longer than {t}"
            => "raise it with --timeout";
        ModelUnknown "model_unknown" 400 USAGE "{agent} has no model {m}"
            => "has: {list}";
        ConfigOptionUnknown "config_option_unknown" 400 USAGE "{agent} has no option {key}"
            => "has: {list}";
        SecretMissing "secret_missing" 409 AGENT_FAILED "{ref} for {agent} is not set on {worker}"
            => "export it there";
    }
    "Workers" {
        WorkerUnknown "worker_unknown" 400 USAGE "no worker fits {sel}"
            => "there are: {list}";
        WorkerUnreachable "worker_unreachable" 409 FAILED "{worker} last heard {ago}"
            => "start it; the session waits for it";
        NoWorker "no_worker" - FAILED "no worker is connected"
            => "start one with `convene worker`, or `convene serve`";
        ProtocolUnsupported "protocol_unsupported" 426 FAILED "peer speaks {v}, we speak {range}";
    }
    "Server" {
        ServerUnreachable "server_unreachable" - SERVER_UNREACHABLE "nothing answers at {addr}"
            => "start it with `convene serve`";
        ServerStartFailed "server_start_failed" - SERVER_UNREACHABLE
            "the local server ended: {cause}"
            => "`convene serve` shows why";
        ServerAlreadyRunning "server_already_running" - FAILED
            "pid {pid} serves this data directory"
            => "run `convene open`";
        PortInUse "port_in_use" - FAILED "{addr} is taken by {who}"
            => "--bind 127.0.0.1:0 takes a free port";
        BindRefused "bind_refused" - USAGE "{addr} is open to the network without TLS"
            => "use --trust-proxy behind a proxy with TLS, or bind to 127.0.0.1";
        VersionSkew "version_skew" 426 SERVER_UNREACHABLE "CLI {a}, server {b}"
            => "run `convene shutdown`, then this again";
    }
    "Storage" {
        StorageFull "storage_full" 503 FAILED "{free} left on the data disk"
            => "free some; sessions wait, nothing is lost";
        StorageReadonly "storage_readonly" 503 FAILED "cannot write {what}: {cause}"
            => "make it writable, then start `convene serve` again";
        StorageFailed "storage_failed" 503 FAILED "the disk refused a write: {cause}"
            => "check the disk of the data directory";
        DatabaseNewer "database_newer" - FAILED "database is of {v}, this is {ours}"
            => "upgrade convene";
        DatabaseDamaged "database_damaged" - FAILED "{check}"
            => "run `convene doctor --fix`: it makes a new one of all that can be read, and keeps this one";
    }
    "Configuration" {
        ConfigInvalid "config_invalid" - USAGE "{file}:{line}: {why}";
        ConfigUnknownKey "config_unknown_key" - USAGE "{file}:{line}: unknown key {key}"
            => "did you mean {near}?";
    }
}

impl Code {
    /// Where the code is explained: an anchor in the page of errors.
    pub fn doc_anchor(self) -> String {
        format!("errors#{}", self.as_str())
    }

    /// The code of that name, if it is on the list.
    pub fn parse(text: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.as_str() == text)
    }

    /// The most general code for a status, for replies whose own code this release does not know.
    pub const fn for_status(status: u16) -> Code {
        match status {
            401 => Code::AuthRequired,
            403 => Code::ScopeDenied,
            404 => Code::NotFound,
            405 => Code::MethodNotAllowed,
            409 => Code::WrongState,
            410 => Code::CursorTooOld,
            413 => Code::BodyTooLarge,
            426 => Code::ProtocolUnsupported,
            429 => Code::RateLimited,
            501 => Code::NotSupportedYet,
            503 => Code::Unavailable,
            400..=499 => Code::InvalidRequest,
            _ => Code::Internal,
        }
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
