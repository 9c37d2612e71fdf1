//! A refusal as data: the status of a call with its details, as a client of any language finds them.

use std::collections::BTreeMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// What a node told of a call that it refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The status code.
    pub code: Code,
    /// The text for people.
    pub message: String,
    /// `ErrorInfo.domain`.
    pub domain: String,
    /// `ErrorInfo.reason`.
    pub reason: String,
    /// `ErrorInfo.metadata`.
    pub metadata: BTreeMap<String, String>,
    /// `BadRequest.field_violations`: the field and what is wrong with it.
    pub violations: Vec<(String, String)>,
    /// `RetryInfo.retry_delay`.
    pub retry_after: Option<Duration>,
}

impl From<Status> for Told {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        let violations = details.bad_request().map(|it| it.field_violations.as_slice()).unwrap_or_default();
        Self {
            code: status.code(),
            message: status.message().into(),
            domain: info.map(|info| info.domain.clone()).unwrap_or_default(),
            reason: info.map(|info| info.reason.clone()).unwrap_or_default(),
            metadata: info.map(|info| info.metadata.clone().into_iter().collect()).unwrap_or_default(),
            violations: violations.iter().map(|it| (it.field.clone(), it.description.clone())).collect(),
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
        }
    }
}

impl Told {
    /// What is said of a field.
    ///
    /// # Panics
    /// If nothing is.
    #[track_caller]
    pub fn of_field(&self, field: &str) -> &str {
        let found = self.violations.iter().find(|(name, _)| name == field);
        found.map_or_else(|| panic!("nothing is said of {field}: {self:#?}"), |(_, what)| what)
    }
}
