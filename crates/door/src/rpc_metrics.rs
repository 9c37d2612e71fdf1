//! How many calls were answered, how, and how fast.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use tonic::Code;

/// What a call counts as that no service knows: callers choose paths, and must not choose labels.
const UNKNOWN: &str = "unknown";
/// Bounds of the durations: 0.1 ms, and each double the one before, to 3.3 s.
const BUCKETS: u16 = 16;

/// Counts of calls. Clones count together.
#[derive(Debug, Clone)]
pub struct RpcMetrics {
    answered: Family<Answered, Counter>,
    durations: Family<Method, Histogram, fn() -> Histogram>,
    /// What most answers are counted in, by path: found without making labels. No more of them than methods.
    well: Arc<RwLock<BTreeMap<String, Well>>>,
}

/// The counts of a method's answers that were well.
#[derive(Debug, Clone)]
struct Well {
    answered: Counter,
    duration: Histogram,
}

impl Well {
    fn note(&self, elapsed: Duration) {
        self.answered.inc();
        self.duration.observe(elapsed.as_secs_f64());
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: String,
    code: String,
}

impl Answered {
    fn of(method: &str, code: Code) -> Self {
        Self { method: method.to_owned(), code: format!("{code:?}") }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Method {
    method: String,
}

impl RpcMetrics {
    /// Counts that `registry` tells.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            answered: Family::default(),
            durations: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.000_1, 2.0, BUCKETS))
            }),
            well: Arc::default(),
        };
        registry.register(
            "conclave_rpc_requests",
            "Calls that were answered, by method and gRPC code; of a stream, its opening",
            metrics.answered.clone(),
        );
        registry.register_with_unit(
            "conclave_rpc_duration",
            "Time until a call was answered; of a stream, until it was opened",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        metrics
    }

    /// Counts an answer. A path counts as unknown when no service knows it.
    pub(crate) fn note(&self, path: &str, code: Code, elapsed: Duration) {
        if code != Code::Ok {
            return self.note_labelled(path, code, elapsed);
        }
        if let Some(well) = self.well.read().get(path) {
            return well.note(elapsed);
        }
        self.note_labelled(path, code, elapsed);
        let method = path.trim_start_matches('/').to_owned();
        let well = Well {
            answered: self.answered.get_or_create(&Answered::of(&method, code)).clone(),
            duration: self.durations.get_or_create(&Method { method }).clone(),
        };
        self.well.write().insert(path.to_owned(), well);
    }

    fn note_labelled(&self, path: &str, code: Code, elapsed: Duration) {
        let known = code != Code::Unimplemented;
        let method = if known { path.trim_start_matches('/') } else { UNKNOWN }.to_owned();
        self.answered.get_or_create(&Answered::of(&method, code)).inc();
        self.durations.get_or_create(&Method { method }).observe(elapsed.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn calls_are_counted_by_method_and_code() {
        let mut registry = Registry::default();
        let metrics = RpcMetrics::register(&mut registry);
        for _ in 0..3 {
            metrics.note("/a.B/Get", Code::Ok, Duration::from_millis(3));
        }
        metrics.note("/a.B/Get", Code::NotFound, Duration::from_millis(3));
        metrics.note("/chosen/by-a-caller", Code::Unimplemented, Duration::from_millis(3));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            "conclave_rpc_requests_total{method=\"a.B/Get\",code=\"Ok\"} 3",
            "conclave_rpc_requests_total{method=\"a.B/Get\",code=\"NotFound\"} 1",
            "conclave_rpc_requests_total{method=\"unknown\",code=\"Unimplemented\"} 1",
            "conclave_rpc_duration_seconds_count{method=\"a.B/Get\"} 4",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(!text.contains("chosen"), "{text}");
    }
}
