//! Whether the node can serve, for health checks and load balancers.

/// Whether the node can serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// It knows a leader and answers every request.
    Ready,
    /// It has started and does not know yet what is committed.
    Recovering,
    /// It knows no leader: it answers local reads only.
    NoLeader,
    /// What it has applied is not what most others have: it serves nothing.
    Corrupt,
    /// It is about to stop.
    ShuttingDown,
}

/// What decides it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signs {
    pub(crate) recovered: bool,
    pub(crate) has_leader: bool,
    pub(crate) corrupt: bool,
    pub(crate) shutting_down: bool,
}

impl From<Signs> for Readiness {
    fn from(signs: Signs) -> Self {
        match signs {
            Signs { shutting_down: true, .. } => Self::ShuttingDown,
            Signs { corrupt: true, .. } => Self::Corrupt,
            Signs { recovered: false, .. } => Self::Recovering,
            Signs { has_leader: false, .. } => Self::NoLeader,
            Signs { .. } => Self::Ready,
        }
    }
}
