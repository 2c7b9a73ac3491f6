use beleg_server::{audit, pb};
use beleg_store::{ClockKind, LogOptions};

use crate::house::{House, key};
use crate::worked_ticket::play;

fn silent(_: u64, _: u64) {}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_is_said_to_be_and_changes_no_amount_and_no_hash() {
    let mut house = House::ready().await;
    let ticket = play(&mut house).await;
    let (shown, entries) = (house.ticket(&ticket).await, house.entries(&ticket).await);
    assert_eq!(shown.personal[0].text.as_deref(), Some("invoices lack their tax rate"));
    let data = house.stop().await;

    let log = data.storage().open_log(LogOptions::new(ClockKind::Simulated)).await.unwrap();
    let erased = log.erase_personal(1, log.head().position).await.unwrap();
    assert!(erased > 0);
    log.close().await;

    let house = House::on(data, false).await;
    let now = house.ticket(&ticket).await;
    assert_eq!(now.personal[0].text, None, "erased, and not an empty text");
    let kept = |ticket: &pb::Ticket| (ticket.personal[0].name.clone(), ticket.personal[0].commitment.clone());
    assert_eq!(kept(&now), kept(&shown));
    assert_eq!((now.charged, now.work), (shown.charged, shown.work));
    assert_eq!(house.entries(&ticket).await, entries);
    let history = pb::GetTicketHistoryRequest { ticket: key(&ticket), page_size: 1_000, ..Default::default() };
    let events = house.tickets().get_ticket_history(house.call(history)).await.unwrap().into_inner().events;
    let mut texts = events.iter().flat_map(|event| &event.personal);
    assert!(texts.clone().count() > 0 && texts.all(|field| field.text.is_none()));

    let data = house.stop().await;
    assert_eq!(audit::check_views(&data.storage(), &silent).await.unwrap().found, Vec::new());
    assert_eq!(audit::verify(&data.storage(), &silent).await.unwrap().found, Vec::new());
}
