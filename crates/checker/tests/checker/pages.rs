//! Timelines: one page each, whatever text is in them.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use conclave_checker::kv::{Answer, Call, Kv};
use conclave_checker::{History, Limits, check, keep, timeline};

use crate::noted::{not_done, told, unknown};
use crate::simulated::{Drawn, Fate, simulate};

const EVIL: &str = "<script>alert('x')</script>&\"";

fn history() -> History<Call, Answer> {
    let absent = Answer::Found { revision: 2, entry: None };
    [
        told(1, (0, 1), Call::put(EVIL, EVIL), Answer::Written { revision: 2 }),
        unknown(2, 2, Call::put(EVIL, "lost")),
        not_done(3, (2, 3), Call::put(EVIL, "refused")),
        told(1, (4, 5), Call::get("other"), absent.clone()),
        told(4, (4, 5), Call::get(EVIL), absent),
    ]
    .into_iter()
    .collect()
}

#[test]
fn a_page_shows_what_contradicts_and_what_is_unknown() {
    let history = history();
    let failure = check(&Kv, &history, Limits::default()).unwrap_err();
    let page = timeline(&Kv, &history, failure.violation());
    assert_eq!(page.matches("<div class=\"op").count(), 4, "{page}");
    for (class, place) in [("op core", 0), ("op unknown", 1), ("op not-done", 2), ("op core culprit", 4)] {
        let bar = page.lines().find(|line| line.contains(&format!("title=\"#{place} "))).unwrap();
        assert!(bar.starts_with(&format!("<div class=\"{class}\" ")), "{bar}");
    }
    assert!(page.contains(">1. put &lt;script&gt;"), "{page}");
}

#[test]
fn text_is_shown_and_never_run() {
    let history = history();
    let failure = check(&Kv, &history, Limits::default()).unwrap_err();
    for page in [timeline(&Kv, &history, failure.violation()), timeline(&Kv, &history, None)] {
        assert!(!page.contains("<script") && !page.contains("alert('"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;"), "{page}");
        assert!(!page.contains("http") && !page.contains("src="), "it needs nothing else");
    }
}

#[test]
fn a_history_that_passes_is_drawn_whole_and_a_long_one_is_cut() {
    assert_eq!(timeline(&Kv, &history(), None).matches("<div class=\"op").count(), 5);
    let drawn =
        |number: u64| Drawn { client: number % 5, key: 0, kind: 0, delays: (1, 1, 1), fate: Fate::Answered };
    let long = simulate(&(0..1000).map(drawn).collect::<Vec<_>>());
    let page = timeline(&Kv, &long, None);
    assert!(page.contains("600 operations drawn, 400 left out"));
    assert_eq!(page.matches("<div class=\"op").count(), 600);
}

#[test]
fn what_is_kept_of_a_failure_fails_again() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kept");
    let failure = check(&Kv, &history(), Limits::default()).unwrap_err();
    let page = keep(&Kv, &history(), &failure, &folder, "dirty").unwrap();
    assert_eq!(fs::read_to_string(page).unwrap(), timeline(&Kv, &history(), failure.violation()));
    assert_eq!(fs::read_to_string(folder.join("dirty.txt")).unwrap(), failure.to_string());
    let loaded = History::load(BufReader::new(File::open(folder.join("dirty.jsonl")).unwrap())).unwrap();
    assert_eq!(check(&Kv, &loaded, Limits::default()), Err(failure));
}
