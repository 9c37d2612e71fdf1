//! What happens to nodes: they are all stopped and started, the leader is killed, or an empty one joins. How long clients
//! wait then.

use std::time::Instant;

use super::case::Case;
use super::cost::Meter;
use super::nodes::Nodes;
use super::probe::{Probe, first_answer, leader_of};
use super::sample::{Figures, Metric};
use super::stats::Spread;

/// So many leaders are killed one after the other.
const KILLS: usize = 5;

/// Stops all nodes, which have been filled, and starts them: the time from then until each answers a linearizable read.
pub(crate) async fn start_again(nodes: &mut Nodes) -> anyhow::Result<Figures> {
    let probes = probes(nodes)?;
    nodes.stop_all().await;
    let began = Instant::now();
    nodes.start_all();
    let [first, second, third] = &probes[..] else { anyhow::bail!("there are three nodes") };
    let (first, second, third) = tokio::try_join!(
        first_answer(|| first.clone().read()),
        first_answer(|| second.clone().read()),
        first_answer(|| third.clone().read()),
    )?;
    let took_us = [first, second, third].map(|answered| us(began, answered));
    let meter = Meter::of(&nodes.processes(), nodes.folders())?;
    Ok(Figures(
        [
            (Metric::FirstReadUs, took_us.into_iter().fold(f64::INFINITY, f64::min)),
            (Metric::AllReadUs, took_us.into_iter().fold(0.0, f64::max)),
            (Metric::ResidentBytes, meter.resident_bytes()? as f64),
            (Metric::DiskBytes, meter.disk_bytes()? as f64),
        ]
        .into(),
    ))
}

/// Kills the leader, some times: the time from then until one of the others acknowledges a write.
pub(crate) async fn fail_over(case: &Case, nodes: &mut Nodes) -> anyhow::Result<Figures> {
    let probes = probes(nodes)?;
    let mut took_us = Vec::new();
    for _ in 0..KILLS {
        let leader = leader_of(&probes).await?;
        let others: Vec<_> = probes.iter().enumerate().filter(|(number, _)| *number != leader).collect();
        for (_, other) in &others {
            // They have their connections before it counts.
            (*other).clone().write().await?;
        }
        let [(_, one), (_, another)] = others[..] else { anyhow::bail!("{case} is about three nodes") };
        let began = Instant::now();
        nodes.kill(leader);
        let answered = tokio::select! {
            answered = first_answer(|| one.clone().write()) => answered?,
            answered = first_answer(|| another.clone().write()) => answered?,
        };
        took_us.push(us(began, answered));
        nodes.start(leader);
        first_answer(|| probes[leader].clone().read()).await?;
    }
    let found = Spread::of(took_us).expect("some were killed");
    Ok(Figures([(Metric::NextWriteUs, found.median), (Metric::NextWriteMostUs, found.most)].into()))
}

/// Has an empty node join three that have been filled: the time from its start until it answers a linearizable read.
pub(crate) async fn join(nodes: &mut Nodes) -> anyhow::Result<Figures> {
    let number = nodes.admit().await;
    let probe = Probe::of(&nodes.addresses()[number])?;
    let began = Instant::now();
    nodes.start(number);
    let answered = first_answer(|| probe.clone().read()).await?;
    Ok(Figures([(Metric::FirstReadUs, us(began, answered))].into()))
}

fn probes(nodes: &mut Nodes) -> anyhow::Result<Vec<Probe>> {
    nodes.addresses().iter().map(|address| Probe::of(address)).collect()
}

fn us(began: Instant, ended: Instant) -> f64 {
    (ended - began).as_secs_f64() * 1e6
}
