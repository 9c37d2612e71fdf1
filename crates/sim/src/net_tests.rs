//! The network and the hosts, with a service that is not ours.

use std::sync::Arc;

use parking_lot::Mutex;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::server::health_reporter;

use crate::net::{Death, HostNet, Link};
use crate::world::World;

const SERVER: u32 = 1;
const CLIENT: u32 = 2;
const ADDRESS: &str = "server:1";
const SOON_MS: u64 = 1_000;

/// Steps until `done` says so, at most for so long; whether it did.
fn run_until(world: &mut World, at_most_ms: u64, mut done: impl FnMut() -> bool) -> bool {
    let end_ms = world.now_ms() + at_most_ms;
    while world.now_ms() < end_ms && !done() {
        world.step();
    }
    done()
}

type Told = Arc<Mutex<Vec<String>>>;

/// A server whose health changes every ten milliseconds.
fn start_server(world: &mut World) {
    let net = world.start_host(SERVER);
    world.spawn(SERVER, async move {
        let (reporter, health) = health_reporter();
        let served = net.listen(ADDRESS).run(health);
        let changing = async {
            loop {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                reporter.set_service_status("x", tonic_health::ServingStatus::Serving).await;
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                reporter.set_service_status("x", tonic_health::ServingStatus::NotServing).await;
            }
        };
        tokio::join!(served, changing);
    });
}

fn check(world: &World, net: &HostNet, told: &Told) {
    let (mut client, told) = (HealthClient::new(net.connect(ADDRESS, &[])), Arc::clone(told));
    world.spawn(CLIENT, async move {
        let answer = client.check(HealthCheckRequest { service: "x".into() }).await;
        told.lock()
            .push(format!("{:?}", answer.map(|answer| answer.into_inner().status).map_err(|s| s.code())));
    });
}

fn watch(world: &World, net: &HostNet, told: &Told) {
    let (mut client, told) = (HealthClient::new(net.connect(ADDRESS, &[])), Arc::clone(told));
    world.spawn(CLIENT, async move {
        let mut answers =
            client.watch(HealthCheckRequest { service: "x".into() }).await.unwrap().into_inner();
        loop {
            let told_now = match answers.message().await {
                Ok(Some(answer)) => answer.status.to_string(),
                Ok(None) => return,
                Err(status) => format!("{:?}", status.code()),
            };
            told.lock().push(told_now);
        }
    });
}

fn told_after(world: &mut World, told: &Told, count: usize) -> Vec<String> {
    assert!(run_until(world, SOON_MS * 10, || told.lock().len() >= count), "{:?}", told.lock());
    std::mem::take(&mut *told.lock())
}

#[test]
fn calls_and_streams_are_carried() {
    let (mut world, told) = (World::new(1), Told::default());
    start_server(&mut world);
    let net = world.start_host(CLIENT);
    run_until(&mut world, 50, || false);
    watch(&world, &net, &told);
    let changes = told_after(&mut world, &told, 4);
    assert!(changes.windows(2).all(|two| two[0] != two[1]), "{changes:?}");
    check(&world, &net, &told);
    told_after(&mut world, &told, 1);
}

#[test]
fn a_host_that_is_killed_breaks_its_calls_at_once_and_one_without_power_later() {
    for (death, at_least_ms) in [(Death::Killed, 0), (Death::PowerLost, 3_900)] {
        let (mut world, told) = (World::new(2), Told::default());
        start_server(&mut world);
        let net = world.start_host(CLIENT);
        run_until(&mut world, 50, || false);
        watch(&world, &net, &told);
        told_after(&mut world, &told, 1);
        world.end_host(SERVER, death);
        let began_ms = world.now_ms();
        let is_told =
            run_until(&mut world, 10_000, || told.lock().last().is_some_and(|last| last == "Unknown"));
        assert!(is_told, "{:?}", told.lock());
        assert!(world.now_ms() - began_ms >= at_least_ms);
        told.lock().clear();
        check(&world, &net, &told);
        assert_eq!(told_after(&mut world, &told, 1), [format!("Err({:?})", Code::Unavailable)]);
    }
}

#[test]
fn a_cut_holds_up_what_is_under_way_until_it_heals_or_is_given_up() {
    let (mut world, told) = (World::new(3), Told::default());
    start_server(&mut world);
    let net = world.start_host(CLIENT);
    run_until(&mut world, 50, || false);
    let cut = Link { is_cut: true, ..Link::default() };
    world.net.set_link(SERVER, CLIENT, cut.clone());
    check(&world, &net, &told);
    run_until(&mut world, 1_000, || false);
    assert!(told.lock().is_empty());
    world.net.set_link(SERVER, CLIENT, Link::default());
    assert!(told_after(&mut world, &told, 1)[0].starts_with("Ok"));
    world.net.set_link(CLIENT, SERVER, cut);
    check(&world, &net, &told);
    assert!(told_after(&mut world, &told, 1)[0].starts_with("Err"));
}

#[test]
fn the_same_seed_is_the_same_story() {
    let story = |seed| {
        std::thread::spawn(move || {
            let (mut world, told) = (World::new(seed), Told::default());
            start_server(&mut world);
            let net = world.start_host(CLIENT);
            world.net.set_link(
                CLIENT,
                SERVER,
                Link { broken_ppm: 100_000, delay_ms: 1..=30, ..Link::default() },
            );
            world.net.set_link(
                SERVER,
                CLIENT,
                Link { broken_ppm: 100_000, delay_ms: 1..=30, ..Link::default() },
            );
            run_until(&mut world, 50, || false);
            for _ in 0..50 {
                check(&world, &net, &told);
                world.step();
            }
            run_until(&mut world, 2_000, || false);
            (world.story.hash(), world.story.events(), told.lock().clone())
        })
        .join()
        .unwrap()
    };
    assert_eq!(story(7), story(7));
    assert_ne!(story(7).0, story(8).0);
}
