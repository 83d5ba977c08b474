//! What only a provider can tell: whether it lets us in, sells what is wanted, and for how much.

use std::sync::Arc;

use dynservers_core::{Failure, ProviderName, TypeConfig, TypeName};
use dynservers_tokio::{FleetClock, HttpExecutor};
use dynservers_upcloud::survey::{self, AccountFacts, PlanFacts, Prices, Question, StorageFacts};
use dynservers_upcloud::{Template, UpCloud};
use serde_json::Value;

use super::Finding;
use crate::config::{Account, Configuration, Price, ProviderSettings};
use crate::providers::{self, ProviderError};

/// Asks every provider.
pub(super) async fn check(configuration: &Configuration) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, settings) in &configuration.providers {
        // What is on this machine was checked without asking anybody.
        let ProviderSettings::UpCloud(account) = settings else { continue };
        match survey(configuration, name, account) {
            Ok(survey) => findings.extend(survey.check(configuration, name).await),
            Err(error) => {
                let what = format!("provider {name}");
                findings.push(Finding::fail(what, error.to_string(), "see above"));
            }
        }
    }
    findings
}

fn survey(
    configuration: &Configuration,
    name: &ProviderName,
    account: &Account,
) -> Result<Survey, ProviderError> {
    let upcloud = Arc::new(providers::upcloud(configuration, name, account)?);
    let executor = providers::caller(configuration, name, Arc::clone(&upcloud), &FleetClock::new())?;
    Ok(Survey { upcloud, executor })
}

/// A way to ask one account.
struct Survey {
    upcloud: Arc<UpCloud>,
    executor: HttpExecutor,
}

/// What an account and its provider offer; what could not be found out is nothing.
#[derive(Clone, Debug, Default)]
struct Offer {
    account: AccountFacts,
    zones: Option<Vec<String>>,
    plans: Option<Vec<PlanFacts>>,
    prices: Option<Prices>,
}

impl Survey {
    async fn ask(&self, question: &Question) -> Result<Value, Failure> {
        let request = self.upcloud.question(question).map_err(|error| error.failure().clone())?;
        let response = self.executor.ask(request).await.map_err(|error| Failure::new(error.message))?;
        self.upcloud.answer(&response)
    }

    async fn check(&self, configuration: &Configuration, provider: &ProviderName) -> Vec<Finding> {
        let what = format!("{provider}: credentials");
        let account = self.ask(&Question::Account).await;
        let account = match account.map(|answer| AccountFacts::read(&answer)) {
            Ok(Some(account)) => account,
            Ok(None) => {
                return vec![Finding::fail(what, "what answers is not UpCloud's API", "look at base_url")];
            }
            Err(failure) => {
                let help = "look at the token or the user's API access, at the network, and at base_url";
                return vec![Finding::fail(what, failure.to_string(), help)];
            }
        };
        let mut findings = vec![Finding::ok(what, format!("accepted, as {}", account.username))];
        let offer = Offer {
            account,
            zones: self.ask(&Question::Zones).await.ok().as_ref().and_then(survey::zones),
            plans: self.ask(&Question::Plans).await.ok().as_ref().and_then(survey::plans),
            prices: self.ask(&Question::Prices).await.ok().as_ref().and_then(Prices::read),
        };
        let (mut cores, mut memory, mut addresses) = (Some(0), Some(0), 0);
        let types = configuration.core.server_types.iter().filter(|(_, config)| config.provider == *provider);
        for (name, config) in types {
            let Some(settings) = configuration.server_types.get(name) else { continue };
            let crate::config::Template::UpCloud(template) = &settings.template else { continue };
            findings.extend(offer.sells(name, config, template));
            findings.push(self.snapshot(name, template).await);
            let plan = offer.plan(template);
            let max = u64::from(config.max);
            let add = |sum: Option<u64>, of: Option<u64>| Some(sum?.saturating_add(of?.saturating_mul(max)));
            cores = add(cores, plan.map(|plan| plan.cores));
            memory = add(memory, plan.map(|plan| plan.memory_mib));
            let is_public = template.networks.iter().any(|network| network.literal() == Some("public"));
            addresses += if is_public { max } else { 0 };
        }
        let needs = [("cores", cores), ("memory", memory), ("public_ipv4", Some(addresses))];
        findings.extend(needs.map(|(limit, need)| offer.limit(provider, limit, need)));
        findings
    }

    /// Whether the snapshot can be cloned where the servers are to be.
    async fn snapshot(&self, name: &TypeName, template: &Template) -> Finding {
        let what = format!("{name}: snapshot");
        let (Some(uuid), zone) = (template.snapshot.literal(), template.zone.literal()) else {
            return unknown(what, "it is a reference or has placeholders");
        };
        match self.ask(&Question::Storage { uuid: uuid.to_owned() }).await {
            Ok(answer) => match StorageFacts::read(&answer) {
                Some(storage) => usable(what, &storage, zone),
                None => unknown(what, "the answer cannot be read"),
            },
            Err(failure) if failure.http_status == Some(404) => Finding::fail(
                what,
                failure.message,
                "name a custom image of this account: its UUID begins with 01",
            ),
            Err(failure) => unknown(what, &failure.message),
        }
    }
}

fn usable(what: String, storage: &StorageFacts, zone: Option<&str>) -> Finding {
    let StorageFacts { kind, state, zone: home, size_gib, .. } = storage;
    if let (Some(home), Some(zone)) = (home.as_deref(), zone)
        && home != zone
    {
        let help = format!("clone it to {zone}, or zone = \"{home}\"");
        return Finding::fail(what, format!("is in {home}, and the servers are to be in {zone}"), help);
    }
    if state != "online" {
        return Finding::warn(what, format!("is {state}"), "wait until it is online");
    }
    let size = size_gib.map_or_else(String::new, |size| format!(" of {size} GiB"));
    if kind == "template" {
        return Finding::ok(what, format!("a template{size}, online"));
    }
    let help = "templatize it: a disk that a server uses may refuse to be cloned, which was not checked";
    Finding::warn(what, format!("is no template but of type {kind}{size}"), help)
}

impl Offer {
    fn plan(&self, template: &Template) -> Option<&PlanFacts> {
        let wanted = template.plan.literal()?;
        self.plans.as_ref()?.iter().find(|plan| plan.name == wanted)
    }

    /// Whether the zone exists, the plan exists, and is sold there, and for how much.
    fn sells(&self, name: &TypeName, config: &TypeConfig, template: &Template) -> Vec<Finding> {
        let (what_zone, what_plan) = (format!("{name}: zone"), format!("{name}: plan"));
        let (Some(zone), Some(plan)) = (template.zone.literal(), template.plan.literal()) else {
            return vec![unknown(
                format!("{name}: zone and plan"),
                "they are references or have placeholders",
            )];
        };
        let mut findings = vec![match &self.zones {
            None => unknown(what_zone, "the list of zones could not be read"),
            Some(zones) if zones.iter().any(|known| known == zone) => Finding::ok(what_zone, zone),
            Some(zones) => Finding::fail(
                what_zone,
                format!("there is no zone {zone}"),
                format!("there are: {}", zones.join(", ")),
            ),
        }];
        let sold = self.prices.as_ref().map(|prices| (prices.knows_zone(zone), prices.of_plan(zone, plan)));
        findings.push(match (&self.plans, sold) {
            (None, _) => unknown(what_plan, "the list of plans could not be read"),
            (Some(plans), _) if plans.iter().all(|known| known.name != plan) => {
                let names: Vec<&str> = plans.iter().map(|plan| plan.name.as_str()).take(12).collect();
                let more = if plans.len() > 12 { ", and more" } else { "" };
                Finding::fail(
                    what_plan,
                    format!("there is no plan {plan}"),
                    format!("there are: {}{more}", names.join(", ")),
                )
            }
            (Some(_), Some((true, None))) => Finding::fail(
                what_plan,
                format!("{plan} is not sold in {zone}"),
                "choose another plan or zone",
            ),
            (Some(_), _) => Finding::ok(what_plan, plan),
        });
        let what = format!("{name}: price");
        findings.push(match sold {
            Some((_, Some(price))) => {
                let (one, all) = (Price::of_millionths(price), Price::of_millionths(price).times(config.max));
                let detail = format!("{one} an hour, {all} at max = {}, for the plan alone", config.max);
                Finding::warn(what, detail, "not checked: disks and addresses beyond what the plan includes")
            }
            Some((_, None)) | None => unknown(what, "the price list does not have it"),
        });
        findings
    }

    /// Whether a limit of the account has room for every type's maximum.
    fn limit(&self, provider: &ProviderName, limit: &str, need: Option<u64>) -> Finding {
        let what = format!("{provider}: {}", limit.replace('_', " "));
        let unit = if limit == "memory" { " MiB" } else { "" };
        match (self.account.limits.get(limit), need) {
            (Some(limit), Some(need)) if need <= *limit => Finding::ok(
                what,
                format!(
                    "{need}{unit} at max, of {limit}{unit}; other servers of the account were not counted"
                ),
            ),
            (Some(limit), Some(need)) => Finding::fail(
                what,
                format!("{need}{unit} at max, and the account may have {limit}{unit}"),
                "lower max, or ask UpCloud for more",
            ),
            (None, _) => unknown(what, "the account tells no such limit"),
            (_, None) => unknown(what, "what a server needs is not known"),
        }
    }
}

fn unknown(what: String, why: &str) -> Finding {
    Finding::warn(what, format!("not checked: {why}"), "look yourself")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;

    fn storage(kind: &str, state: &str, zone: Option<&str>) -> StorageFacts {
        let answer = serde_json::json!({"storage": {"type": kind, "state": state, "zone": zone, "size": 10}});
        StorageFacts::read(&answer).unwrap()
    }

    #[test]
    fn a_snapshot_is_usable_if_it_is_a_template_that_is_online_where_it_is_wanted() {
        for (kind, state, zone, verdict) in [
            ("template", "online", Some("de-fra1"), Verdict::Ok),
            ("template", "online", None, Verdict::Ok),
            ("template", "online", Some("fi-hel1"), Verdict::Fail),
            ("template", "maintenance", Some("de-fra1"), Verdict::Warn),
            ("normal", "online", Some("de-fra1"), Verdict::Warn),
        ] {
            let finding = usable("w".to_owned(), &storage(kind, state, zone), Some("de-fra1"));
            assert_eq!(finding.verdict, verdict, "{finding:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        let offer = Offer::default();
        let name = TypeName::new("web").unwrap();
        let provider = ProviderName::new("upcloud").unwrap();
        let template = Template::new("de-fra1", "2xCPU-4GB", "01000000-0000-4000-8000-000000000001");
        let mut findings = offer.sells(&name, &TypeConfig::new(provider.clone(), 3), &template);
        findings.push(offer.limit(&provider, "cores", Some(4)));
        assert!(findings.iter().all(|finding| finding.verdict == Verdict::Warn), "{findings:?}");
        assert!(findings.iter().all(|finding| finding.detail.contains("not checked")), "{findings:?}");
    }
}
