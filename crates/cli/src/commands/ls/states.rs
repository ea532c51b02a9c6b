//! The states that sessions are asked for by: as they are shown, or as the API names them.

use convene_api::problem::{Code, Problem};
use convene_core::{catalogue::nearest, view::SessionView};

use crate::failure::Failure;

/// What the API tells apart, and can be asked for.
const PHASES: [&str; 7] = ["pending", "starting", "idle", "running", "hibernated", "stopping", "stopped"];
/// What is shown instead where it says more.
const BADGES: [&str; 5] = ["needs-you", "waiting-for-auth", "hung", "unhealthy", "failed"];

/// The wanted states; none are all of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct States(Vec<String>);

impl States {
    /// Reads words such as `needs you`, `needs-you,failed`.
    ///
    /// # Errors
    /// If a word is no state.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, Failure> {
        let words = text.into_iter().flat_map(|text| text.split(','));
        words.map(state).collect::<Result<Vec<String>, Failure>>().map(Self)
    }

    /// What the server is asked for; none if it cannot tell them apart.
    pub(super) fn query(&self) -> Option<String> {
        let asked = !self.0.is_empty() && self.0.iter().all(|state| PHASES.contains(&state.as_str()));
        asked.then(|| self.0.join(","))
    }

    /// Whether a session is in one of them.
    pub(super) fn fit(&self, session: &SessionView) -> bool {
        let badge = session.badge.to_string();
        self.0.is_empty() || self.0.iter().any(|state| *state == session.state || *state == badge)
    }
}

fn state(word: &str) -> Result<String, Failure> {
    let typed = word.trim();
    let state = typed.to_lowercase().replace([' ', '_'], "-");
    let known: Vec<&str> = PHASES.iter().chain(&BADGES).copied().collect();
    if known.contains(&state.as_str()) {
        return Ok(state);
    }
    let fields = [("field", "state".into()), ("why", format!("{typed:?} is no state").into())];
    let problem = Problem::filled(Code::InvalidRequest, fields);
    Err(match nearest(&state, known.iter().copied()).first() {
        Some(near) => problem.hint(format!("did you mean {near:?}? States: {}", known.join(", "))),
        None => problem.hint(format!("states: {}", known.join(", "))),
    }
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_taken_as_they_are_shown() {
        let states = |text| States::parse(Some(text)).expect("states").0;
        assert_eq!(states("needs you"), ["needs-you"]);
        assert_eq!(states("Needs-You, running"), ["needs-you", "running"]);
        assert_eq!(states("waiting_for_auth"), ["waiting-for-auth"]);
        assert_eq!(States::parse(Some("idle,stopped")).expect("states").query().as_deref(), Some("idle,stopped"));
        assert_eq!(States::parse(Some("idle,failed")).expect("states").query(), None);
        assert_eq!(States::parse(None).expect("states").query(), None);
    }

    #[test]
    fn a_slip_gets_the_nearest_and_the_list() {
        let hint = |text| match States::parse(Some(text)) {
            Err(Failure::Problem(problem)) => problem.hint.unwrap_or_default(),
            other => panic!("{other:?}"),
        };
        assert!(hint("need-you").starts_with("did you mean \"needs-you\"? States: pending, "), "{}", hint("need-you"));
        assert!(hint("purple").starts_with("states: pending, "), "{}", hint("purple"));
        assert!(hint("").starts_with("states: "), "{}", hint(""));
    }
}
