//! The closed list of findings: one table from which everything about a finding follows.
//!
//! A code is never renamed and never reused. `fixable` marks what `convene doctor --fix` mends by itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Severity;

macro_rules! fixable {
    () => {
        false
    };
    (fixable) => {
        true
    };
}

macro_rules! findings {
    ($($area:literal {
        $($name:ident $text:literal $severity:ident $($fixable:ident)? $detected:literal => $fix:literal;)*
    })*) => {
        /// What was found.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[derive(Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum FindingCode {
            $($(#[doc = $detected] $name,)*)*
        }

        impl FindingCode {
            /// Every code, in the order of the table.
            pub const ALL: &[FindingCode] = &[$($(FindingCode::$name,)*)*];

            /// The code as programs see it.
            pub const fn as_str(self) -> &'static str {
                match self { $($(FindingCode::$name => $text,)*)* }
            }

            /// The part of the product that the finding speaks about.
            pub const fn area(self) -> &'static str {
                match self { $($(FindingCode::$name => $area,)*)* }
            }

            /// How bad it usually is.
            pub const fn severity(self) -> Severity {
                match self { $($(FindingCode::$name => Severity::$severity,)*)* }
            }

            /// Whether `--fix` mends it.
            pub const fn is_fixable(self) -> bool {
                match self { $($(FindingCode::$name => fixable!($($fixable)?),)*)* }
            }

            /// How it is found.
            pub const fn detected(self) -> &'static str {
                match self { $($(FindingCode::$name => $detected,)*)* }
            }

            /// What to do about it.
            pub const fn remedy(self) -> &'static str {
                match self { $($(FindingCode::$name => $fix,)*)* }
            }
        }
    };
}

findings! {
    "Server" {
        ServerDown "server_down" Info "nothing answers at the server's socket"
            => "nothing: commands that need the server start it; `convene serve` runs it in the foreground";
        ServerSilent "server_silent" Error "the server takes the connection and does not answer in time"
            => "look at its log, `logs/server.log` in the data directory; `convene shutdown` ends it";
        VersionSkew "version_skew" Warning "the command and the server are of different versions"
            => "`convene shutdown`; the next command starts the server of its own version, and sessions go on";
        LockStale "lock_stale" Warning fixable
            "`server.lock` names a process that is gone: the server was killed"
            => "nothing: the next server takes the lock over; `--fix` clears it now";
        SocketOpen "socket_open" Error fixable "`server.sock` is not of mode 0600, or not of this user"
            => "`chmod 600` of the socket";
        BindExposed "bind_exposed" Error "the server is to listen beyond loopback without TLS"
            => "set `[server] bind` to 127.0.0.1, or put a proxy with TLS before it and set `trust_proxy`";
        PortInUse "port_in_use" Warning "another program listens where the server is to listen"
            => "end that program, or set another `[server] bind`; `serve --bind 127.0.0.1:0` takes a free port";
    }
    "Data directory" {
        DataDirOpen "data_dir_open" Error fixable "its mode is not 0700, or it is not of this user"
            => "`chmod 700` of the directory";
        SecretsOpen "secrets_open" Error fixable "`auth/`, a key in it, or a token's file can be read by others"
            => "`chmod 700` of the directory, `chmod 600` of the files";
        DataDirNetwork "data_dir_network" Warning "the file system is NFS, SMB, 9p or another that is not on this machine"
            => "move it to a local disk and set `CONVENE_DATA_DIR`: the database's locks are not reliable elsewhere";
        DataDirReadonly "data_dir_readonly" Error "a probe file cannot be made in it"
            => "make it writable for this user";
        DiskLow "disk_low" Warning "less than 2 GB are free under it; an error below 200 MB"
            => "`convene rm` of sessions that are not needed any more, or free some space otherwise";
        StorageFull "storage_full" Error
            "nothing can be written: the server refuses prompts and new sessions, and agents wait"
            => "free some space; what waits goes on by itself, and nothing is lost";
        FsyncSlow "fsync_slow" Warning "the median of 20 synced appends takes over 20 ms"
            => "use another disk: every command waits for one such write";
        DatabaseNewer "database_newer" Error "the database was written by a newer version"
            => "upgrade convene";
        DatabaseDamaged "database_damaged" Error fixable
            "pages, rows or the write-ahead log do not fit their checksums, a part is gone, or the file is no database"
            => "`convene shutdown`; then `--fix` makes a new one of all that can be read and keeps this one beside it";
        SessionQuarantined "session_quarantined" Warning fixable "events of a session are damaged or missing"
            => "`convene logs` shows what can be read, the others go on; `convene shutdown`, then `--fix` closes the holes";
        LogLarge "log_large" Warning "the log of a session has more than a million events"
            => "`convene export` it, then begin a new session";
        WorktreesLarge "worktrees_large" Warning "worktrees of sessions take more than 20 GB"
            => "`convene rm` of sessions whose worktrees are not needed any more";
    }
    "Configuration" {
        ConfigInvalid "config_invalid" Error "the file cannot be read, or a value does not fit"
            => "mend the line that is named";
        ConfigUnknownKey "config_unknown_key" Error "the file has a key that nothing reads"
            => "take the nearest name, or the key out";
        EnvironmentUnknown "environment_unknown" Warning "a variable begins with CONVENE_ and nothing reads it"
            => "take the nearest name, or unset it";
        TokenInArgv "token_in_argv" Warning "a worker was started with `--token`, which every user of the machine can read"
            => "start it with `--token-file`, `--token-fd` or CONVENE_TOKEN, and revoke the token";
        EnvInterferes "env_interferes" Warning
            "a proxy is set without an exception for loopback, or NODE_OPTIONS or IS_SANDBOX are set"
            => "unset it, or set NO_PROXY=127.0.0.1,localhost";
        TerminalLimited "terminal_limited" Info "TERM is dumb, the locale is not UTF-8, or there are under 40 columns"
            => "`--plain` says everything in words";
    }
    "Agents" {
        AgentMissing "agent_missing" Info "an agent that is known by name is not on the machine"
            => "`convene agents` says how it is installed";
        AgentOld "agent_old" Warning "an agent is older than what is known to work"
            => "upgrade it: `convene agents show` says how";
        AgentNotSignedIn "agent_not_signed_in" Warning "an agent wants its user to sign in"
            => "`convene agents show` says how";
        AgentNoHandshake "agent_no_handshake" Error "with `--agent`: the agent does not answer a hello"
            => "what the message says";
        NodeOld "node_old" Warning "an agent needs node and it is absent, or under version 20"
            => "install Node 20 or newer";
        GitOld "git_old" Warning "git is absent, or under 2.36, which worktrees need"
            => "install git";
    }
    "Machine" {
        ContainmentWeak "containment_weak" Warning
            "no cgroup is delegated: what leaves an agent's tree is found by its marks, and killed one by one"
            => "start the server in a delegated cgroup: `systemd-run --user --scope -p Delegate=yes convene serve`";
        SandboxAbsent "sandbox_absent" Info "neither landlock nor bubblewrap is there"
            => "nothing: without a sandbox, permissions are advice to a well-behaved agent";
        Orphans "orphans" Error fixable "processes carry the mark of an attempt that is over"
            => "`convene doctor --fix` ends them";
        RunDirsStale "run_dirs_stale" Warning "an attempt is over and its end was never delivered to the server"
            => "start the worker: `convene serve`, or `convene worker`";
        LimitsLow "limits_low" Warning "under 4096 open files, or under 512 processes, are allowed"
            => "`ulimit -n 4096`, `ulimit -u 512`, before the server is started";
        CheckUnfinished "check_unfinished" Warning "a check did not end in two seconds, so nothing is known of its matter"
            => "a disk or a network drive may hang";
    }
    "Workers" {
        NoWorker "no_worker" Error "no worker is connected, so nothing can start"
            => "`convene serve` has one; elsewhere start `convene worker`";
        WorkerOffline "worker_offline" Warning "a worker was connected and is not any more"
            => "start it on its machine: `convene worker`";
        ClockSkew "clock_skew" Warning "the clocks of command and server are more than 5 s apart"
            => "set both by NTP";
    }
}

impl std::fmt::Display for FindingCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
