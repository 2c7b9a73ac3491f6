//! A campaign's rounds: work, a strike, work again, and the look at what is left.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use beleg_server::pb;
use beleg_server::pb::log_service_client::LogServiceClient;
use beleg_server::pb::ticket_service_client::TicketServiceClient;
use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::arguments::Arguments;
use crate::caller::Caller;
use crate::dice::Dice;
use crate::journal::Journal;
use crate::scene::{Scene, Stage};
use crate::server::BELEG;
use crate::server::agreement::agree;
use crate::server::log::{Record, audits_find_nothing};
use crate::shift::{Counts, Doors, Shift, Tally};

/// Longest wait for whatever is mended to work again, and for open calls to be answered.
const MENDED_WITHIN: Duration = Duration::from_secs(120);

/// What a campaign is to do.
#[derive(Clone)]
pub(crate) struct Plan {
    name: &'static str,
    rounds: u32,
    seed: u64,
    longest: Duration,
    callers: u32,
    program: PathBuf,
    audit_every: u32,
    outage: Option<u64>,
    under_calls: bool,
}

impl Plan {
    pub(crate) fn new(name: &'static str, rounds: u32, seed: u64, arguments: &Arguments) -> Self {
        Self {
            name,
            rounds,
            seed,
            longest: Duration::from_secs(60 * arguments.minutes),
            callers: arguments.callers,
            program: arguments.program.clone().unwrap_or_else(|| BELEG.into()),
            audit_every: arguments.audit_every,
            outage: arguments.outage,
            under_calls: arguments.under_calls,
        }
    }
}

/// Runs a campaign and says how it went; whether everything held.
pub(crate) fn campaign<S: Scene>(plan: Plan) -> bool {
    let place = tempfile::tempdir().unwrap();
    let (name, seed, directory) = (plan.name, plan.seed, place.path().to_owned());
    println!("{name}: {} rounds at most, seed {seed}", plan.rounds);
    // On a thread of its own, so that a failure ends this campaign only.
    let running = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(run::<S>(&plan, directory));
    });
    let held = running.join().is_ok();
    if !held {
        let kept = place.keep();
        println!("{name}: FAILED, seed {seed}; journal and servers' words are kept in {}", kept.display());
    }
    held
}

async fn run<S: Scene>(plan: &Plan, place: PathBuf) {
    let (doors, tally) = (Arc::<Doors>::default(), Arc::<Tally>::default());
    let journal = Arc::new(Journal::create(&place.join("journal.jsonl")));
    let stage = Stage {
        program: plan.program.clone(),
        place,
        doors: Arc::clone(&doors),
        tally: Arc::clone(&tally),
        outage: plan.outage,
        under_calls: plan.under_calls,
    };
    let Some(mut scene) = S::set_up(&stage).await else { return };
    for (request, receipt) in agree(&stage.doors.all()[0]).await {
        journal.note(&request, &receipt);
    }
    let mut callers = Caller::crowd(plan.callers, S::BULKY);
    let mut record = Record::default();
    let mut struck: BTreeMap<&str, u32> = BTreeMap::new();
    let (begun, mut done, mut audits) = (Instant::now(), 0, 0);
    for round in 1..=plan.rounds {
        if begun.elapsed() > plan.longest {
            println!("{}: its {} minutes are over", plan.name, plan.longest.as_secs() / 60);
            break;
        }
        let (round_begun, before) = (Instant::now(), tally.counts());
        let mut dice = Dice::of(plan.seed, round, 0);
        let shift = Arc::new(Shift::new(Arc::clone(&doors), Arc::clone(&journal), Arc::clone(&tally)));
        let mut working = JoinSet::new();
        for caller in callers {
            working.spawn(caller.work(Arc::clone(&shift), plan.seed, round));
        }
        let striking = async {
            dice.pause(100, 500).await;
            let now = within("the strike", scene.strike(&stage, &mut dice)).await;
            works_again(&tally).await;
            dice.pause(20, 250).await;
            now
        };
        // A caller that fails ends the round at once.
        let now = tokio::select! {
            now = striking => now,
            Some(ended) = working.join_next() => match ended {
                Ok(_) => panic!("a caller went home early"),
                Err(died) => std::panic::resume_unwind(died.into_panic()),
            },
        };
        shift.end();
        callers = within("the callers' last calls", working.join_all()).await;
        callers.sort_by_key(Caller::number);
        look(&stage, &journal, &mut record).await;
        let last = round == plan.rounds || begun.elapsed() > plan.longest;
        if last || round % plan.audit_every == 0 {
            scene.before_audit();
            audit(&stage, &record, &scene.kept()).await;
            audits += 1;
        }
        for what in &now {
            *struck.entry(what).or_default() += 1;
        }
        done = round;
        tell_round(plan, round, &now, before, tally.counts(), record.position, round_begun.elapsed());
    }
    tell(plan, done, &struck, tally.counts(), record.position, audits, begun.elapsed());
}

/// A call begun after everything was mended is answered.
async fn works_again(tally: &Tally) {
    let (before, begun) = (tally.counts().acknowledged, Instant::now());
    while tally.counts().acknowledged == before {
        assert!(begun.elapsed() < MENDED_WITHIN, "no call was answered within {MENDED_WITHIN:?} of the mending");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn within<T>(what: &str, doing: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(MENDED_WITHIN, doing).await;
    done.unwrap_or_else(|_| panic!("{what} took more than {MENDED_WITHIN:?}"))
}

/// The log says what was acknowledged and nothing else, whichever server is asked, and the views follow.
async fn look(stage: &Stage, journal: &Journal, record: &mut Record) {
    let channels = stage.doors.all();
    record.read_on(&channels[0]).await;
    let acknowledged = journal.read();
    record.holds(&acknowledged);
    for (request, events) in &record.requests {
        let created = events[0].position == 1;
        assert!(created || acknowledged.contains_key(request), "nobody was told of request {request}: {events:?}");
    }
    for (number, channel) in channels.iter().enumerate() {
        views_follow(channel, record.position).await;
        let mut log = LogServiceClient::new(channel.clone());
        let status = log.get_log_status(pb::GetLogStatusRequest {}).await.unwrap().into_inner();
        assert_eq!(status.position, record.position, "server {number} knows another log");
        let words = stage.words(number);
        assert!(!words.contains("panicked"), "{words}");
    }
}

async fn views_follow(channel: &Channel, position: i64) {
    let begun = Instant::now();
    let asked = pb::ListTicketsRequest { min_position: Some(position), page_size: 1, ..Default::default() };
    while let Err(status) = TicketServiceClient::new(channel.clone()).list_tickets(asked.clone()).await {
        assert!(begun.elapsed() < MENDED_WITHIN, "the views do not follow: {status:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The whole log once more, from every server, and the audits.
async fn audit(stage: &Stage, record: &Record, kept: &[String]) {
    for channel in stage.doors.all() {
        let mut again = Record::default();
        again.read_on(&channel).await;
        assert!(again == *record, "the log says something else than it did");
    }
    let (program, kept) = (stage.program.clone(), kept.to_owned());
    let audits = tokio::task::spawn_blocking(move || {
        let kept: Vec<&str> = kept.iter().map(String::as_str).collect();
        audits_find_nothing(&program, &kept);
    });
    audits.await.unwrap();
}

fn tell_round(plan: &Plan, round: u32, struck: &[&str], before: Counts, now: Counts, position: i64, took: Duration) {
    println!(
        "{} {round}/{}: {}; {} acknowledged, {} unanswered ({} of them recorded), {} sent away at first; \
         log at {position}; {} ms",
        plan.name,
        plan.rounds,
        struck.join(", "),
        now.acknowledged - before.acknowledged,
        now.recorded + now.lost - before.recorded - before.lost,
        now.recorded - before.recorded,
        now.sent_away - before.sent_away,
        took.as_millis(),
    );
}

fn tell(
    plan: &Plan,
    rounds: u32,
    struck: &BTreeMap<&str, u32>,
    counts: Counts,
    position: i64,
    audits: u32,
    took: Duration,
) {
    let struck: Vec<String> = struck.iter().map(|(what, times)| format!("{what} {times}")).collect();
    println!(
        "{}: {rounds} rounds in {} s with seed {} and {} callers. Struck: {}. {} calls acknowledged; {} stayed \
         unanswered and were repeated: {} had been recorded, {} had not; {} were sent away at first; {} answered ones \
         were asked for again and answered alike. {position} events: each acknowledged one there once, none that nobody \
         was told of, no gap; {audits} times the whole log read again, verify and rebuild --check without a difference.",
        plan.name,
        took.as_secs(),
        plan.seed,
        plan.callers,
        struck.join(", "),
        counts.acknowledged,
        counts.recorded + counts.lost,
        counts.recorded,
        counts.lost,
        counts.sent_away,
        counts.asked_again,
    );
}
