//! A network within the process: a call goes straight to the service of the other node.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use conclave_node::{BoxFuture, ConsensusError, Network, PeerListener, PeerRoutes, PeerService, unsent};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tower::{Service as _, service_fn};

/// Who is served where. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct InProcess {
    served: Arc<Mutex<BTreeMap<String, PeerRoutes>>>,
}

impl Network for InProcess {
    fn check(&self, _: u64, _: &str) -> Result<(), ConsensusError> {
        Ok(())
    }

    fn connect(&self, _: u64, address: &str) -> Result<PeerService, ConsensusError> {
        let (served, address) = (Arc::clone(&self.served), address.to_owned());
        Ok(PeerService::new(service_fn(move |request| {
            let routes = served.lock().get(&address).cloned();
            async move {
                let mut routes = routes.ok_or_else(|| unsent("nobody is there"))?;
                routes.call(request).await.map_err(|never| match never {})
            }
        })))
    }

    fn listen(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn PeerListener>>> {
        let listener = Listener { network: self.clone(), address: address.to_string() };
        Box::pin(async { Ok(Box::new(listener) as Box<dyn PeerListener>) })
    }
}

struct Listener {
    network: InProcess,
    address: String,
}

impl PeerListener for Listener {
    fn serve(
        self: Box<Self>,
        routes: PeerRoutes,
        stop: CancellationToken,
    ) -> BoxFuture<'static, Result<(), ConsensusError>> {
        Box::pin(async move {
            self.network.served.lock().insert(self.address.clone(), routes);
            stop.cancelled().await;
            self.network.served.lock().remove(&self.address);
            Ok(())
        })
    }
}
