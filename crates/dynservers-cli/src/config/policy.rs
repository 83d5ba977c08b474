//! `[server_types.NAME.policy]`: how many servers so much work asks for, and what stands between that and the number.

use std::ops::RangeInclusive;
use std::time::Duration;

use dynservers_core::{Billing, Combine, PolicyConfig, Rule, RuleStep, ScaleRate};
use dynservers_demand::calendar::{InvalidSlot, Slot};

use super::field::Field;
use super::reader::{Kinds, Section};
use super::server_type::MOST;

/// A time that comes again and again, and the bounds that hold while it lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SlotSettings {
    name: String,
    opens: String,
    time_zone: String,
    lasts: Duration,
    bounds: (Option<u32>, Option<u32>),
}

impl SlotSettings {
    /// Makes the slot.
    pub(crate) fn slot(&self) -> Result<Slot, InvalidSlot> {
        Slot::new(self.name.clone(), &self.opens, &self.time_zone, self.lasts, self.bounds)
    }
}

const WINDOW: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(7 * 86_400);
const TIMES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(7 * 86_400);
const JOB_TIMES: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(7 * 86_400);
const UNITS: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(31 * 86_400);
const LASTING: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(366 * 86_400);
const JOBS_MOST: u32 = 1_000_000_000;
const SLOTS_MOST: usize = 64;
const STEPS_MOST: usize = 64;
/// How long a job takes until that was learned.
const JOB_TIME: Duration = Duration::from_secs(60);

/// The rules, and the keys that only one of them has.
const RULES: Kinds = &[("target_wait", &["job_time"])];

/// Reads a policy and its calendar; `servers` is how many servers the type may have, `billing` what they are paid for
/// unless that is said.
pub(super) fn read(
    field: &Field<'_>,
    servers: RangeInclusive<u32>,
    billing: Option<Billing>,
) -> Option<(PolicyConfig, Vec<SlotSettings>)> {
    let default = PolicyConfig::default();
    let mut section = field.section()?;
    let rule = rule(&mut section);
    let mut window =
        |key, otherwise| section.get(key).and_then(|field| field.duration(WINDOW)).unwrap_or(otherwise);
    let scale_in_after = window("scale_in_after", default.scale_in_after);
    let hold = window("hold", default.hold);
    let combine = section.get("combine").map(|field| field.choice(&COMBINE));
    let mut count = |key, bounds: RangeInclusive<u32>, otherwise| {
        section.get(key).map_or(Some(otherwise), |field| field.count(bounds))
    };
    let jobs_at_once = count("jobs_at_once", 1..=JOBS_MOST, default.jobs_at_once);
    let tolerance = count("tolerance", 0..=100, default.tolerance);
    let max_step = section.get("max_step").map(|field| field.count(1..=MOST));
    let rate_up = section.get("rate_up").map_or(Some(default.rate_up), |field| rate(&field));
    let rate_down = section.get("rate_down").map_or(Some(default.rate_down), |field| rate(&field));
    let billing = section.get("billing").map_or(Some(billing), |field| self::billing(&field));
    let fallback = section.get("fallback").map(|field| fallback(&field, servers));
    let schedule = section.get("schedule").map_or(Some(Vec::new()), |field| schedule(&field));
    section.finish_among(RULES, "a policy with {}", "this one has another rule");
    let policy = PolicyConfig {
        rule: rule?,
        combine: combine.unwrap_or(Some(default.combine))?,
        jobs_at_once: jobs_at_once?,
        rate_up: rate_up?,
        tolerance: tolerance?,
        scale_in_after,
        rate_down: rate_down?,
        billing: billing?,
        hold,
        fallback: given(fallback)?,
        max_step: given(max_step)?,
    };
    Some((policy, schedule?))
}

const COMBINE: [(&str, Combine); 2] = [("sum", Combine::Sum), ("max", Combine::Max)];

/// Tells a key that is not there from one that is wrong: the outer none means that something is wrong with it.
#[expect(clippy::option_option, reason = "missing and wrong are two things")]
fn given<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    read.map_or(Some(None), |value| value.map(Some))
}

/// Reads the one rule that there must be.
fn rule(section: &mut Section<'_>) -> Option<Rule> {
    const NAMES: [&str; 4] = ["jobs_per_server", "wait_per_server", "target_wait", "steps"];
    let mut found = NAMES.into_iter().filter(|name| section.entry(name).is_some());
    let (first, second) = (found.next(), found.next());
    let wait = section.get("wait_per_server");
    let target = section.get("target_wait");
    let steps = section.get("steps");
    if let (Some(first), Some(second)) = (first, second) {
        let _ = section.get("jobs_per_server");
        let _ = section.get("job_time");
        if let Some((_, field)) = section.entry(second) {
            field.add(format!("is a second rule beside {first}: a policy has one"), "remove one of the two");
        }
        return None;
    }
    if let Some(field) = wait {
        let _ = section.get("jobs_per_server");
        return field.duration(TIMES).map(Rule::WaitPerServer);
    }
    if let Some(field) = target {
        let _ = section.get("jobs_per_server");
        let job_time = section.get("job_time").map_or(Some(JOB_TIME), |field| field.duration(JOB_TIMES));
        let within = field.duration(TIMES);
        return Some(Rule::TargetWait { within: within?, job_time: job_time? });
    }
    if let Some(field) = steps {
        let _ = section.get("jobs_per_server");
        return self::steps(&field).map(Rule::Steps);
    }
    let help = "jobs_per_server = 10: how many jobs make one server worth its while; or wait_per_server, target_wait, steps";
    section.required("jobs_per_server", help)?.count(1..=JOBS_MOST).map(Rule::JobsPerServer)
}

fn steps(field: &Field<'_>) -> Option<Vec<RuleStep>> {
    let items = field.items()?;
    if items.is_empty() || items.len() > STEPS_MOST {
        field.add(format!("has {} steps, not 1 to {STEPS_MOST}", items.len()), STEPS_HELP);
        return None;
    }
    let step = |field: &Field<'_>| {
        let mut section = field.section()?;
        let jobs = section.required("jobs", STEPS_HELP).and_then(|field| field.count(0..=JOBS_MOST));
        let servers = section.required("servers", STEPS_HELP).and_then(|field| field.count(0..=MOST));
        section.finish();
        Some(RuleStep { jobs: u64::from(jobs?), servers: servers? })
    };
    let steps: Vec<Option<RuleStep>> = items.iter().map(step).collect();
    let steps: Vec<RuleStep> = steps.into_iter().collect::<Option<_>>()?;
    let falls = |pair: &[RuleStep]| pair[0].jobs >= pair[1].jobs || pair[0].servers > pair[1].servers;
    if steps.windows(2).any(falls) {
        field.add("has a step that is not above the one before it", STEPS_HELP);
        return None;
    }
    Some(steps)
}

const STEPS_HELP: &str =
    "steps = [{ jobs = 1, servers = 1 }, { jobs = 100, servers = 5 }]: from so many jobs on, so many servers";

/// Reads how fast a number may change; the inner none means at once.
#[expect(clippy::option_option, reason = "unlimited and wrong are two things")]
fn rate(field: &Field<'_>) -> Option<Option<ScaleRate>> {
    if field.is_text() {
        return field.choice(&[("unlimited", ())]).map(|()| None);
    }
    let mut section = field.section()?;
    let mut count = |key| section.get(key).map_or(Some(0), |field| field.count(0..=MOST));
    let (servers, percent) = (count("servers"), count("percent"));
    let help = format!("{} = {{ servers = 4, percent = 100, per = \"1m\" }}, or \"unlimited\"", field.name());
    let period = section.required("per", &help).and_then(|field| field.duration(TIMES));
    section.finish();
    let rate = ScaleRate { servers: servers?, percent: percent?, period: period? };
    if rate.servers == 0 {
        field.add("lets the number 0 never change: a part of nothing is nothing", help);
        return None;
    }
    Some(Some(rate))
}

/// Reads what is paid for at once; the inner none means to the second.
#[expect(clippy::option_option, reason = "nothing and wrong are two things")]
fn billing(field: &Field<'_>) -> Option<Option<Billing>> {
    const HELP: &str = "billing = { unit = \"1h\", round = \"up\" }, or \"none\"";
    if field.is_text() {
        return field.choice(&[("none", ())]).map(|()| None);
    }
    let mut section = field.section()?;
    let unit = section.required("unit", HELP).and_then(|field| field.duration(UNITS));
    // Nobody rounds down.
    let round = section.get("round").map_or(Some(()), |field| field.choice(&[("up", ())]));
    section.finish();
    Some(Some(Billing { unit: unit? })).filter(|_| round.is_some())
}

fn fallback(field: &Field<'_>, servers: RangeInclusive<u32>) -> Option<u32> {
    let (min, max) = (*servers.start(), *servers.end());
    let count = field.count(0..=MOST)?;
    if !servers.contains(&count) && min <= max {
        let nearest = count.clamp(min, max);
        field.add(
            format!("is {count}, outside of min = {min} and max = {max}"),
            format!("fallback = {nearest}"),
        );
    }
    Some(count)
}

fn schedule(field: &Field<'_>) -> Option<Vec<SlotSettings>> {
    let items = field.items()?;
    if items.len() > SLOTS_MOST {
        field.add(format!("has {} entries, and {SLOTS_MOST} are the most", items.len()), "leave some out");
    }
    let slots: Vec<Option<SlotSettings>> = items.iter().map(slot).collect();
    slots.into_iter().collect()
}

fn slot(field: &Field<'_>) -> Option<SlotSettings> {
    let mut section = field.section()?;
    let text = |field: &Field<'_>| field.resolved().map(|text| text.text);
    let opens = section.required("opens", OPENS_HELP);
    let lasts = section.required("lasts", "lasts = \"10h\"").and_then(|field| field.duration(LASTING));
    let time_zone = section.required("time_zone", ZONE_HELP);
    let mut count = |key| section.get(key).map(|field| field.count(0..=MOST));
    let (min, max) = (count("min"), count("max"));
    let name = section.get("name").map(|field| text(&field));
    section.finish();
    let (opens_at, zone_at) = (opens?, time_zone?);
    let (opens, time_zone, bounds) = (text(&opens_at)?, text(&zone_at)?, (given(min)?, given(max)?));
    let name = given(name)?.unwrap_or_else(|| opens.clone());
    let slot = SlotSettings { name, opens, time_zone, lasts: lasts?, bounds };
    let Err(error) = slot.slot() else { return Some(slot) };
    let (place, help) = match error {
        InvalidSlot::Cron { .. } | InvalidSlot::Never { .. } => (&opens_at, OPENS_HELP),
        InvalidSlot::Zone { .. } => (&zone_at, ZONE_HELP),
        _ => (field, "min = 5, or max = 2, or both"),
    };
    place.add(error.to_string(), help);
    None
}

const OPENS_HELP: &str = "opens = \"0 8 * * mon-fri\": minute, hour, day, month, weekday";
const ZONE_HELP: &str = "time_zone = \"Europe/Berlin\", or \"UTC\"";
