use super::*;

#[test]
fn a_summary_is_cut_between_characters() {
    let fits = "x".repeat(SUMMARY_MAX);
    assert_eq!(Failure::new(FailureKind::Timeout, fits.clone()).summary, fits);
    for text in ["é", "日", "🦀", "x", "a🦀é"] {
        for shift in 0..4 {
            let long = format!("{}{}", "y".repeat(shift), text.repeat(SUMMARY_MAX + 1));
            let cut = Failure::new(FailureKind::Timeout, long.clone()).summary;
            assert!(cut.len() <= SUMMARY_MAX && cut.len() > SUMMARY_MAX - 20, "{}", cut.len());
            let kept = cut.strip_suffix("...[truncated]").unwrap();
            assert!(long.starts_with(kept));
        }
    }
}

#[test]
fn an_exit_is_told_in_words() {
    let exit = |code, signal| ProcessExit { code, signal }.to_string();
    assert_eq!(exit(Some(3), None), "exit code 3");
    assert_eq!(exit(None, Some(9)), "signal 9");
    assert_eq!(exit(None, None), "an unknown exit");
}
