//! docs/performance.md, as far as it is measured: made from raw files, between two markers, with plots beside it.
//!
//! | file | what |
//! |---|---|
//! | [`region`] | the part of the page that is replaced |
//! | [`page`] | what stands there: the machine, tables, goals, links |
//! | [`plots`] | which plots there are, and what is in them |
//! | [`drawing`] | a plot as SVG |

mod drawing;
mod page;
mod plots;
mod region;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};

use super::raw::Raw;

/// What is reported.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ReportArgs {
    /// What `compare --raw` has kept; may be several files
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    raw: Vec<PathBuf>,
    /// The page, with the markers `<!-- measured: begin -->` and `<!-- measured: end -->`; plots go into a folder of its
    /// name
    #[arg(long, value_name = "FILE", default_value = "docs/performance.md")]
    out: PathBuf,
}

/// Writes the page and its plots.
pub(crate) fn run(args: &ReportArgs) -> anyhow::Result<()> {
    let raw = Raw::read(&args.raw)?;
    ensure!(!raw.samples.all.is_empty(), "there are no samples");
    let text = fs::read_to_string(&args.out);
    let text = text.with_context(|| format!("cannot read {}", args.out.display()))?;
    let folder = args.out.with_extension("");
    let plots = plots::of(&raw.samples);
    fs::create_dir_all(&folder)?;
    for plot in &plots {
        fs::write(folder.join(&plot.file), drawing::svg(plot)?)?;
    }
    let name = folder.file_name().context("the page has a name")?.to_string_lossy();
    let page = region::replaced(&text, &page::measured(&raw, &plots, &name));
    fs::write(&args.out, page.with_context(|| args.out.display().to_string())?)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::case::Workload;
    use crate::compare::case::tests::usual;
    use crate::compare::raw::Line;
    use crate::compare::raw::tests::run as a_run;
    use crate::compare::sample::Metric;
    use crate::compare::samples::tests::sample;

    #[test]
    fn a_raw_file_is_enough_for_the_page_and_its_plots() {
        let folder = tempfile::tempdir().unwrap();
        let (raw, out) = (folder.path().join("raw.jsonl"), folder.path().join("page.md"));
        Line::Run { run: Box::new(a_run(300)) }.keep(&raw).unwrap();
        for (clients, peer, figure) in
            [(1, "Conclave", 700.0), (64, "Conclave", 9_000.0), (1, "etcd 3.5.1", 500.0)]
        {
            let case = usual(Workload::Put, clients);
            let sample = sample(&case, peer, 1, &[(Metric::OperationsASecond, figure)]);
            Line::Sample(Box::new(sample)).keep(&raw).unwrap();
        }
        fs::write(&out, "# Before\n<!-- measured: begin -->\nold\n<!-- measured: end -->\nafter\n").unwrap();
        let args = ReportArgs { raw: vec![raw], out: out.clone() };
        run(&args).unwrap();
        let page = fs::read_to_string(&out).unwrap();
        assert!(page.starts_with("# Before\n") && page.ends_with("after\n") && !page.contains("old"));
        assert!(page.contains("](page/clients-put.svg)"), "{page}");
        let svg = fs::read_to_string(folder.path().join("page/clients-put.svg")).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("Conclave"));
        run(&args).unwrap();
        assert_eq!(fs::read_to_string(&out).unwrap(), page);
    }
}
