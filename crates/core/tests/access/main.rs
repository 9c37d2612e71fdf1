//! What callers may, against a naive model: each key of a small world by itself, each permission by itself, each
//! operation where it stands. What is refused changes nothing, what is permitted is done as if nobody had been asked.
#![allow(clippy::unwrap_used, reason = "a test is told of a failed condition by a panic")]

mod draw;
mod naive;

use conclave_core::auth::{
    self, AddRole, AddUser, AuthCommand, AuthRejection, Caller, Enable, GrantPermission, Permission, ROOT,
    TokenSecret, UserRole,
};
use conclave_core::kv::{KvCommand, Txn};
use conclave_core::lease::{GrantLease, LeaseCommand, RevokeLease};
use conclave_core::{
    Answer, By, Command, EntryContext, EntryKind, GuardedKeys, LeaseId, Proposal, RequestId, apply,
    encode_proposal, may_do_txn, may_know_keys_of,
};
use conclave_mvcc::{Batch, MemoryMap};
use proptest::prelude::*;

/// A store in which ann has some roles, and which asks.
struct Store {
    map: MemoryMap,
    entries: u64,
}

impl Store {
    fn new(roles: &[Vec<Permission>], before: &[Txn]) -> Self {
        let mut store = Self { map: MemoryMap::default(), entries: 0 };
        for id in draw::LEASES.map(|id| LeaseId::new(id).unwrap()) {
            let grant = GrantLease { id, ttl_ms: 1, owner: String::new(), metadata: Default::default() };
            store.apply(Command::Lease(LeaseCommand::Grant(grant))).unwrap();
        }
        for txn in before {
            let _ = store.apply(Command::Kv(KvCommand::Txn(txn.clone())));
        }
        for name in [ROOT, "ann"] {
            store.auth(AuthCommand::AddUser(AddUser { name: name.into(), password: None }));
        }
        store.auth(AuthCommand::GrantRole(UserRole { user: ROOT.into(), role: ROOT.into() }));
        for (number, permissions) in roles.iter().enumerate() {
            let role = format!("r{number}");
            store.auth(AuthCommand::AddRole(AddRole { name: role.clone() }));
            store.auth(AuthCommand::GrantRole(UserRole { user: "ann".into(), role: role.clone() }));
            for permission in permissions.iter().cloned() {
                store.auth(AuthCommand::GrantPermission(GrantPermission { role: role.clone(), permission }));
            }
        }
        store.auth(AuthCommand::Enable(Enable { secret: TokenSecret::new([7; 32]) }));
        store
    }

    fn auth(&mut self, command: AuthCommand) {
        self.apply(Command::Auth(command)).unwrap();
    }

    fn apply(&mut self, command: Command) -> Answer {
        self.entries += 1;
        let request_id = RequestId::parse(&format!("r{}", self.entries)).unwrap();
        let entry = encode_proposal(&Proposal { request_id, time_ms: 1, command });
        let mut batch = Batch::new(&self.map);
        let context = EntryContext { index: self.entries, term: 1 };
        let applied = apply(&mut batch, context, EntryKind::Proposal(&entry)).unwrap();
        let writes = batch.into_writes();
        self.map.write(&writes);
        let answer = applied.answer.unwrap();
        assert!(answer.is_ok() || applied.revised.is_none(), "what is refused changes nothing");
        answer
    }

    fn ann(&self) -> Caller {
        Caller { user: "ann".into(), auth_revision: auth::status(&self.map).unwrap().auth_revision }
    }

    /// What ann is answered, which is what nobody in particular would be, or that she may not.
    fn asks(&mut self, command: Command, may: bool) {
        let would = conclave_core::preview(&self.map, &command, 1).unwrap();
        let by = By { caller: Some(self.ann()), command: Box::new(command) };
        let answer = self.apply(Command::By(by.clone()));
        let denied: Answer = Err(AuthRejection::PermissionDenied.into());
        assert_eq!(answer, if may { would } else { denied }, "{by:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn callers_may_what_their_roles_permit(
        roles in prop::collection::vec(prop::collection::vec(draw::permission(), 0..4), 0..3),
        before in prop::collection::vec(draw::txn(), 0..4),
        txns in prop::collection::vec(draw::txn(), 6),
        lease in draw::lease(),
    ) {
        let mut store = Store::new(&roles, &before);
        let permissions = naive::granted(&roles);
        for txn in txns {
            let may = naive::may(&store.map, &permissions, &txn);
            let told = may_do_txn(&store.map, Some(&store.ann()), &txn).unwrap();
            prop_assert_eq!(told.is_ok(), may);
            // What depends on locks is asked alike.
            let guarded = GuardedKeys { held: Vec::new(), command: KvCommand::Txn(txn.clone()) };
            store.asks(Command::GuardedKeys(guarded), may);
            store.asks(Command::Kv(KvCommand::Txn(txn)), may);
        }
        let told = may_know_keys_of(&store.map, Some(&store.ann()), lease).unwrap();
        prop_assert_eq!(told.is_ok(), naive::may_read_keys_of(&store.map, &permissions, lease));
        let may = naive::may_write_keys_of(&store.map, &permissions, lease);
        store.asks(Command::Lease(LeaseCommand::Revoke(RevokeLease { id: lease })), may);
    }
}
