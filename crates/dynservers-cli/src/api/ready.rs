//! Readiness: whether every provider was looked at and nothing keeps the fleet from what it is to do.

use dynservers_core::{FleetView, ProviderName, ProviderView};

/// After how many failed looks in a row a provider counts as out of sight: the machine changes nothing then.
const FAILED_LOOKS: u32 = 3;

/// Gives what stands in the way, a sentence each.
pub(crate) fn obstacles(view: &FleetView) -> Vec<String> {
    view.providers.iter().flat_map(|(name, provider)| of_provider(name, provider)).collect()
}

fn of_provider(name: &ProviderName, provider: &ProviderView) -> Vec<String> {
    let words = provider.failure.as_ref().map_or("no more is known", |failure| &failure.message);
    let mut obstacles = Vec::new();
    if provider.denied {
        obstacles.push(format!("{name}: the provider does not let us in: {words}"));
    } else if provider.failed_looks >= FAILED_LOOKS {
        obstacles.push(format!("{name}: it cannot be seen: {words}"));
    } else if provider.last_look.is_none() {
        obstacles.push(format!("{name}: it was not looked at yet"));
    }
    if provider.hold.is_some() {
        obstacles.push(format!("{name}: it is held; see /v1/status, and end it with /v1/resume"));
    }
    obstacles
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_fleet_is_ready_when_its_providers_are_seen_and_nothing_holds_them() {
        let mut view = samples::settled_view();
        assert!(obstacles(&view).is_empty());
        let name = view.providers.keys().next().unwrap().clone();
        let provider = view.providers.get_mut(&name).unwrap();
        provider.last_look = None;
        assert!(of_provider(&name, provider)[0].contains("not looked at yet"));
        provider.failed_looks = FAILED_LOOKS;
        assert!(of_provider(&name, provider)[0].contains("cannot be seen"));
        provider.denied = true;
        assert_eq!(of_provider(&name, provider).len(), 1, "one reason for one trouble");
        assert!(of_provider(&name, provider)[0].contains("does not let us in"));
        assert!(obstacles(&samples::view()).iter().any(|obstacle| obstacle.starts_with("spare:")));
    }
}
