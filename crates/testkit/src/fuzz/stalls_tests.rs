use super::*;

#[test]
fn what_is_longer_than_usual_is_lost() {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let seen = Seen { last: start, lost: Duration::from_secs(1) };
    assert_eq!(seen.until(at(20)), Duration::from_secs(1));
    assert_eq!(seen.until(at(320)), Duration::from_millis(1300), "also before the thread has noted it");
    let seen = Seen { last: at(320), lost: seen.until(at(320)) };
    assert_eq!(seen.until(at(330)), Duration::from_millis(1300), "once");
    assert_eq!(seen.until(start), Duration::from_millis(1300), "the clock does not go back");
}
