//! `conclave run` and a last good copy that is damaged: it is told, never believed, and replaced by a good one.

use std::fs;

use crate::run_program::with_shop;

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_copy_is_told_and_replaced() {
    let (mut cluster, cli) = with_shop().await;
    let copy = cluster.folder().join("last-good");
    let path = copy.display().to_string();
    let program = ["--", "sh", "-c", "echo $DB_URL"];
    let there = [&["run", "shop/prod", "--cache", &path][..], &program].concat();
    let away = [&["run", "shop/prod", "--cache", &path, "--timeout", "500ms"][..], &program].concat();
    assert_eq!(cli.run(&there).await.done(), "one\n");
    let whole = fs::read(&copy).expect("it was written");
    let value = whole.windows(3).position(|bytes| bytes == b"one").expect("the value is in it");
    let mut flipped = whole.clone();
    // It could still be read, and would say something else.
    flipped[value] ^= 1;
    for damaged in [&flipped[..], &whole[..whole.len() - 1], b""] {
        fs::write(&copy, damaged).expect("it is ours");
        cluster.node(1).kill();
        let told = cli.run(&away).await.failed(5);
        assert!(told.contains("does not help") && told.contains(&format!("{path} is damaged")), "{told}");
        assert_eq!(fs::read(&copy).expect("it is there"), damaged, "it is left as it was");

        cluster.start_node(1);
        cluster.all_serve().await;
        let ran = cli.run(&there).await;
        assert_eq!((ran.code, &*ran.stdout), (Some(0), "one\n"), "{}", ran.stderr);
        assert!(ran.stderr.contains("passed over") && ran.stderr.contains("damaged"), "{}", ran.stderr);

        cluster.node(1).kill();
        assert_eq!(cli.run(&away).await.done(), "one\n", "it is a good one again");
        cluster.start_node(1);
        cluster.all_serve().await;
    }
}
