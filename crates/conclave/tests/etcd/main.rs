//! Two servers of etcd's v3 API are asked the same and must answer the same; real clients of etcd work with ours.
//!
//! | files | what |
//! |---|---|
//! | `kv`, `sorted`, `txn`, `compare`, `compact`, `lease`, `watch`, `watch_starts`, `lock`, `election`, `cluster`, `maintenance`, `auth`, `auth_refused`, `errors` | what is asked, one file a subject |
//! | `clients` | real clients of etcd, unmodified, work with three nodes |
//! | `pair`, `watching` | the two, one stream of watches at each |
//! | `calls`, `masks` | what requests and answers have to do with revisions; what is masked |
//! | `script`, `generate`, `followed` | random scripts of requests, and what watches are told meanwhile |
//! | `server`, `difference`, `requests` | an etcd or a node of ours as a process; how a difference is told; requests in few words |
//!
//! `make etcd` brings the etcds and the clients, and runs all this. `CONCLAVE_ETCD_PAIR` names the two,
//! `3.5.1,conclave` if it is not set, and `3.5.1,3.4.23` compares the etcds; `CONCLAVE_ETCD_SCRIPTS` tells how many random
//! scripts are run, `CONCLAVE_ETCD_CHECKED` which release build etcdctl measures. Where etcds themselves differ, the
//! tests say so, and what the newer one does is what counts.

#[cfg(test)]
mod auth;
#[cfg(test)]
mod auth_refused;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod compact;
#[cfg(test)]
mod compare;
#[cfg(test)]
mod difference;
#[cfg(test)]
mod election;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod followed;
#[cfg(test)]
mod generate;
#[cfg(test)]
mod kv;
#[cfg(test)]
mod lease;
#[cfg(test)]
mod lock;
#[cfg(test)]
mod maintenance;
#[cfg(test)]
mod masks;
#[cfg(test)]
mod pair;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod script;
#[cfg(test)]
mod server;
#[cfg(test)]
mod sorted;
#[cfg(test)]
mod txn;
#[cfg(test)]
mod watch;
#[cfg(test)]
mod watch_starts;
#[cfg(test)]
mod watching;
