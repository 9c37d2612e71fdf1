//! Which crate may see which: the drawing of docs/architecture.md as a table.
//!
//! Every crate of the workspace has a line here; a new crate without one is a mistake, and so is an
//! arrow that is not drawn. Tests may also use `conclave-checker`, `conclave-fuzz` and `conclave-testkit`.

use super::workspace::Crate;

/// One crate's place in the drawing.
struct Place {
    name: &'static str,
    /// The crates of ours that it may name.
    sees: &'static [&'static str],
    /// What must not be linked into it, however far down.
    never_linked: &'static [&'static str],
    /// What it must not name itself, though something below it may link it.
    never_named: &'static [&'static str],
}

const IO: &[&str] = &["tokio", "tonic", "prost", "rocksdb", "openraft", "rand"];

const DRAWING: &[Place] = &[
    Place { name: "base2histogram", sees: &[], never_linked: IO, never_named: &[] },
    Place { name: "conclave-mvcc", sees: &[], never_linked: IO, never_named: &[] },
    Place { name: "conclave-core", sees: &["conclave-mvcc"], never_linked: IO, never_named: &[] },
    Place { name: "conclave-formats", sees: &[], never_linked: IO, never_named: &[] },
    Place { name: "conclave-fuzz", sees: &[], never_linked: &["tokio", "rocksdb"], never_named: &[] },
    Place {
        name: "conclave-backup",
        sees: &[],
        never_linked: &["openraft", "rocksdb", "tonic"],
        never_named: &[],
    },
    Place { name: "conclave-proto", sees: &[], never_linked: &["rocksdb", "openraft"], never_named: &[] },
    Place {
        name: "conclave-storage",
        sees: &["conclave-mvcc"],
        never_linked: &["openraft", "tonic", "prost"],
        never_named: &[],
    },
    Place {
        name: "conclave-raft",
        sees: &[
            "conclave-checked-stream",
            "conclave-core",
            "conclave-mvcc",
            "conclave-proto",
            "conclave-storage",
        ],
        never_linked: &["conclave-watch"],
        never_named: &["rocksdb"],
    },
    Place {
        name: "conclave-watch",
        sees: &["conclave-mvcc"],
        never_linked: &["openraft", "rocksdb", "tonic"],
        never_named: &[],
    },
    Place {
        name: "conclave-node",
        sees: &["conclave-core", "conclave-mvcc", "conclave-raft", "conclave-storage", "conclave-watch"],
        never_linked: &["axum-extra", "tonic-reflection", "tonic-health"],
        never_named: &["openraft", "rocksdb", "tonic", "axum"],
    },
    Place {
        name: "conclave-door",
        sees: &["conclave-core", "conclave-mvcc", "conclave-node"],
        never_linked: &[],
        never_named: &["conclave-proto", "openraft", "rocksdb"],
    },
    Place {
        name: "conclave-door-native",
        sees: &["conclave-core", "conclave-door", "conclave-mvcc", "conclave-node", "conclave-proto"],
        never_linked: &["conclave-client"],
        never_named: &["openraft", "rocksdb"],
    },
    Place {
        name: "conclave-door-etcd",
        sees: &[
            "conclave-backup",
            "conclave-core",
            "conclave-door",
            "conclave-mvcc",
            "conclave-node",
            "conclave-proto",
        ],
        never_linked: &["conclave-client"],
        never_named: &["openraft", "rocksdb"],
    },
    Place {
        name: "conclave-door-http",
        sees: &["conclave-door", "conclave-node"],
        never_linked: &["conclave-client"],
        never_named: &["openraft", "rocksdb", "tonic"],
    },
    Place {
        name: "conclave-door-gateway",
        sees: &["conclave-proto"],
        never_linked: &["conclave-client", "openraft", "rocksdb"],
        never_named: &[],
    },
    Place {
        name: "conclave-bench",
        sees: &["conclave-client", "conclave-proto", "conclave-testkit"],
        never_linked: &["openraft", "rocksdb"],
        never_named: &[],
    },
    Place {
        name: "conclave-chaos",
        sees: &["conclave-checker", "conclave-client", "conclave-proto", "conclave-testkit"],
        never_linked: &["openraft", "rocksdb"],
        never_named: &[],
    },
    Place {
        name: "conclave-checked-stream",
        sees: &[],
        never_linked: &["openraft", "rocksdb"],
        never_named: &[],
    },
    Place { name: "conclave-checker", sees: &[], never_linked: IO, never_named: &[] },
    Place {
        name: "conclave-client",
        sees: &["conclave-proto"],
        never_linked: &["openraft", "rocksdb"],
        never_named: &[],
    },
    Place {
        name: "conclave",
        sees: &[
            "conclave-backup",
            "conclave-client",
            "conclave-door",
            "conclave-door-etcd",
            "conclave-door-gateway",
            "conclave-door-http",
            "conclave-door-native",
            "conclave-formats",
            "conclave-node",
            "conclave-proto",
        ],
        never_linked: FOR_TESTS,
        never_named: &["openraft", "rocksdb"],
    },
    Place {
        name: "conclave-testkit",
        sees: &["conclave-checked-stream", "conclave-checker", "conclave-client", "conclave-proto"],
        never_linked: &[],
        never_named: &["openraft", "rocksdb"],
    },
    Place { name: "conclave-sim-chance", sees: &[], never_linked: IO, never_named: &[] },
    Place {
        name: "conclave-sim",
        sees: &[
            "conclave-checker",
            "conclave-core",
            "conclave-door",
            "conclave-door-etcd",
            "conclave-door-native",
            "conclave-mvcc",
            "conclave-node",
            "conclave-proto",
            "conclave-raft",
            "conclave-sim-chance",
            "conclave-storage",
        ],
        never_linked: &["conclave-client", "conclave-testkit"],
        never_named: &["openraft", "rocksdb"],
    },
    Place { name: "xtask", sees: &[], never_linked: &[], never_named: &[] },
];

/// What any crate's tests may see besides.
const FOR_TESTS: &[&str] = &["conclave-checker", "conclave-fuzz", "conclave-testkit"];

/// What the tests of processes may see besides: they damage what nodes have on their disks.
const FOR_DAMAGE: &[&str] = &["conclave-core", "conclave-mvcc", "conclave-storage"];

/// The arrows that are not drawn, and the crates that have no place.
pub(super) fn check(crates: &[Crate]) -> Vec<String> {
    crates.iter().flat_map(check_crate).collect()
}

fn check_crate(found: &Crate) -> Vec<String> {
    let Some(place) = DRAWING.iter().find(|place| place.name == found.name) else {
        return vec![format!("{}: has no place in xtask/src/tidy/arrows.rs", found.name)];
    };
    let mut mistakes = Vec::new();
    for name in found.direct.iter().filter(|name| is_ours(name) && !place.sees.contains(&name.as_str())) {
        mistakes.push(format!("{}: must not see {name}", place.name));
    }
    let damages = |name: &str| place.name == "conclave" && FOR_DAMAGE.contains(&name);
    let allowed_in_tests =
        |name: &str| place.sees.contains(&name) || FOR_TESTS.contains(&name) || damages(name);
    for name in found.dev.iter().filter(|name| is_ours(name) && !allowed_in_tests(name)) {
        mistakes.push(format!("{}: its tests must not see {name}", place.name));
    }
    for name in place.never_linked.iter().filter(|name| found.linked.contains(**name)) {
        mistakes.push(format!("{}: must never have {name} linked into it", place.name));
    }
    for name in place.never_named.iter().filter(|name| found.direct.contains(**name)) {
        mistakes.push(format!("{}: must not name {name} itself", place.name));
    }
    mistakes
}

fn is_ours(name: &str) -> bool {
    name == "conclave" || name.starts_with("conclave-") || name == "xtask"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crate_with(name: &str, direct: &[&str], dev: &[&str], linked: &[&str]) -> Crate {
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        Crate { name: name.into(), direct: set(direct), dev: set(dev), linked: set(linked) }
    }

    #[test]
    fn what_is_drawn_passes() {
        let core =
            crate_with("conclave-core", &["conclave-mvcc", "serde"], &["conclave-testkit"], &["serde"]);
        assert_eq!(check(&[core]), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_upward_is_told() {
        let mvcc = crate_with("conclave-mvcc", &["conclave-core"], &[], &[]);
        assert_eq!(check(&[mvcc]), ["conclave-mvcc: must not see conclave-core"]);
    }

    #[test]
    fn a_test_may_see_testkit_and_what_its_crate_sees_only() {
        let storage = crate_with("conclave-storage", &[], &["conclave-raft", "conclave-mvcc"], &[]);
        assert_eq!(check(&[storage]), ["conclave-storage: its tests must not see conclave-raft"]);
    }

    #[test]
    fn what_is_linked_from_far_below_is_told() {
        let core = crate_with("conclave-core", &["innocent"], &[], &["innocent", "tokio"]);
        assert_eq!(check(&[core]), ["conclave-core: must never have tokio linked into it"]);
    }

    #[test]
    fn the_binary_may_link_rocksdb_and_not_name_it() {
        let linked = crate_with("conclave", &[], &[], &["rocksdb"]);
        let named = crate_with("conclave", &["rocksdb"], &[], &["rocksdb"]);
        assert_eq!(check(&[linked]), Vec::<String>::new());
        assert_eq!(check(&[named]), ["conclave: must not name rocksdb itself"]);
    }

    #[test]
    fn a_crate_without_a_place_is_told() {
        let stray = crate_with("conclave-stray", &[], &[], &[]);
        assert_eq!(check(&[stray]), ["conclave-stray: has no place in xtask/src/tidy/arrows.rs"]);
    }
}
