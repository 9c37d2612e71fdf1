//! Two servers that are asked the same, and must answer the same.
//!
//! Requests and answers tell revisions as a server tells them whose store was new when the test began: the first
//! write of a test has revision 2. A [`Side`] knows by how much its own differ. What differs between any two servers
//! (ids of clusters and members, terms, hashes) is masked before answers are compared; all else must be equal, the
//! code and the text of a refusal too.

use std::env;
use std::error::Error as _;
use std::fmt::Debug;
use std::panic::Location;

use conclave_proto::etcd::etcdserverpb::kv_client::KvClient;
use conclave_proto::etcd::etcdserverpb::lease_client::LeaseClient;
use conclave_proto::etcd::etcdserverpb::{
    DeleteRangeRequest, LeaseLeasesRequest, LeaseRevokeRequest, RangeRequest, ResponseHeader,
};
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use crate::calls::Call;
use crate::difference;
use crate::masks::Masked;
use crate::server::Server;

/// Which two are compared, as the environment names them: `3.5.1,conclave`.
const PAIR_VARIABLE: &str = "CONCLAVE_ETCD_PAIR";
const PAIR: &str = "3.5.1,conclave";

/// What a refusal tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl From<Status> for Refused {
    #[track_caller]
    fn from(status: Status) -> Self {
        assert!(status.source().is_none(), "nobody has answered: {status:?}");
        Self { code: status.code(), message: status.message().to_owned() }
    }
}

/// An answer, as both gave it.
pub(crate) type Told<T> = Result<T, Refused>;

/// One of the two.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    pub(crate) name: String,
    pub(crate) channel: Channel,
    /// How far its revisions are ahead of those of a server that is new.
    pub(crate) ahead: i64,
}

impl Side {
    async fn of(server: &Server) -> Self {
        let mut side = Self { name: server.name(), channel: server.channel(0), ahead: 0 };
        side.begin().await;
        side
    }

    /// Empties the store; revisions count anew from here.
    async fn begin(&mut self) {
        let (mut kv, mut leases) =
            (KvClient::new(self.channel.clone()), LeaseClient::new(self.channel.clone()));
        let listed =
            leases.lease_leases(LeaseLeasesRequest {}).await.expect("leases are listed").into_inner();
        for lease in listed.leases {
            leases.lease_revoke(LeaseRevokeRequest { id: lease.id }).await.expect("the lease is there");
        }
        let all = DeleteRangeRequest { key: "\0".into(), range_end: "\0".into(), prev_kv: false };
        kv.delete_range(all).await.expect("all can be deleted");
        let read = kv.range(RangeRequest { key: "x".into(), ..RangeRequest::default() }).await;
        self.ahead = read.expect("it answers").into_inner().header.map_or(0, |header| header.revision) - 1;
    }

    async fn ask<C: Call>(&self, mut call: C) -> Result<C::Told, Status> {
        call.shift(self.ahead);
        let mut told = call.send(self.channel.clone()).await?.into_inner();
        told.mask(self.ahead);
        Ok(told)
    }
}

/// The two.
pub(crate) struct Pair {
    first: Side,
    second: Side,
    /// What they were asked.
    asked: Vec<String>,
    _servers: [Server; 2],
}

impl Pair {
    /// Starts both.
    pub(crate) async fn start() -> Self {
        Self::of_members(1).await
    }

    /// Starts both, with so many members each.
    pub(crate) async fn of_members(members: usize) -> Self {
        let named = env::var(PAIR_VARIABLE).unwrap_or_else(|_| PAIR.to_owned());
        let (first, second) = named.split_once(',').expect("two versions, with a comma between them");
        let servers: [Server; 2] =
            tokio::join!(Server::start(first, members), Server::start(second, members)).into();
        let (first, second) = tokio::join!(Side::of(&servers[0]), Side::of(&servers[1]));
        Self { first, second, asked: Vec::new(), _servers: servers }
    }

    /// Empties both stores; revisions count anew from here.
    pub(crate) async fn begin(&mut self) {
        tokio::join!(self.first.begin(), self.second.begin());
        self.asked.clear();
    }

    /// The first and the second one.
    pub(crate) fn sides(&self) -> [Side; 2] {
        [self.first.clone(), self.second.clone()]
    }

    /// What both answer to a request.
    #[track_caller]
    pub(crate) fn ask<C: Call>(&mut self, call: C) -> impl Future<Output = Told<C::Told>> {
        self.ask_at(Location::caller(), call)
    }

    /// What both answer to a request that they must grant.
    ///
    /// # Panics
    /// If they refuse it.
    #[track_caller]
    pub(crate) fn granted<C: Call>(&mut self, call: C) -> impl Future<Output = C::Told> {
        let (caller, asked) = (Location::caller(), format!("{call:?}"));
        let told = self.ask_at(caller, call);
        async move {
            told.await.unwrap_or_else(|refused| panic!("asked at {caller}: {asked} was refused: {refused:?}"))
        }
    }

    /// What both tell of a request that they must refuse: the code and the text.
    ///
    /// # Panics
    /// If they grant it.
    #[track_caller]
    pub(crate) fn refused<C: Call>(&mut self, call: C) -> impl Future<Output = (Code, String)> {
        let (caller, asked) = (Location::caller(), format!("{call:?}"));
        let told = self.ask_at(caller, call);
        async move {
            match told.await {
                Ok(told) => panic!("asked at {caller}: {asked} was granted: {told:?}"),
                Err(refused) => (refused.code, refused.message),
            }
        }
    }

    async fn ask_at<C: Call>(&mut self, caller: &'static Location<'static>, call: C) -> Told<C::Told> {
        self.note(&call);
        let (first, second) = tokio::join!(self.first.ask(call.clone()), self.second.ask(call));
        self.same_at(caller, first, second)
    }

    /// What both answer to calls of any kind. `run` is given each side; it shifts the revisions that it asks for.
    pub(crate) async fn both<T: Masked>(
        &mut self,
        what: &str,
        run: impl AsyncFn(Side) -> Result<Response<T>, Status>,
    ) -> Told<T> {
        self.note(&what);
        let [first, second] = self.sides();
        let (left, right) = tokio::join!(run(first), run(second));
        let masked = |told: Result<Response<T>, Status>, ahead| {
            told.map(|told| {
                let mut told = told.into_inner();
                told.mask(ahead);
                told
            })
        };
        let (left, right) = (masked(left, self.first.ahead), masked(right, self.second.ahead));
        self.same(left, right)
    }

    /// Notes what is asked, to be told if the answers differ.
    pub(crate) fn note(&mut self, asked: &impl Debug) {
        self.asked.push(format!("{asked:?}"));
    }

    /// What both answered.
    ///
    /// # Panics
    /// If it is not the same: tells all that was asked, and both answers.
    #[track_caller]
    pub(crate) fn same<T: Debug + PartialEq>(
        &self,
        first: Result<T, Status>,
        second: Result<T, Status>,
    ) -> Told<T> {
        self.same_at(Location::caller(), first, second)
    }

    fn same_at<T: Debug + PartialEq>(
        &self,
        caller: &Location<'_>,
        first: Result<T, Status>,
        second: Result<T, Status>,
    ) -> Told<T> {
        let (first, second) = (first.map_err(Refused::from), second.map_err(Refused::from));
        if first != second {
            let told = [(&self.first.name, &first), (&self.second.name, &second)];
            panic!("asked at {caller}:\n{}", difference::tell(&self.asked, told));
        }
        first
    }
}

/// The revision that a header tells.
pub(crate) fn revision(header: Option<&ResponseHeader>) -> i64 {
    header.expect("every answer has a header").revision
}
