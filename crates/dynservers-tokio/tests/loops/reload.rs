//! Reloads: all of the new configuration or nothing of it.

use dynservers_core::{Answer, Ask, Asker, Completing, Effect, Question, Subject};

use super::rig::{Rig, command, config, execute, provider, server_type, until};
use super::*;
use dynservers_tokio::ReloadError;

/// Does everything at once, and says that it was another one.
struct Other;

impl AsyncExecutor for Other {
    fn execute<'a>(&'a self, _effect: &'a Effect) -> Completing<'a> {
        Box::pin(async { Outcome::Lost(Failure::new("another executor")).into() })
    }
}

impl Asker for Other {
    fn ask(&self, _ask: &Ask) -> Answer {
        Answer::Gone
    }
}

fn parts(config: Config) -> Parts {
    let names: Vec<_> = config.providers.keys().cloned().collect();
    Parts {
        config,
        executors: names.into_iter().map(|name| (name, Hands::Async(Arc::new(Other)))).collect(),
        prepare: Arc::new(|_, _| Err(Failure::new("another template"))),
        asker: Arc::new(Other),
        counter: None,
    }
}

/// A loop that does one of everything for each command.
fn busy() -> Rig {
    let mut effects = 0;
    Rig::new(move |input, _| match input {
        Input::Command(_) => {
            effects += 1;
            let subject = Subject {
                server_type: server_type(),
                name: "".into(),
                provider: provider(),
                provider_id: None,
                addresses: Vec::new(),
            };
            vec![
                execute(effects, provider()),
                Output::Prepare(Prepare { server: ServerId(7), server_type: server_type() }),
                Output::Ask(Box::new(Ask { server: ServerId(7), question: Question::Undrain, subject })),
            ]
        }
        _ => Vec::new(),
    })
}

#[tokio::test]
async fn from_a_reload_on_all_is_done_by_the_new_ones_and_what_is_under_way_ends_as_it_began() {
    let rig = busy();
    let _one = rig.command(1);
    rig.until_seen(3).await;
    let mut other = config();
    other.timing.poll_interval *= 2;
    rig.handle.reload(parts(other.clone())).await.unwrap();
    assert_eq!(rig.seen()[3], Input::Configure(Box::new(other)));
    let _two = rig.command(2);
    rig.until_seen(8).await;
    let seen = rig.seen();
    let prepared = Input::Prepared { server: ServerId(7), result: Err(Failure::new("another template")) };
    assert!(seen[4..].contains(&prepared), "{seen:?}");
    let answer = |answer| Input::Answered { server: ServerId(7), question: Question::Undrain, answer };
    assert!(seen[4..].contains(&answer(Answer::Gone)), "{seen:?}");
    assert_eq!(rig.completion(2).await.outcome, Outcome::Lost(Failure::new("another executor")));
    assert_eq!(rig.seen().len(), 8, "the first effect is still under way");
    rig.hands.0.add_permits(1);
    assert_eq!(rig.completion(1).await.outcome, Outcome::Accepted);
    until(|| Arc::strong_count(&rig.hands) == 1).await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_changes_nothing() {
    let rig = busy();
    let elsewhere = ProviderName::new("elsewhere").unwrap();
    let mut contradicting = config();
    contradicting.server_types.insert(server_type(), TypeConfig::new(elsewhere.clone(), 1));
    let error = rig.handle.reload(parts(contradicting)).await.unwrap_err();
    assert!(error.to_string().contains("provider elsewhere, which is not configured"), "{error}");
    let mut lacking = parts(config());
    lacking.config.providers.insert(elsewhere.clone(), ProviderConfig::default());
    let refused = ReloadError::Refused(StartError::NoExecutor { provider: elsewhere });
    assert_eq!(rig.handle.reload(lacking).await, Err(refused));
    assert_eq!(rig.seen(), []);
    let _call = rig.command(1);
    rig.until_seen(3).await;
    let prepared = Input::Prepared { server: ServerId(7), result: Err(Failure::new("not asked for")) };
    assert!(rig.seen().contains(&prepared));
    rig.hands.0.add_permits(1);
    assert_eq!(rig.completion(1).await.outcome, Outcome::Accepted);
    assert_eq!(rig.seen()[0], Input::Command(command(1)));
}

#[tokio::test]
async fn a_loop_that_has_ended_takes_no_other_configuration() {
    let rig = busy();
    rig.handle.shutdown().await;
    assert_eq!(rig.handle.reload(parts(config())).await, Err(ReloadError::Stopped(Stopped)));
}
