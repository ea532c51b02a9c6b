use std::net::Ipv4Addr;

use super::*;

const TCP: Peer = Peer::Tcp { ip: IpAddr::V4(Ipv4Addr::LOCALHOST) };

#[test]
fn a_burst_is_let_through_and_then_one_after_another() {
    let limiter = Limiter::new(Rates { requests: 60, failed_auth: 1 });
    let begin = Instant::now();
    for left in (0..60).rev() {
        let taken = limiter.request(Presented::Owner, TCP, begin);
        assert_eq!((taken.limit, taken.remaining, taken.wait), (60, left, None));
        assert!(taken.check().is_ok());
    }
    let taken = limiter.request(Presented::Owner, TCP, begin);
    assert_eq!(taken.wait, Some(Duration::from_secs(1)));
    assert_eq!(taken.reset, Duration::from_secs(60));
    let problem = taken.check().unwrap_err();
    assert_eq!(problem.code, Code::RateLimited);
    let mut headers = HeaderMap::new();
    taken.tell(&mut headers);
    let text: Vec<&str> = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after"]
        .iter()
        .map(|name| headers[*name].to_str().unwrap())
        .collect();
    assert_eq!(text, ["60", "0", "60", "1"]);
    // What was refused costs nothing: a second later there is one.
    let later = begin + Duration::from_secs(1);
    assert_eq!(limiter.request(Presented::Owner, TCP, later).wait, None);
    assert!(limiter.request(Presented::Owner, TCP, later).wait.is_some());
}

#[test]
fn callers_do_not_take_from_one_another() {
    let limiter = Limiter::new(Rates { requests: 1, failed_auth: 1 });
    let now = Instant::now();
    assert_eq!(limiter.request(Presented::Owner, TCP, now).wait, None);
    assert!(limiter.request(Presented::Owner, TCP, now).wait.is_some());
    assert_eq!(limiter.request(Presented::Worker, TCP, now).wait, None);
    let address = |last| Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)));
    assert_eq!(limiter.failure(address(1), now).wait, None);
    assert!(limiter.failure(address(1), now).wait.is_some());
    assert_eq!(limiter.failure(address(2), now).wait, None);
    assert_eq!(limiter.failure(None, now).wait, None);
}

#[test]
fn the_unix_socket_has_more_room() {
    let limiter = Limiter::new(Rates { requests: 1, failed_auth: 1 });
    let now = Instant::now();
    let local = Peer::Local { pid: None };
    assert!((0..LOCAL).all(|_| limiter.request(Presented::Owner, local, now).wait.is_none()));
    assert!(limiter.request(Presented::Owner, local, now).wait.is_some());
}

#[test]
fn the_buckets_are_bounded() {
    let buckets = Buckets::default();
    let now = Instant::now();
    for key in 0..3 * BUCKETS {
        buckets.take(key, 1, now);
    }
    assert!(buckets.0.lock().unwrap().len() <= BUCKETS);
}
