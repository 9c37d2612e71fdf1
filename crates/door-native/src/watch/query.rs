//! What a watch was asked for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use conclave_core::NamespaceName;
use conclave_core::config::watch_ranges;
use conclave_door::{Limits, Refusal};
use conclave_mvcc::Revision;
use conclave_node::WatchFilter;
use conclave_proto::config::v1 as wire;

use crate::fields::Fields;

/// What a watch was asked for.
#[derive(Debug)]
pub(crate) struct WatchQuery {
    pub(crate) targets: Arc<[Target]>,
    /// The first revision whose changes are wanted; none: a reset comes first.
    pub(super) start: Option<Revision>,
    pub(super) heartbeat_interval: Duration,
}

/// A namespace to follow.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(super) namespace: NamespaceName,
    /// Only keys that begin with this.
    pub(super) key_prefix: String,
}

impl WatchQuery {
    pub(crate) fn parse(request: wire::WatchRequest, limits: &Limits) -> Result<Self, Refusal> {
        let mut fields = Fields::new(limits);
        let targets = targets(&mut fields, request.targets);
        let heartbeat_interval = heartbeat_interval(&mut fields, request.heartbeat_interval_ms);
        let start = Some(request.start_revision).filter(|start| *start > 0).map(Revision::new);
        fields.finish(targets.map(|targets| Self { targets: targets.into(), start, heartbeat_interval }))
    }

    /// The keys that tell all about the targets.
    pub(crate) fn filter(&self) -> WatchFilter {
        let ranges = self.targets.iter();
        let ranges = ranges.flat_map(|target| watch_ranges(&target.namespace, &target.key_prefix));
        WatchFilter { ranges: ranges.collect() }
    }
}

fn targets(fields: &mut Fields<'_>, targets: Vec<wire::WatchTarget>) -> Option<Vec<Target>> {
    let (count, max) = (targets.len(), fields.limits.watch_targets_max);
    if count == 0 {
        fields.refuse("targets", "it is empty: name at least one namespace");
    }
    if count > max {
        fields
            .refuse("targets", format_args!("they are {count}, of which {max} are allowed: split the watch"));
        return None;
    }
    let mut names = BTreeSet::new();
    let mut read = Vec::with_capacity(count);
    for (index, target) in targets.into_iter().enumerate() {
        let namespace = fields.namespace(format_args!("targets[{index}].namespace"), &target.namespace);
        fields.key_prefix(format_args!("targets[{index}].key_prefix"), &target.key_prefix);
        if !names.insert(target.namespace.clone()) {
            let what = format_args!("it names {:?} a second time: keep one", target.namespace);
            fields.refuse(format_args!("targets[{index}].namespace"), what);
        }
        read.push(namespace.map(|namespace| Target { namespace, key_prefix: target.key_prefix }));
    }
    read.into_iter().collect()
}

fn heartbeat_interval(fields: &mut Fields<'_>, asked_ms: u32) -> Duration {
    let min = Limits::HEARTBEAT_INTERVAL_MS_MIN;
    let interval_ms = match asked_ms {
        0 => Limits::HEARTBEAT_INTERVAL_MS_DEFAULT,
        asked_ms => asked_ms,
    };
    if interval_ms < min {
        let what = format_args!("it is {asked_ms}: give at least {min}, or 0 for the default");
        fields.refuse("heartbeat_interval_ms", what);
    }
    Duration::from_millis(interval_ms.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::told;

    fn target(namespace: &str, key_prefix: &str) -> wire::WatchTarget {
        wire::WatchTarget { namespace: namespace.into(), key_prefix: key_prefix.into() }
    }

    fn request(targets: Vec<wire::WatchTarget>) -> wire::WatchRequest {
        wire::WatchRequest { targets, ..Default::default() }
    }

    #[test]
    fn what_was_asked_for_is_read() {
        let asked = request(vec![target("a", ""), target("b/c", "db.")]);
        let query = WatchQuery::parse(asked.clone(), &Limits::default()).unwrap();
        let names: Vec<_> =
            query.targets.iter().map(|it| (it.namespace.as_str(), it.key_prefix.as_str())).collect();
        assert_eq!(names, [("a", ""), ("b/c", "db.")]);
        assert_eq!((query.start, query.heartbeat_interval), (None, Duration::from_secs(10)));

        let asked = wire::WatchRequest { start_revision: 5, heartbeat_interval_ms: 100, ..asked };
        let query = WatchQuery::parse(asked, &Limits::default()).unwrap();
        assert_eq!(
            (query.start, query.heartbeat_interval),
            (Some(Revision::new(5)), Duration::from_millis(100))
        );
    }

    #[test]
    fn the_filter_holds_the_head_and_the_items_of_each_target() {
        let asked = request(vec![target("a", "k"), target("b", "")]);
        let query = WatchQuery::parse(asked, &Limits::default()).unwrap();
        let ranges = query.filter().ranges;
        let holds = |key: &[u8]| ranges.iter().any(|range| range.contains(key));
        for key in
            ["conclave/namespace/a", "conclave/namespace/b", "conclave/config/a//k1", "conclave/config/b//x"]
        {
            assert!(holds(key.as_bytes()), "{key}");
        }
        for key in [
            "conclave/namespace/ab",
            "conclave/config/a//x",
            "conclave/config/c//k",
            "conclave/config/b/x//k",
        ] {
            assert!(!holds(key.as_bytes()), "{key}");
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let limits = Limits { key_size_bytes_max: 3, ..Limits::default() };
        let mut asked = request(vec![target("a", "long"), target("", ""), target("a", "")]);
        asked.heartbeat_interval_ms = 99;
        assert_eq!(
            told(WatchQuery::parse(asked, &limits)),
            [
                "targets[0].key_prefix: it takes 4 bytes, of which 3 are allowed: shorten it",
                "targets[1].namespace: it is empty: give at least one character",
                "targets[2].namespace: it names \"a\" a second time: keep one",
                "heartbeat_interval_ms: it is 99: give at least 100, or 0 for the default",
            ]
        );
    }

    #[test]
    fn there_are_targets_and_not_too_many() {
        let limits = Limits { watch_targets_max: 2, ..Limits::default() };
        let three = ["a", "b", "c"].map(|name| target(name, ""));
        assert_eq!(
            told(WatchQuery::parse(request(three.to_vec()), &limits)),
            ["targets: they are 3, of which 2 are allowed: split the watch"]
        );
        assert_eq!(
            told(WatchQuery::parse(request(Vec::new()), &limits)),
            ["targets: it is empty: name at least one namespace"]
        );
        WatchQuery::parse(request(three[..2].to_vec()), &limits).unwrap();
    }
}
