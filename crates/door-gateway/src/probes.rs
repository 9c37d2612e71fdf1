//! Whether the member serves, and which etcd it speaks like.

use std::future::Future;

use axum::Router;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::Serialize;

use crate::Options;
use crate::failure::JSON;
use crate::paths::not_allowed;

/// Most alarms that a question leaves out.
const EXCLUDED_MAX: usize = 16;

/// What is asked about the health of the member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HealthQuestion {
    /// Whether the member itself is meant (`serializable=true`), not that the cluster decides.
    pub serializable: bool,
    /// The alarms that are to be left out (`exclude=NOSPACE`), at most 16.
    pub excluded_alarms: Vec<String>,
}

/// How the member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It serves.
    Healthy,
    /// It does not, and why: `RAFT NO LEADER`, `ALARM NOSPACE`.
    Unhealthy(String),
}

/// As etcd writes it.
#[derive(Serialize)]
struct Told<'a> {
    health: &'a str,
    reason: &'a str,
}

/// As etcd writes it.
#[derive(Serialize)]
struct Versions<'a> {
    etcdserver: &'a str,
    etcdcluster: &'a str,
}

/// The routes of the probes.
pub(crate) fn routes<F, Fut>(options: &Options, health: F) -> Router
where
    F: Fn(HealthQuestion) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Health> + Send + 'static,
{
    let versions = Versions { etcdserver: &options.server_version, etcdcluster: &options.cluster_version };
    let versions = text(&versions);
    let version = move || async move { ([(CONTENT_TYPE, JSON)], versions) };
    let health = move |RawQuery(query): RawQuery| async move {
        answer(&health(HealthQuestion::of(query.as_deref().unwrap_or_default())).await)
    };
    Router::new()
        .route("/health", get(health).fallback(not_allowed))
        .route("/version", get(version).fallback(not_allowed))
}

impl HealthQuestion {
    fn of(query: &str) -> Self {
        let pairs = || query.split('&').filter_map(|pair| pair.split_once('='));
        let excluded = pairs().filter(|(name, _)| *name == "exclude").take(EXCLUDED_MAX);
        Self {
            serializable: pairs().any(|pair| pair == ("serializable", "true")),
            excluded_alarms: excluded.map(|(_, alarm)| alarm.to_owned()).collect(),
        }
    }
}

fn answer(health: &Health) -> Response {
    match health {
        Health::Healthy => text(&Told { health: "true", reason: "" }).into_response(),
        Health::Unhealthy(reason) => {
            // etcd ends the line here, and only here.
            let told = text(&Told { health: "false", reason }) + "\n";
            (StatusCode::SERVICE_UNAVAILABLE, told).into_response()
        }
    }
}

fn text(told: &impl Serialize) -> String {
    serde_json::to_string(told).expect("texts are always JSON")
}
