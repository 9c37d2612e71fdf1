//! A plot as SVG: axes with units, a line and its points for each series, a legend at its side, on white.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

use super::plots::{Axis, Plot, Scale, Series};
use crate::report::grouped;

const SIZE: (u32, u32) = (960, 480);
/// The right part is the legend's.
const CHART_WIDTH: u32 = 700;
const LEGEND_TOP: i32 = 60;
const LEGEND_LINE: i32 = 26;
const POINT_RADIUS: i32 = 4;
/// One for each peer; those of Okabe and Ito, which everybody can tell apart.
const COLOURS: [RGBColor; 5] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 80, 80),
];
/// Marks of an axis.
const LABELS_MAX: usize = 16;
/// How much of an axis is left free behind the last point.
const ROOM: f64 = 1.08;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The text of its file.
pub(super) fn svg(plot: &Plot) -> anyhow::Result<String> {
    let mut text = String::new();
    let whole = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
    whole.fill(&WHITE)?;
    let (left, right) = whole.split_horizontally(CHART_WIDTH);
    let (x, y) = (plot.x.range(plot, |point| point.0), plot.y.range(plot, |point| point.1));
    match (plot.x.scale, plot.y.scale) {
        (Scale::Even, Scale::Even) => chart(&left, plot, x, y)?,
        (Scale::Even, Scale::Powers(of)) => chart(&left, plot, x, y.log_scale().base(of))?,
        (Scale::Powers(of), Scale::Even) => chart(&left, plot, x.log_scale().base(of), y)?,
        (Scale::Powers(of_x), Scale::Powers(of_y)) => {
            chart(&left, plot, x.log_scale().base(of_x), y.log_scale().base(of_y))?;
        }
    }
    legend(&right, plot)?;
    whole.present()?;
    drop((whole, left, right));
    Ok(text)
}

impl Axis {
    /// What it shows: all points, from nothing on if it can.
    fn range(self, plot: &Plot, of: impl Fn(&(f64, f64)) -> f64) -> Range<f64> {
        let values = || plot.series.iter().flat_map(|series| &series.points).map(&of);
        let most = values().fold(f64::MIN_POSITIVE, f64::max);
        let least = values().filter(|value| *value > 0.0).fold(most, f64::min);
        if self.scale == Scale::Even { 0.0..most * ROOM } else { least / ROOM..most * ROOM }
    }
}

fn chart<X, Y>(area: &Area<'_>, plot: &Plot, x: X, y: Y) -> anyhow::Result<()>
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(area)
        .caption(&plot.title, ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(52)
        .y_label_area_size(88)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .x_desc(plot.x.label)
        .y_desc(plot.y.label)
        .x_label_formatter(&|value| number(*value))
        .y_label_formatter(&|value| number(*value))
        .label_style(("sans-serif", 14))
        .axis_desc_style(("sans-serif", 16))
        .max_light_lines(0)
        .x_labels(LABELS_MAX)
        .y_labels(LABELS_MAX)
        .draw()?;
    for series in &plot.series {
        let points = series.visible(plot);
        if series.is_dashed {
            chart.draw_series(DashedLineSeries::new(points.clone(), 6, 4, series.line()))?;
        } else {
            chart.draw_series(LineSeries::new(points.clone(), series.line()))?;
        }
        chart.draw_series(points.iter().map(|point| Circle::new(*point, POINT_RADIUS, series.point())))?;
    }
    Ok(())
}

fn legend(area: &Area<'_>, plot: &Plot) -> anyhow::Result<()> {
    let tops = (LEGEND_TOP..).step_by(usize::try_from(LEGEND_LINE)?);
    for (series, y) in plot.series.iter().zip(tops) {
        // A dashed line has a gap where its point is.
        let ends = if series.is_dashed { [(0, 10), (22, 32)] } else { [(0, 16), (16, 32)] };
        for (from, to) in ends {
            area.draw(&PathElement::new([(from, y), (to, y)], series.line()))?;
        }
        area.draw(&Circle::new((16, y), POINT_RADIUS, series.point()))?;
        area.draw(&Text::new(series.label.clone(), (42, y - 7), ("sans-serif", 15)))?;
    }
    Ok(())
}

impl Series {
    fn colour(&self) -> RGBColor {
        COLOURS[self.peer % COLOURS.len()]
    }

    fn line(&self) -> ShapeStyle {
        self.colour().stroke_width(2)
    }

    fn point(&self) -> ShapeStyle {
        if self.is_dashed { self.line() } else { self.colour().filled() }
    }

    /// Its points but those that a logarithmic axis does not have.
    fn visible(&self, plot: &Plot) -> Vec<(f64, f64)> {
        let is_on = |axis: Axis, value: f64| axis.scale == Scale::Even || value > 0.0;
        let points = self.points.iter().copied();
        points.filter(|(x, y)| is_on(plot.x, *x) && is_on(plot.y, *y)).collect()
    }
}

/// A number at an axis.
fn number(value: f64) -> String {
    if value >= 100.0 || value.fract() == 0.0 {
        return grouped(&format!("{value:.0}"));
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(scales: (Scale, Scale)) -> Plot {
        let axis = |label, scale| Axis { label, scale };
        let series = |label: &str, peer, is_dashed, points: &[(f64, f64)]| Series {
            label: label.into(),
            peer,
            is_dashed,
            points: points.into(),
        };
        Plot {
            file: "a.svg".into(),
            title: "put: something".into(),
            x: axis("clients", scales.0),
            y: axis("latency, ms", scales.1),
            series: vec![
                series("Conclave, p99", 0, false, &[(1.0, 0.7), (64.0, 9.0), (256.0, 30.0)]),
                series("Conclave, p50", 0, true, &[(1.0, 0.0), (64.0, 5.0)]),
                series("etcd <3.5.1>", 1, false, &[(1.0, 1.5)]),
            ],
        }
    }

    #[test]
    fn a_plot_has_axes_with_units_and_each_series_with_its_points_and_name() {
        let (even, powers) = (Scale::Even, Scale::Powers(4.0));
        for scales in [(even, even), (even, powers), (powers, even), (powers, powers)] {
            let svg = svg(&plot(scales)).unwrap();
            assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
            for text in ["put: something", "clients", "latency, ms", "Conclave, p99", "Conclave, p50"] {
                assert!(svg.contains(&format!("\n{text}\n")), "{text}\n{svg}");
            }
            assert!(svg.contains("etcd &lt;3.5.1&gt;"), "{svg}");
            // Its points and the one in the legend; a logarithmic axis has no 0.
            let second = if scales.1 == even { 2 } else { 1 };
            assert_eq!(svg.matches("<circle").count(), 3 + second + 1 + 3);
            assert!(scales.0 == even || svg.contains("\n64\n"), "{svg}");
            let in_legend = 2 * 3;
            assert!(svg.matches("<polyline").count() > in_legend, "{svg}");
        }
    }

    #[test]
    fn numbers_at_axes_are_short() {
        assert_eq!(
            [0.0, 0.25, 12.5, 1_000.0, 65_536.4].map(number),
            ["0", "0.25", "12.5", "1,000", "65,536"]
        );
    }
}
