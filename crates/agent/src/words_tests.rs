use super::*;

fn check(goals: &[Goal], named: bool) -> Intent {
    Intent::Check { goals: goals.to_vec(), named }
}

#[test]
fn words_choose_the_steps() {
    let cases = [
        ("Check the formatting", check(&[Goal::Format], true)),
        ("/fmt", check(&[Goal::Format], true)),
        ("run the tests, then lint", check(&[Goal::Lint, Goal::Test], true)),
        ("run the tests again", check(&[Goal::Test], true)),
        ("Check this repository", check(&Goal::ALL, true)),
        ("", check(&Goal::ALL, true)),
        ("Write me a parser", check(&Goal::ALL, false)),
        ("contest of latest information", check(&Goal::ALL, false)),
        ("Again, please!", Intent::Again),
        ("help", Intent::Help),
        ("help me with the tests", check(&[Goal::Test], true)),
    ];
    for (prompt, expected) in cases {
        assert_eq!(intent(prompt), expected, "{prompt}");
    }
}
