//! Who leads an election, told as it changes.

use conclave_proto::lock::v1::election_service_client::ElectionServiceClient;
use conclave_proto::lock::v1::{Holder, ObserveRequest, ObserveResponse};

use super::follow::{Follow, Told};
use crate::client::Client;
use crate::error::ClientError;

/// Who leads.
#[derive(Debug, Clone, PartialEq)]
pub struct Leadership {
    /// The leader; its metadata is the value. None: nobody leads.
    pub leader: Option<Holder>,
    /// Revision of the store as of which this is so.
    pub revision: u64,
}

/// An election that is observed. Dropping it ends it.
#[derive(Debug)]
pub struct Observer {
    name: String,
    stream: Follow<ObserveResponse>,
    last: Option<Leadership>,
}

impl Client {
    /// Observes an election. Nothing is sent before the first [`Observer::next`].
    pub fn observe(&self, name: impl Into<String>) -> Observer {
        Observer { name: name.into(), stream: Follow::new(self.clone()), last: None }
    }
}

impl Observer {
    /// Waits until something else is so than was told last: at first, who leads now. Of several changes in quick
    /// succession, only the last may be told. Cancel-safe.
    ///
    /// # Errors
    /// The first answer must come within the client's timeout; a later loss of the stream is mended for as long as it
    /// takes. What no retry can mend ends it.
    pub async fn next(&mut self) -> Result<Leadership, ClientError> {
        loop {
            let name = &self.name;
            let told = self.stream.next(|channel| async {
                let request = ObserveRequest { name: name.clone() };
                ElectionServiceClient::new(channel).observe(request).await
            });
            if let Told::Message(message) = told.await?
                && let Some(news) = self.news(message)
            {
                return Ok(news);
            }
        }
    }

    /// What is new. A node that is behind the last one tells what was so: no news.
    fn news(&mut self, message: ObserveResponse) -> Option<Leadership> {
        let told = Leadership { leader: message.leader, revision: message.revision };
        let last = self.last.as_ref();
        let is_news = last.is_none_or(|last| told.revision >= last.revision && (told.leader != last.leader));
        if message.heartbeat || !is_news {
            return None;
        }
        self.last = Some(told.clone());
        Some(told)
    }
}
