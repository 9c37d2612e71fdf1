//! Settings: what holds, what is told when something does not fit, and where.

use super::values::MemberAddress;
use super::values::Value as _;
use super::{KEYS, LogFormat, Settings, Sources};

fn read(sources: &Sources) -> Settings {
    Settings::read(sources).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

fn refused(sources: &Sources) -> Vec<String> {
    let mistakes = Settings::read(sources).expect_err("there are mistakes");
    mistakes.iter().map(ToString::to_string).collect()
}

fn file(text: &str) -> Sources {
    Sources::default().file("node.toml", text)
}

fn flags(pairs: &[(&'static str, &str)]) -> Sources {
    pairs.iter().fold(Sources::default(), |sources, (name, text)| sources.flag(name, (*text).to_owned()))
}

fn variables(pairs: &[(&str, &str)]) -> Sources {
    let pairs: Vec<_> = pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    Sources::default().environment(pairs.into_iter())
}

fn member(peer: &str, client: Option<&str>) -> MemberAddress {
    MemberAddress { peer: peer.into(), client: client.map(str::to_owned) }
}

/// Every setting with its default, as a file has it; and members as a table.
fn whole_file() -> String {
    let plain = KEYS.iter().map(|key| match key.default.parse::<u64>() {
        Ok(number) => format!("{} = {number}\n", key.name),
        Err(_) => format!("{} = {:?}\n", key.name, key.default),
    });
    plain.collect()
}

/// A file is read, or all that is wrong with it is told: each mistake with the line.
#[test]
fn fuzz_files() {
    let members = "[initial_cluster]\n1 = \"a:1\"\n2 = { peer = \"b:1\", client = \"http://b:2\" }\n[limits]\nkey_size_bytes_max = 7\n";
    let urls =
        "join = \"a:1,b:2\"\notlp_endpoint = \"http://c:4317\"\nlog_level = \"info,conclave_raft=debug\"\n";
    conclave_fuzz::inputs_of!([whole_file().as_str(), members, urls]).for_each(|input| {
        let text = String::from_utf8_lossy(input);
        match Settings::read(&file(&text)) {
            Ok(settings) => assert!(settings.node_id > 0),
            Err(mistakes) => assert!(!mistakes.is_empty()),
        }
    });
}

#[test]
fn without_sources_a_node_stands_alone() {
    let settings = read(&Sources::default());
    assert_eq!(settings.node_id, 1);
    assert_eq!(settings.client_listen.0.to_string(), "127.0.0.1:4101");
    assert_eq!((settings.heartbeat_ms, settings.election_ms_min, settings.election_ms_max), (50, 150, 300));
    assert_eq!(settings.limits_value_size_bytes_max, 1 << 20);
    assert_eq!(settings.log_format, LogFormat::Text);
    let alone = member("127.0.0.1:4201", Some("http://127.0.0.1:4101"));
    assert_eq!(settings.initial_cluster.into_iter().collect::<Vec<_>>(), [(1, alone)]);
}

#[test]
fn every_setting_has_three_names_and_a_text() {
    let names: std::collections::BTreeSet<_> = KEYS.iter().map(super::Key::variable).collect();
    assert_eq!(names.len(), KEYS.len());
    assert!(KEYS.iter().all(|key| key.help.trim().ends_with('.')));
    let key = KEYS.iter().find(|key| key.name == "limits.commit_edits_max").unwrap();
    assert_eq!(key.flag(), "limits-commit-edits-max");
    assert_eq!(key.variable(), "CONCLAVE_LIMITS_COMMIT_EDITS_MAX");
}

#[test]
fn a_flag_wins_over_a_variable_over_the_file_over_the_default() {
    let text = "node_id = 2\ncluster_name = \"file\"\nheartbeat_ms = 50\n";
    let environment = [("CONCLAVE_NODE_ID", "3"), ("CONCLAVE_CLUSTER_NAME", "variable"), ("HOME", "/root")];
    let environment = environment.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let sources = file(text).environment(environment.into_iter()).flag("node_id", "4".into());
    let settings = read(&sources);
    assert_eq!(settings.node_id, 4);
    assert_eq!(settings.cluster_name, "variable");
    assert_eq!(settings.heartbeat_ms, 50);
    assert_eq!(settings.snapshot_entries, 100_000);
}

#[test]
fn tables_of_the_file_are_names_with_dots() {
    let settings = read(&file("[limits]\nkey_size_bytes_max = 1_024\ncommit_edits_max = \"7\"\n"));
    assert_eq!((settings.limits_key_size_bytes_max, settings.limits_commit_edits_max), (1024, 7));
}

#[test]
fn all_mistakes_are_told_at_once_with_their_places() {
    let text = "node_id = \"one\"\n\nheartbeat_ms = 5\n[limits]\nkey_size_bytes_max = 0\n";
    let environment = [("CONCLAVE_LOG_FORMAT".to_owned(), "xml".to_owned())];
    let sources = file(text).environment(environment.into_iter()).flag("client_listen", "here".into());
    let sources = sources.flag("cluster_name", "a b".into());
    let mut told = refused(&sources);
    told.sort();
    assert_eq!(
        told,
        [
            "--client-listen: \"here\" is not an address and a port, as 127.0.0.1:4101 is",
            "--cluster-name: \"a b\" is not 1 to 64 letters, digits, '.', '_' and '-'",
            "CONCLAVE_LOG_FORMAT: \"xml\" is neither text nor json",
            "node.toml:1: node_id: \"one\" is not a whole number",
            "node.toml:3: heartbeat_ms: 5 is not from 10 to 10000",
            "node.toml:5: limits.key_size_bytes_max: 0 is not from 1 to 4096",
        ]
    );
}

#[test]
fn a_name_that_is_no_setting_names_the_nearest() {
    let told = refused(&file("cluster = 1\nhart_beat_ms = 100\n[limit]\nkey_size_bytes_max = 9\n"));
    assert_eq!(
        told,
        [
            "node.toml:1: cluster is not a setting: did you mean cluster_name?",
            "node.toml:2: hart_beat_ms is not a setting: did you mean heartbeat_ms?",
            "node.toml:4: limit.key_size_bytes_max is not a setting: did you mean limits.key_size_bytes_max?",
        ]
    );
    let told = refused(&variables(&[("CONCLAVE_HEARTBEAT_MSEC", "9"), ("CONCLAVE_ENDPOINTS", "a:1")]));
    assert_eq!(told, ["CONCLAVE_HEARTBEAT_MSEC is not a setting: did you mean CONCLAVE_HEARTBEAT_MS?"]);
    assert_eq!(refused(&file("colour = \"red\"\n")), ["node.toml:1: colour is not a setting"]);
}

#[test]
fn broken_files_are_told_by_line() {
    let told = refused(&file("node_id = 1\nheartbeat_ms =\n"));
    assert!(told.len() == 1 && told[0].starts_with("node.toml:2: "), "{told:?}");
    let told = refused(&file("node_id = 1\nlog_level = [\"info\"]\nheartbeat_ms = true\nnode_id = 0x1"));
    assert!(told.iter().any(|mistake| mistake.starts_with("node.toml:4: ")), "{told:?}");
    let told = refused(&file("log_level = [\"info\"]\nheartbeat_ms = 1.5\n"));
    assert_eq!(
        told,
        [
            "node.toml:2: heartbeat_ms cannot be of type float: write text or a whole number",
            "node.toml:1: log_level cannot be of type array: write text or a whole number",
        ]
    );
}

#[test]
fn values_out_of_bounds_are_told_with_the_bounds() {
    for (name, text, told) in [
        ("node_id", "0", "--node-id: 0 is too small: at least 1"),
        ("node_id", "-1", "--node-id: \"-1\" is not a whole number"),
        ("snapshot_entries", "99", "--snapshot-entries: 99 is too small: at least 100"),
        (
            "snapshot_rate_bytes_per_s",
            "65535",
            "--snapshot-rate-bytes-per-s: 65535 is too little: at least 65536, or 0 for as fast as it goes",
        ),
        ("shutdown_grace_ms", "600001", "--shutdown-grace-ms: 600001 is not from 0 to 600000"),
        (
            "limits.value_size_bytes_max",
            "3145729",
            "--limits-value-size-bytes-max: 3145729 is not from 1 to 3145728",
        ),
        (
            "limits.commit_size_bytes_max",
            "8388608",
            "--limits-commit-size-bytes-max: 8388608 is not from 1 to 7340032",
        ),
        ("data_dir", "", "--data-dir: is empty"),
        ("cluster_name", "", "--cluster-name: is empty"),
        (
            "client_listen",
            "127.0.0.1",
            "--client-listen: \"127.0.0.1\" is not an address and a port, as 127.0.0.1:4101 is",
        ),
        ("client_advertise", "ftp://a:1", "--client-advertise: \"ftp://a:1\" is not a URL of http or https"),
        (
            "peer_advertise",
            "a:0",
            "--peer-advertise: \"a:0\" is not a host and a port, as db1.internal:4201 is",
        ),
    ] {
        assert_eq!(refused(&flags(&[(name, text)])), [told]);
    }
    let told = refused(&flags(&[("log_level", "conclave=loud")]));
    assert!(told.len() == 1 && told[0].starts_with("--log-level: \"conclave=loud\": "), "{told:?}");
}

#[test]
fn what_depends_on_another_setting_is_checked_against_it() {
    let told = refused(&flags(&[("heartbeat_ms", "500")]));
    assert_eq!(told, ["election_ms_min: 150 is not from 1500 to 120000"]);
    let told = refused(&flags(&[("election_ms_min", "3000")]));
    assert_eq!(told, ["election_ms_max: 300 is too small: at least 3001"]);
    let settings =
        read(&flags(&[("heartbeat_ms", "10"), ("election_ms_min", "30"), ("election_ms_max", "31")]));
    assert_eq!(settings.election_ms_max, 31);
}

#[test]
fn a_wrong_value_is_told_once_and_nothing_is_concluded_from_it() {
    let told =
        refused(&flags(&[("heartbeat_ms", "often"), ("election_ms_min", "200"), ("election_ms_max", "300")]));
    assert_eq!(told, ["--heartbeat-ms: \"often\" is not a whole number"]);
    let told =
        refused(&flags(&[("node_id", "x"), ("initial_cluster", "7=a:1"), ("client_listen", "0.0.0.0:4101")]));
    assert_eq!(told, ["--node-id: \"x\" is not a whole number"]);
}

#[test]
fn members_as_text_and_as_a_table_are_the_same() {
    let text = "node_id = 2\ninitial_cluster = \"1=a:4201/a:4101, 2=127.0.0.1:4201\"\n";
    let table = "
node_id = 2
[initial_cluster]
1 = { peer = \"a:4201\", client = \"http://a:4101\" }
2 = \"127.0.0.1:4201\"
";
    let settings = read(&file(table));
    assert_eq!(read(&file(text)), settings);
    let expected = [
        (1, member("a:4201", Some("http://a:4101"))),
        (2, member("127.0.0.1:4201", Some("http://127.0.0.1:4101"))),
    ];
    assert_eq!(settings.initial_cluster.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn members_that_cannot_be_are_told() {
    for (text, told) in [
        ("a:1", "--initial-cluster: \"a:1\" is not ID=HOST:PORT"),
        ("0=a:1", "--initial-cluster: \"0=a:1\": the id is not a whole number from 1"),
        ("1=a", "--initial-cluster: \"a\" is not a host and a port, as db1.internal:4201 is"),
        ("1=a:1,1=b:1", "--initial-cluster: names node 1 twice"),
        ("1=a:1/ftp://a:1", "--initial-cluster: \"ftp://a:1\" is not a URL of http or https"),
        ("2=a:1", "--initial-cluster: does not name this node, node_id 1"),
    ] {
        assert_eq!(refused(&flags(&[("initial_cluster", text)])), [told]);
    }
    let table = "[initial_cluster]\n1 = { client = \"a:1\" }\n2 = { peer = \"a:1\", port = 2 }\n3 = 7\n";
    let told = refused(&file(table));
    let expected = [
        "node.toml:2: initial_cluster.1: peer is missing: write peer = \"HOST:PORT\"",
        "node.toml:3: initial_cluster.2: \"port\" is not known: a member has peer and client",
        "node.toml:4: initial_cluster.3: a member cannot be of type integer: write { peer = \"HOST:PORT\" }",
    ];
    assert!(expected.iter().all(|mistake| told.contains(&(*mistake).to_owned())), "{told:?}");
}

#[test]
fn what_is_advertised_comes_from_the_members_then_from_what_is_listened_on() {
    let members = ("initial_cluster", "1=db1.internal:4201/https://db1.internal:443,2=db2.internal:4201");
    let settings = read(&flags(&[members, ("client_listen", "0.0.0.0:4101"), ("peer_listen", "[::]:4201")]));
    assert_eq!(settings.client_advertise.as_deref(), Some("https://db1.internal:443"));
    assert_eq!(settings.peer_advertise.as_deref(), Some("db1.internal:4201"));

    let settings = read(&flags(&[("client_listen", "localhost:5101"), ("peer_listen", "10.0.0.1:5201")]));
    assert_eq!(settings.client_advertise.as_deref(), Some("http://127.0.0.1:5101"));
    assert_eq!(settings.initial_cluster[&1].peer, "10.0.0.1:5201");

    let settings = read(&flags(&[members, ("client_advertise", "10.0.0.1:4101/")]));
    assert_eq!(settings.client_advertise.as_deref(), Some("http://10.0.0.1:4101"));
    assert_eq!(settings.initial_cluster[&1].client.as_deref(), Some("http://10.0.0.1:4101"));
}

#[test]
fn what_nobody_can_reach_is_not_advertised() {
    let told = refused(&flags(&[("client_listen", "0.0.0.0:4101"), ("peer_listen", "[::]:4201")]));
    assert_eq!(
        told,
        [
            "--client-listen: 0.0.0.0:4101 is no address that others can reach: set client_advertise as well",
            "--peer-listen: [::]:4201 is no address that others can reach: set peer_advertise as well",
        ]
    );
    let told = refused(&flags(&[("initial_cluster", "1=a:4201"), ("peer_advertise", "b:4201")]));
    assert_eq!(told, ["--peer-advertise: b:4201 is not what initial_cluster says of node 1: a:4201"]);
}

#[test]
fn the_local_cluster_can_be_used() {
    for (id, text) in [
        (1, include_str!("../../../../../deploy/local/node1.toml")),
        (2, include_str!("../../../../../deploy/local/node2.toml")),
        (3, include_str!("../../../../../deploy/local/node3.toml")),
    ] {
        let settings = read(&file(text));
        assert_eq!((settings.node_id, settings.initial_cluster.len()), (id, 3));
        assert_eq!(settings.client_advertise, settings.initial_cluster[&id].client);
    }
}

#[test]
fn urls_and_hosts_are_read_strictly() {
    use super::values::{read_host_port, read_url};
    assert_eq!(read_url("https://[::1]:443//").as_deref(), Ok("https://[::1]:443"));
    for text in ["", "a", ":1", "a:", "a:65536", "a b:1", "a/b:1"] {
        assert!(read_host_port(text).is_err() && read_url(text).is_err(), "{text:?} was taken");
    }
    assert!(u64::read("1 ").is_err() && usize::read("").is_err());
}

#[test]
fn a_token_that_comes_in_a_file_may_come_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token").display().to_string();
    let members = "1=a:1,2=b:1";
    let pairs = [
        ("token_file", path.as_str()),
        ("join", "a:1"),
        ("node_id", "2"),
        ("initial_cluster", members),
        ("cluster_name", "prod"),
    ];
    let first = read(&flags(&pairs));
    assert!(first.join.0.is_empty() && first.token.is_none(), "it is a first member");
    assert_eq!((first.node_id, first.initial_cluster.len()), (2, 2));
    assert!(!first.given.node_id, "its data directory may know better");

    std::fs::write(&path, "abc\n").expect("a file");
    let joining = read(&flags(&pairs));
    assert_eq!((joining.token.as_deref(), joining.join.0.len()), (Some("abc"), 1));
    let twice = refused(&flags(&[("token_file", &path), ("token", "x"), ("join", "a:1")]));
    assert!(twice[0].contains("token-file: must not be set with token"), "{twice:?}");
    std::fs::write(&path, "").expect("a file");
    let empty = refused(&flags(&pairs));
    assert!(empty[0].contains("is empty"), "{empty:?}");
}
