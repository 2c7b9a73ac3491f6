//! The laws that need a log's bytes and its request ids, for generated commands over the wire. The others, which the
//! domain can keep alone, are with the domain.

use std::future::Future;

use beleg_server::pb;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use prost::Message as _;

use crate::commands::{Command, Player, Step, steps};
use crate::forge;
use crate::house::{House, key};

/// Histories of each law, or as many as a longer campaign asks for by `PROPTEST_CASES`.
const CASES: u32 = 6;

fn for_every_history<F: Future<Output = ()>>(law: impl Fn(Vec<Step>) -> F) {
    let default = Config { failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let config =
        if std::env::var_os("PROPTEST_CASES").is_some() { default } else { Config { cases: CASES, ..default } };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let holds = |steps| {
        // A panic is a failed case: the runner makes it smaller.
        runtime.block_on(law(steps));
        Ok::<(), TestCaseError>(())
    };
    if let Err(failure) = TestRunner::new(config).run(&steps(), holds) {
        panic!("{failure}");
    }
}

/// The ledger, byte for byte: every entry with its vouchers, and the sums of all of them.
async fn ledger(house: &House, as_of: Option<i64>) -> Vec<u8> {
    let as_of = as_of.map(|position| pb::AsOf { point: Some(pb::as_of::Point::Position(position)) });
    let min_position = Some(house.head().await);
    let listed = pb::ListEntriesRequest { page_size: 1_000, min_position, as_of, ..Default::default() };
    let listed = house.ledger().list_entries(house.call(listed)).await.unwrap().into_inner();
    assert_eq!(listed.next_page_token, "", "one page is enough here");
    let group_by = [pb::BalanceKey::Customer, pb::BalanceKey::Ticket, pb::BalanceKey::Account, pb::BalanceKey::Rule];
    let group_by = group_by.map(i32::from).to_vec();
    let summed = pb::GetBalancesRequest { page_size: 1_000, group_by, min_position, as_of, ..Default::default() };
    let summed = house.ledger().get_balances(house.call(summed)).await.unwrap().into_inner();
    let ledger = pb::ListEntriesResponse { entries: listed.entries, ..Default::default() };
    let sums = pb::GetBalancesResponse { balances: summed.balances, ..Default::default() };
    [ledger.encode_to_vec(), sums.encode_to_vec()].concat()
}

/// Law 6: replaying any prefix of the log gives byte for byte the ledger that stood there then.
///
/// What stood is listed when a command has been answered. Later the same is asked as of every position; and the log is
/// cut, event by event from its end, and each time read into new views by a new server.
#[test]
fn replaying_any_prefix_of_the_log_gives_byte_for_byte_the_ledger_that_stood_there_then() {
    for_every_history(|steps| async move {
        let mut house = House::ready().await;
        let mut player = Player::new();
        let mut stood = vec![(house.head().await, ledger(&house, None).await)];
        for step in &steps {
            let Some(command) = player.command(step, &mut house) else { continue };
            if command.send(&house).await.is_ok() {
                player.accepted(&command);
                stood.push((house.head().await, ledger(&house, None).await));
            }
        }
        let head = house.head().await;
        let mut prefixes = Vec::new();
        for position in 1..=head {
            prefixes.push((position, ledger(&house, Some(position)).await));
        }
        for then in &stood {
            assert!(prefixes.contains(then), "as of position {} the ledger is not what stood there then", then.0);
        }
        let mut data = house.stop().await;
        for (position, ledger_then) in prefixes.iter().rev() {
            forge::keep_first(&data, *position).await;
            data.lose_views().await;
            let again = House::on(data, false).await;
            assert_eq!(again.head().await, *position);
            assert_eq!(ledger(&again, None).await, *ledger_then, "the log up to position {position} says otherwise");
            data = again.stop().await;
        }
    });
}

/// Everything that a command could change: where the log ends, the ledger, and the tickets.
async fn everything(house: &House, player: &Player) -> (i64, Vec<u8>, Vec<Result<Vec<u8>, tonic::Code>>) {
    let mut tickets = Vec::new();
    for ticket in player.tickets() {
        let asked = pb::GetTicketRequest { ticket: key(ticket), ..Default::default() };
        let shown = house.tickets().get_ticket(house.call(asked)).await;
        tickets.push(shown.map(|shown| shown.into_inner().encode_to_vec()).map_err(|status| status.code()));
    }
    (house.head().await, ledger(house, None).await, tickets)
}

/// Law 7: the same command sent twice changes nothing the second time.
///
/// The second time is at once, after everything else was said, and after a new server came.
#[test]
fn the_same_command_sent_twice_changes_nothing_the_second_time() {
    for_every_history(|steps| async move {
        let mut house = House::ready().await;
        let mut player = Player::new();
        let mut answered: Vec<(Command, Vec<u8>)> = Vec::new();
        for step in &steps {
            let Some(command) = player.command(step, &mut house) else { continue };
            let before = everything(&house, &player).await;
            let first = command.send(&house).await;
            let after = everything(&house, &player).await;
            assert!(first.is_ok() || after == before, "refused, and something changed: {command:?}");
            let second = command.send(&house).await;
            assert_eq!(everything(&house, &player).await, after, "{command:?}");
            match (first, second) {
                (Ok(first), Ok(second)) => {
                    assert_eq!(first, second, "{command:?}");
                    player.accepted(&command);
                    answered.push((command, first));
                }
                (Err(first), Err(second)) => {
                    assert_eq!((first.code(), first.message()), (second.code(), second.message()));
                }
                (first, second) => panic!("{command:?}: first {first:?}, then {second:?}"),
            }
        }
        let at_the_end = everything(&house, &player).await;
        for (command, first) in &answered {
            assert_eq!(command.send(&house).await.unwrap(), *first, "{command:?}");
        }
        assert_eq!(everything(&house, &player).await, at_the_end);
        let now = house.now.clone();
        let mut house = House::on(house.stop().await, false).await;
        house.now = now;
        for (command, first) in &answered {
            assert_eq!(command.send(&house).await.unwrap(), *first, "{command:?}");
        }
        assert_eq!(everything(&house, &player).await, at_the_end);
        house.stop().await;
    });
}
