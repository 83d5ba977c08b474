//! Garbage: no answer and no step makes a provider panic, nor believe what nobody said.

use dynservers_core::{Op, Outcome, Step};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::Value;

use crate::conformance::bench::{Bench, brief};
use crate::conformance::case::{Case, Checked};
use crate::conformance::life::{Hands as _, made_plain};
use crate::conformance::noise::{Noise, keys_of};
use crate::conformance::report::{Danger, Flaw};
use crate::conformance::samples::{create, every_op};
use crate::conformance::subject::Subject;

/// How many answers each operation gets.
const ROUNDS: usize = 400;
/// How many steps each operation gets.
const STEPS: usize = 100;

const BELIEVED: Flaw = Flaw {
    fault: "garbage in answer to a create was believed",
    danger: Danger::Leak,
    why: "a record gets an id that is none, or is closed, while the server that was made bills unseen.",
    remedy: "give Outcome::Lost for every success that does not hold a server with an id, and Outcome::Absent never.",
};
const CONVICTED: Flaw = Flaw {
    fault: "garbage was taken to mean that a server is gone",
    danger: Danger::Leak,
    why: "the record is closed while the server lives on and bills.",
    remedy: "give Outcome::Absent only for the API's own error that says so.",
};

/// No answer makes it panic.
pub(crate) fn is_borne<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    let (new, observed) = made_plain(bench)?;
    bench.pause();
    let ops = every_op(&new, &observed.provider_id);
    let mut noise = Noise::new(0x5eed);
    let reads = ops.iter().filter(|(_, op)| op.is_read());
    let mut healthy: Vec<_> = reads.filter_map(|(_, op)| bench.answer(op, None).ok()).collect();
    let another = create(&bench.draw());
    healthy.push(bench.answer(&another, None)?);
    let mut keys = Vec::new();
    for response in &healthy {
        if let Ok(value) = serde_json::from_slice::<Value>(response.body()) {
            keys_of(&value, &mut keys);
        }
    }
    keys.sort_unstable();
    keys.dedup();
    for round in 0..ROUNDS {
        // Only noise that holds nothing of the API's own words may not be believed at all.
        let (body, is_noise) = match round % 4 {
            0 => (noise.bytes(60), true),
            1 => (noise.value(3, &[]).to_string().into_bytes(), true),
            2 => (noise.value(4, &keys).to_string().into_bytes(), false),
            _ => {
                let from = noise.below(healthy.len());
                (healthy.get(from).map(|response| noise.spoil(response.body())).unwrap_or_default(), false)
            }
        };
        let response = dressed(&mut noise, &healthy, body);
        for (name, op) in &ops {
            let step = (round % 5 == 4).then(|| Step(noise.text(10)));
            let told = || {
                let body: String = String::from_utf8_lossy(response.body()).chars().take(60).collect();
                format!("{name}, answered {} with {body:?}", response.status().as_u16())
            };
            let read = case.without_panic(told, || bench.read(op, step.as_ref(), &response).outcome);
            // One panic is like the next.
            let Some(outcome) = read else { return Ok(()) };
            let seen = || format!("{}: {}", told(), brief(&outcome));
            case.demand(!is_noise || !matches!(outcome, Outcome::Absent(_)), &CONVICTED, seen);
            if is_noise && matches!(op, Op::CreateFromSnapshot(_)) {
                let is_well = !matches!(
                    outcome,
                    Outcome::Created(_) | Outcome::Accepted | Outcome::Exists(_) | Outcome::Page(_)
                );
                case.demand(is_well, &BELIEVED, seen);
            }
        }
    }
    Ok(())
}

/// Gives a body a status, and headers that the API has, with values that it has not.
fn dressed(noise: &mut Noise, healthy: &[Response<Vec<u8>>], body: Vec<u8>) -> Response<Vec<u8>> {
    const STATUSES: &[u16] =
        &[200, 200, 201, 202, 204, 302, 400, 401, 403, 404, 404, 409, 422, 429, 500, 503];
    let any = 100 + noise.next() as u16 % 900;
    let status = if noise.below(4) == 0 { any } else { noise.pick(STATUSES, 200) };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let mut names: Vec<HeaderName> =
        healthy.iter().flat_map(|response| response.headers().keys().cloned()).collect();
    names.push(http::header::RETRY_AFTER);
    for _ in 0..noise.below(4) {
        let name = noise.pick(&names, http::header::RETRY_AFTER);
        let bytes = match noise.below(3) {
            0 => noise.next().to_string().into_bytes(),
            1 => noise.text(10).into_bytes(),
            _ => noise.bytes(10),
        };
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// No step makes it panic.
pub(crate) fn is_no_step<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    let (new, observed) = made_plain(bench)?;
    bench.pause();
    let mut noise = Noise::new(0x57e9);
    for (name, op) in every_op(&new, &observed.provider_id) {
        for round in 0..STEPS {
            let text = match round % 4 {
                0 => noise.text(20),
                1 => noise.next().to_string(),
                2 => format!("{}{}", noise.text(3), u64::MAX),
                _ => noise.text(200),
            };
            let step = Step(text);
            let told = || format!("{name} with the step {:?}", step.0);
            let request = case.without_panic(told, || bench.request(&op, Some(&step)));
            let Some(request) = request else { return Ok(()) };
            if request.is_ok() {
                let read =
                    case.without_panic(told, || bench.read(&op, Some(&step), &Response::new(Vec::new())));
                if read.is_none() {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}
