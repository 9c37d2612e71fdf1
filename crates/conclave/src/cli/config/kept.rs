//! What an item keeps when only its value is set: its content type, if the new value fits it, and its labels.
//! So a number stays a number in an exported file.

use conclave_client::config::{Edit, GetRequest, Item, PutItem, edit::Action};
use conclave_client::reason;
use serde::de::IgnoredAny;

use crate::cli::errors::Failure;
use crate::cli::session::Session;

/// What was said on the command line, and is therefore not to be kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    pub(super) content_type: bool,
    pub(super) labels: bool,
}

/// Gives the edits what the items have now and the command line does not say.
pub(super) async fn keep(
    session: &Session,
    namespace: &str,
    edits: &mut [Edit],
    said: Said,
) -> Result<(), Failure> {
    if said.content_type && said.labels {
        return Ok(());
    }
    for edit in edits {
        let Some(Action::Put(put)) = &mut edit.action else { continue };
        let request =
            GetRequest { namespace: namespace.into(), key: edit.key.clone(), ..GetRequest::default() };
        match session.client.get(request).await {
            Ok(found) => keep_of(found.item.unwrap_or_default(), put, said),
            Err(error) if is_new(error.reason()) => {}
            Err(error) => return Err(Failure::of_client(&error, str::to_owned)),
        }
    }
    Ok(())
}

/// Nothing is there to be kept; what is wrong with a name, the commit tells better.
fn is_new(reason: &str) -> bool {
    [reason::KEY_NOT_FOUND, reason::NAMESPACE_NOT_FOUND, reason::INVALID_ARGUMENT].contains(&reason)
}

fn keep_of(found: Item, put: &mut PutItem, said: Said) {
    if !said.content_type && fits(&found.content_type, &put.value) {
        put.content_type = found.content_type;
    }
    if !said.labels {
        put.labels = found.labels;
    }
}

/// Whether a value can be of this type, as far as the type is known here.
fn fits(content_type: &str, value: &[u8]) -> bool {
    match content_type {
        "application/json" => serde_json::from_slice::<IgnoredAny>(value).is_ok(),
        text if text.starts_with("text/") => std::str::from_utf8(value).is_ok(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn found() -> Item {
        let labels = BTreeMap::from([("team".to_owned(), "core".to_owned())]);
        Item { content_type: "application/json".into(), labels, ..Item::default() }
    }

    fn put(value: &'static str) -> PutItem {
        PutItem { value: value.into(), content_type: "text/plain".into(), labels: BTreeMap::new() }
    }

    const NOTHING: Said = Said { content_type: false, labels: false };

    #[test]
    fn a_number_stays_a_number_and_labels_stay() {
        let mut number = put("48");
        keep_of(found(), &mut number, NOTHING);
        assert_eq!((number.content_type.as_str(), number.labels), ("application/json", found().labels));
    }

    #[test]
    fn what_does_not_fit_or_was_said_otherwise_is_not_kept() {
        let mut word = put("many");
        keep_of(found(), &mut word, NOTHING);
        assert_eq!(word.content_type, "text/plain");
        let mut said = put("48");
        keep_of(found(), &mut said, Said { content_type: true, labels: true });
        assert_eq!(said, put("48"));
    }

    #[test]
    fn types_are_known_by_what_they_hold() {
        assert!(fits("text/html", b"<p>") && !fits("text/plain", &[0xff]));
        assert!(fits("image/png", &[0xff]) && !fits("application/json", b"{"));
    }
}
