//! The Rust client etcd-client: keys, transactions, watches, leases, locks, elections, users, maintenance, and a leader
//! that is killed in the middle.

mod coordination;
mod faults;
mod keys;
mod maintenance;
mod stage;
mod users;

use etcd_client::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = &mut stage::client(None).await?;
    stage::says("keys");
    keys::are_put_read_and_deleted(client).await?;
    stage::says("transactions");
    keys::are_changed_together(client).await?;
    stage::says("watches");
    keys::are_watched(client).await?;
    stage::says("leases");
    coordination::leases_take_their_keys_along(client).await?;
    stage::says("locks");
    coordination::a_lock_is_handed_on(client).await?;
    stage::says("elections");
    coordination::one_is_elected_and_observed(client).await?;
    stage::says("maintenance");
    maintenance::members_tell_how_they_are(client).await?;
    stage::says("users");
    users::may_do_what_their_roles_say(client).await?;
    stage::says("a leader is killed while they count and watch");
    faults::a_leader_is_killed_while_they_count_and_watch(client).await?;
    stage::says("all is as it should be");
    Ok(())
}
