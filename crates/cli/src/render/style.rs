//! Colors and signs: the sixteen named colors only, and never a color without a sign.

/// How text is drawn on one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether colors are written.
    pub color: bool,
    /// Whether signs beyond ASCII may be used.
    pub unicode: bool,
    /// Words instead of signs.
    pub plain: bool,
}

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Beside the point.
    Dim,
    /// Stands out.
    Bold,
    /// Emphasis in prose.
    Italic,
    /// A name in code.
    Code,
    /// A heading.
    Heading,
    /// Went well, or was added.
    Good,
    /// Went wrong, or was removed.
    Bad,
    /// Wants attention.
    Ask,
    /// A place in a file.
    Place,
}

impl Paint {
    const fn code(self) -> &'static str {
        match self {
            Self::Dim => "\x1b[2m",
            Self::Bold => "\x1b[1m",
            Self::Italic => "\x1b[3m",
            Self::Code => "\x1b[36m",
            Self::Heading => "\x1b[1;34m",
            Self::Good => "\x1b[32m",
            Self::Bad => "\x1b[31m",
            Self::Ask => "\x1b[1;33m",
            Self::Place => "\x1b[36m",
        }
    }
}

/// Ends every paint.
const OFF: &str = "\x1b[0m";

impl Style {
    /// The text in a color, if there are colors.
    pub fn paint(self, paint: Paint, text: &str) -> String {
        if self.color && !text.is_empty() { format!("{}{text}{OFF}", paint.code()) } else { text.to_owned() }
    }

    /// Text that says that something is wrong.
    pub fn bad(self, text: &str) -> String {
        self.paint(Paint::Bad, text)
    }

    /// Text that wants attention.
    pub fn warn(self, text: &str) -> String {
        self.paint(Paint::Ask, text)
    }

    /// Text beside the point.
    pub fn dim(self, text: &str) -> String {
        self.paint(Paint::Dim, text)
    }

    /// What begins a color that ends with [`Style::off`].
    pub fn on(self, paint: Paint) -> &'static str {
        if self.color { paint.code() } else { "" }
    }

    /// Ends a color.
    pub fn off(self) -> &'static str {
        if self.color { OFF } else { "" }
    }

    /// What stands between facts in a row.
    pub fn dot(self) -> &'static str {
        if self.unicode { " · " } else { " - " }
    }

    /// What stands for something left out.
    pub fn ellipsis(self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }

    /// The frames of the sign of life.
    pub fn spinner(self) -> &'static [&'static str] {
        if self.unicode {
            &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
        } else {
            &["|", "/", "-", "\\"]
        }
    }
}
