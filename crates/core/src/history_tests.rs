use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::{
    event::{EventData, KnownEvent},
    ids::SessionId,
};

#[test]
fn turns_come_in_the_order_in_which_they_were_first_seen() {
    let turn = |n: u128| (n > 0).then(|| TurnId::new(Uuid::from_u128(n)));
    let event = |seq: u64, n: u128| {
        let mut data = EventData::new(KnownEvent::SessionHibernated {});
        data.turn = turn(n);
        Event { session: SessionId::new(Uuid::nil()), seq, pos: seq, at: Timestamp::UNIX_EPOCH, index: None, data }
    };
    // Zero is no turn; the second prompt is queued while the first turn runs.
    let events: Vec<Event> = (1..).zip([0, 2, 0, 2, 1, 2, 1, 0]).map(|(seq, n)| event(seq, n)).collect();
    let groups = by_turn(&events);
    let expected = [(turn(0), vec![1, 3, 8]), (turn(2), vec![2, 4, 6]), (turn(1), vec![5, 7])];
    assert_eq!(groups, expected.map(|(turn, seqs)| HistoryGroup { turn, seqs }));
    assert!(by_turn([]).is_empty());
}
