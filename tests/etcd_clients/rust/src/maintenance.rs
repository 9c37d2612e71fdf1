//! Members and maintenance.

use etcd_client::{AlarmAction, AlarmType, Client, Error};

use crate::stage::patiently;

pub(crate) async fn members_tell_how_they_are(client: &mut Client) -> Result<(), Error> {
    let listed = client.member_list().await?;
    let mut names: Vec<_> = listed.members().iter().map(|member| member.name()).collect();
    names.sort_unstable();
    assert_eq!(names, ["node-1", "node-2", "node-3"]);
    let status = client.status().await?;
    assert_eq!(status.version(), "3.5.21");
    assert!(listed.members().iter().any(|member| member.id() == status.leader()));
    assert!(client.alarm(AlarmAction::Get, AlarmType::None, None).await?.alarms().is_empty());
    client.defragment().await?;
    client.hash().await?;
    client.hash_kv(0).await?;
    let mut saved = client.snapshot().await?;
    let mut size_bytes = 0;
    while let Some(piece) = saved.message().await? {
        size_bytes += piece.blob().len();
    }
    assert!(size_bytes > 0, "a snapshot has something in it");
    hand_over(client).await;
    Ok(())
}

/// A member that does not lead refuses: any of them may be the one that is asked.
async fn hand_over(client: &mut Client) {
    let moved = async || {
        let leader = client.status().await?.leader();
        client.move_leader(leader % 3 + 1).await?;
        Ok(Some(()))
    };
    patiently("the one that leads is asked", moved).await;
}
