use super::*;

#[test]
fn a_hole_of_any_size_is_leaped_over() {
    for (stored, after, next) in [
        (vec![1, 2], 0, Some(1)),
        (vec![1, 2_000_000], 1, Some(2_000_000)),
        (vec![1, 5, 6, 9], 1, Some(5)),
        (vec![1, 5, 6, 9], 6, Some(9)),
        (vec![1, 5], 5, None),
        (vec![], 0, None),
    ] {
        let mut looked = 0;
        let found = leap(after, 3_000_000, |before| {
            looked += 1;
            Ok(!stored.iter().any(|seq| (after + 1..before).contains(seq)))
        });
        assert_eq!(found.expect("nothing fails"), next, "{stored:?} after {after}");
        assert!(looked < 30, "it looked {looked} times");
    }
}
