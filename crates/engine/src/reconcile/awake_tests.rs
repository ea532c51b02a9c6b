use super::*;

const PERIOD: Duration = Duration::from_secs(1);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

#[test]
fn a_loop_that_runs_as_meant_is_awake_since_its_start() {
    let mut awake = Awake::new(at(0));
    for second in 0..60 {
        assert_eq!(awake.since(at(second), PERIOD), at(0));
    }
}

#[test]
fn after_a_sleep_the_windows_begin_anew() {
    let mut awake = Awake::new(at(0));
    assert_eq!(awake.since(at(3600), PERIOD), at(3600));
    assert_eq!(awake.since(at(3601), PERIOD), at(3600));
}

#[test]
fn a_clock_that_is_set_back_lets_them_begin_anew_too() {
    let mut awake = Awake::new(at(0));
    assert_eq!(awake.since(at(-3600), PERIOD), at(-3600));
}

#[test]
fn a_slow_loop_is_not_asleep() {
    let (mut awake, slow) = (Awake::new(at(0)), Duration::from_secs(60));
    assert_eq!(awake.since(at(70), slow), at(0));
    assert_eq!(awake.since(at(146), slow), at(146));
}

#[test]
fn who_stood_still_for_a_moment_gives_everybody_all_of_their_time() {
    let mut awake = Awake::new(at(0));
    let windows = awake.windows(at(1), PERIOD);
    assert!(!windows.are_over(at(0), 2, at(1)) && windows.are_over(at(0), 2, at(2)));
    let windows = awake.windows(at(9), PERIOD);
    assert_eq!((windows.up, windows.whole), (at(0), at(9)));
    assert!(!windows.are_over(at(0), 2, at(10)) && windows.are_over(at(0), 2, at(11)));
}

#[test]
fn who_was_there_before_has_a_lease() {
    let windows = Windows::from(at(100));
    assert!(!windows.are_over(at(0), 5, at(101)) && windows.are_over(at(0), 5, at(145)));
    assert!(windows.are_over(at(100), 5, at(105)), "what began after it has its own time");
}
