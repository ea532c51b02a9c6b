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
