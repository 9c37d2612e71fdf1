//! How near namespaces are to what they may hold.

use conclave_client::config::{Defaults, GetDefaultsResponse, Namespace, Quota};

use super::Finding;
use crate::cli::text;

/// So many parts in a hundred of a bound are near it.
const NEAR_PERCENT: u64 = 80;
/// Most namespaces that are named.
const NAMED_MAX: usize = 10;

/// Compares what there is with what there may be.
pub(super) fn examine(defaults: &GetDefaultsResponse, namespaces: &[Namespace]) -> Vec<Finding> {
    let set = defaults.defaults.unwrap_or_default();
    let mut near: Vec<Finding> = namespaces_near(&set, defaults.namespaces).into_iter().collect();
    let quota = set.quota.unwrap_or_default();
    let full: Vec<Finding> = namespaces.iter().flat_map(|namespace| quotas_near(namespace, &quota)).collect();
    let unnamed = full.len().saturating_sub(NAMED_MAX);
    near.extend(full.into_iter().take(NAMED_MAX));
    if unnamed > 0 {
        let seen = format!("{unnamed} more are near a quota");
        near.push(Finding::warning("limits", seen, "`conclave config list` shows how much each holds"));
    }
    if near.is_empty() {
        let seen = format!("{} namespaces, none near a quota", text::grouped(defaults.namespaces));
        near.push(Finding::ok("limits", seen));
    }
    near
}

fn namespaces_near(defaults: &Defaults, namespaces: u64) -> Option<Finding> {
    let allowed = defaults.namespaces_max.unwrap_or(0);
    is_near(namespaces, allowed).then(|| {
        let seen = format!("{} of {} namespaces", text::grouped(namespaces), text::grouped(allowed));
        Finding::warning("limits", seen, "`conclave config defaults` raises the bound")
    })
}

fn quotas_near(namespace: &Namespace, defaults: &Quota) -> Vec<Finding> {
    let (usage, own) = (namespace.usage.unwrap_or_default(), namespace.quota.unwrap_or_default());
    let bounds = [
        (usage.items, own.items_max.or(defaults.items_max), "items"),
        (usage.size_bytes, own.size_bytes_max.or(defaults.size_bytes_max), "bytes"),
    ];
    let near = bounds.into_iter().filter_map(|(used, allowed, unit)| {
        let allowed = allowed.unwrap_or(0);
        is_near(used, allowed).then(|| {
            let name = text::one_line(&namespace.name, 80);
            let seen = format!("{name} holds {} of {} {unit}", text::grouped(used), text::grouped(allowed));
            let advice = format!("`conclave config update {name}` raises its quota");
            Finding::warning("limits", seen, advice)
        })
    });
    near.collect()
}

/// A bound of zero is none.
fn is_near(used: u64, allowed: u64) -> bool {
    allowed > 0 && u128::from(used) * 100 >= u128::from(allowed) * u128::from(NEAR_PERCENT)
}

#[cfg(test)]
mod tests {
    use conclave_client::config::Usage;

    use super::super::Severity;
    use super::*;

    fn namespace(name: &str, items: u64, items_max: Option<u64>) -> Namespace {
        Namespace {
            name: name.into(),
            usage: Some(Usage { items, size_bytes: 10 * items }),
            quota: items_max.map(|items_max| Quota { items_max: Some(items_max), ..Quota::default() }),
            ..Namespace::default()
        }
    }

    fn defaults(quota: Quota, namespaces_max: u64, namespaces: u64) -> GetDefaultsResponse {
        let defaults =
            Defaults { quota: Some(quota), namespaces_max: Some(namespaces_max), ..Defaults::default() };
        GetDefaultsResponse { defaults: Some(defaults), namespaces }
    }

    fn seen(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.seen.as_str()).collect()
    }

    #[test]
    fn four_fifths_of_a_bound_are_near_it() {
        let own = [namespace("a", 80, Some(100)), namespace("b", 79, Some(100)), namespace("c", 9, None)];
        let quota = Quota { size_bytes_max: Some(100), ..Quota::default() };
        let found = examine(&defaults(quota, 10, 3), &own);
        assert_eq!(
            seen(&found),
            [
                "a holds 80 of 100 items",
                "a holds 800 of 100 bytes",
                "b holds 790 of 100 bytes",
                "c holds 90 of 100 bytes"
            ]
        );
        let none = examine(&defaults(Quota::default(), 0, 3), &[namespace("b", 79, Some(100))]);
        assert_eq!((seen(&none), none[0].severity), (vec!["3 namespaces, none near a quota"], Severity::Ok));
    }

    #[test]
    fn many_are_counted() {
        let many: Vec<_> = (0..12).map(|number| namespace(&number.to_string(), 1, Some(1))).collect();
        let found = examine(&defaults(Quota::default(), 12, 12), &many);
        assert_eq!((found.len(), found[0].seen.as_str()), (12, "12 of 12 namespaces"));
        assert_eq!(found[11].seen, "2 more are near a quota");
    }
}
