//! Keys: read, written, changed together, compacted, watched.

use etcd_client::{
    Client, Compare, CompareOp, DeleteOptions, Error, EventType, GetOptions, PutOptions, SortOrder,
    SortTarget, Txn, TxnOp, TxnOpResponse, WatchOptions, WatchStream,
};

/// The value of a key, as text; none if there is none.
pub(crate) async fn value(client: &mut Client, key: &str) -> Result<Option<String>, Error> {
    let told = client.get(key, None).await?;
    told.kvs().first().map(|kv| kv.value_str().map(str::to_owned)).transpose()
}

pub(crate) async fn are_put_read_and_deleted(client: &mut Client) -> Result<(), Error> {
    assert_eq!(value(client, "none").await?, None);
    let first = client.put("k/1", "one", None).await?.header().expect("it has one").revision();
    client.put("k/2", "two", None).await?;
    let before = client.put("k/1", "new", Some(PutOptions::new().with_prev_key())).await?;
    assert_eq!(before.prev_key().expect("there was one").value(), b"one");
    let sorted =
        GetOptions::new().with_prefix().with_sort(SortTarget::Key, SortOrder::Descend).with_keys_only();
    let told = client.get("k/", Some(sorted)).await?;
    let keys: Vec<_> = told.kvs().iter().map(|kv| kv.key()).collect();
    assert_eq!(keys, [b"k/2", b"k/1"]);
    let old = client.get("k/1", Some(GetOptions::new().with_revision(first))).await?;
    assert_eq!(old.kvs()[0].value(), b"one");
    assert_eq!(client.get("k/", Some(GetOptions::new().with_prefix().with_count_only())).await?.count(), 2);
    let deleted = client.delete("k/", Some(DeleteOptions::new().with_prefix().with_prev_key())).await?;
    assert_eq!((deleted.deleted(), deleted.prev_kvs().len()), (2, 2));
    let newest = deleted.header().expect("it has one").revision();
    client.compact(newest, None).await?;
    let refused = client.get("k/1", Some(GetOptions::new().with_revision(first))).await;
    let refused = refused.expect_err("it is compacted").to_string();
    assert!(refused.contains("mvcc: required revision has been compacted"), "{refused}");
    Ok(())
}

pub(crate) async fn are_changed_together(client: &mut Client) -> Result<(), Error> {
    client.put("t/1", "1", None).await?;
    let is_one = Compare::value("t/1", CompareOp::Equal, "1");
    let is_new = Compare::create_revision("t/2", CompareOp::Equal, 0);
    let inner = TxnOp::txn(Txn::new().and_then([TxnOp::put("t/3", "3", None)]));
    let done = [TxnOp::put("t/2", "2", None), TxnOp::get("t/1", None), inner];
    let undone = [TxnOp::delete("t/", Some(DeleteOptions::new().with_prefix()))];
    let txn = Txn::new().when([is_one, is_new]).and_then(done).or_else(undone);
    let told = client.txn(txn.clone()).await?;
    assert!(told.succeeded());
    assert!(matches!(&told.op_responses()[1], TxnOpResponse::Get(read) if read.kvs()[0].value() == b"1"));
    let told = client.txn(txn).await?;
    assert!(!told.succeeded());
    assert!(matches!(&told.op_responses()[0], TxnOpResponse::Delete(deleted) if deleted.deleted() == 3));
    Ok(())
}

pub(crate) async fn are_watched(client: &mut Client) -> Result<(), Error> {
    let begin = client.put("w/1", "old", None).await?.header().expect("it has one").revision();
    let options = WatchOptions::new().with_prefix().with_prev_key().with_start_revision(begin);
    let mut watch = client.watch("w/", Some(options)).await?;
    client.put("w/1", "new", None).await?;
    client.delete("w/1", None).await?;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.extend(events(&mut watch).await?);
    }
    let put = |value: &str| (EventType::Put, value.to_owned());
    assert_eq!(seen, [put("old"), put("new"), (EventType::Delete, String::new())]);
    watch.request_progress().await?;
    assert!(events(&mut watch).await?.is_empty(), "progress has no events");
    let options = WatchOptions::new().with_start_revision(1);
    watch.watch("w/1", Some(options)).await?;
    let told = loop {
        let told = watch.message().await?.expect("it goes on");
        if told.canceled() {
            break told;
        }
    };
    assert!(told.compact_revision() > 1, "what is compacted cannot be watched: {told:?}");
    Ok(())
}

/// What the next answer tells, each as what happened and the value.
pub(crate) async fn events(watch: &mut WatchStream) -> Result<Vec<(EventType, String)>, Error> {
    let told = watch.message().await?.expect("the watch goes on");
    assert!(!told.canceled(), "{told:?}");
    let text =
        |event: &etcd_client::Event| event.kv().map(|kv| kv.value_str().map(str::to_owned)).transpose();
    told.events().iter().map(|event| Ok((event.event_type(), text(event)?.unwrap_or_default()))).collect()
}
