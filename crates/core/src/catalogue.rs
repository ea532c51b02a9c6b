//! The agent catalogue as data: names, how each one is started, how it is installed.

/// An agent that Convene knows by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatalogueEntry {
    /// Its name.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Ways to start it, best first; the first word is looked for on the worker's PATH.
    pub commands: &'static [&'static [&'static str]],
    /// Environment it needs beyond the allow-list, by name.
    pub env: &'static [&'static str],
    /// How it is installed, for a hint.
    pub install: &'static str,
    /// How one signs in, for a hint.
    pub sign_in: &'static str,
}

/// The name of the agent that is in the binary.
pub const BUILTIN: &str = "builtin";

/// Every agent known by name; the worker's config adds its own.
pub const CATALOGUE: &[CatalogueEntry] = &[
    CatalogueEntry {
        name: BUILTIN,
        title: "Convene's own, deterministic",
        commands: &[],
        env: &["CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"],
        install: "it is in the binary",
        sign_in: "it needs none",
    },
    CatalogueEntry {
        name: "claude",
        title: "Claude Code",
        commands: &[&["claude-agent-acp"]],
        env: &[
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_BASE_URL",
            "ANTHROPIC_AUTH_TOKEN",
            "CLAUDE_CONFIG_DIR",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
        ],
        install: "npm install -g @agentclientprotocol/claude-agent-acp",
        sign_in: "run `claude` once and sign in, or set ANTHROPIC_API_KEY",
    },
    CatalogueEntry {
        name: "codex",
        title: "Codex",
        commands: &[&["codex-acp"]],
        env: &[
            "OPENAI_API_KEY",
            "OPENAI_BASE_URL",
            "CODEX_API_KEY",
            "CODEX_HOME",
            "MODEL_PROVIDER",
            "NO_BROWSER",
            "INITIAL_AGENT_MODE",
        ],
        install: "npm install -g @agentclientprotocol/codex-acp",
        sign_in: "run `codex login` or set OPENAI_API_KEY",
    },
    CatalogueEntry {
        name: "gemini",
        title: "Gemini CLI",
        commands: &[&["gemini", "--acp"]],
        env: &[
            "GEMINI_API_KEY",
            "GOOGLE_API_KEY",
            "GOOGLE_GEMINI_BASE_URL",
            "GOOGLE_CLOUD_PROJECT",
            "GEMINI_TELEMETRY_ENABLED",
        ],
        install: "npm install -g @google/gemini-cli",
        sign_in: "run `gemini` once and sign in, or set GEMINI_API_KEY",
    },
    CatalogueEntry {
        name: "opencode",
        title: "OpenCode",
        commands: &[&["opencode", "acp"]],
        env: &[
            "OPENCODE_CONFIG",
            "OPENCODE_CONFIG_CONTENT",
            "OPENCODE_DISABLE_AUTOUPDATE",
            "OPENCODE_DISABLE_MODELS_FETCH",
            "OPENCODE_DISABLE_LSP_DOWNLOAD",
        ],
        install: "npm install -g opencode-ai",
        sign_in: "run `opencode auth login`",
    },
    CatalogueEntry {
        name: "goose",
        title: "Goose",
        commands: &[&["goose", "acp"]],
        env: &["GOOSE_PROVIDER", "GOOSE_MODEL", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"],
        install: "see the installation page of goose",
        sign_in: "run `goose configure`",
    },
    CatalogueEntry {
        name: "qwen",
        title: "Qwen Code",
        commands: &[&["qwen", "--acp"]],
        env: &["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "DASHSCOPE_API_KEY"],
        install: "npm install -g @qwen-code/qwen-code",
        sign_in: "run `qwen` once and sign in",
    },
    CatalogueEntry {
        name: "vibe",
        title: "Mistral Vibe",
        commands: &[&["vibe-acp"]],
        env: &["MISTRAL_API_KEY", "VIBE_HOME"],
        install: "uv tool install mistral-vibe",
        sign_in: "run `vibe --setup` or set MISTRAL_API_KEY",
    },
];

/// The entry of a name.
pub fn find(name: &str) -> Option<&'static CatalogueEntry> {
    CATALOGUE.iter().find(|entry| entry.name == name)
}

/// The known names nearest to a mistyped one: at most three, within distance 2, nearest first.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut near: Vec<(usize, &str)> =
        known.into_iter().map(|k| (strsim::osa_distance(name, k), k)).filter(|(distance, _)| *distance <= 2).collect();
    near.sort_unstable();
    near.into_iter().map(|(_, k)| k).take(3).collect()
}

#[cfg(test)]
#[path = "catalogue_tests.rs"]
mod catalogue_tests;
