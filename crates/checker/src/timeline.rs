//! A failed history as a picture: one HTML file that needs nothing else, for a browser and a bug report.
//!
//! A lane for each client, a bar for each operation from its call to its end; those whose outcome is unknown have none
//! and go on to the right. Time is drawn by its order and not by its length: what was concurrent is seen to be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::history::{End, History, Operation};
use crate::lanes::{Bar, lay_out};
use crate::model::Model;
use crate::violation::{Told, Unplaced, Violation, ms};

/// How many operations are drawn at most; the last ones before the culprit's end are.
const OPERATIONS_MAX: usize = 600;
/// How many operations that were called after the culprit's end are drawn.
const AFTER_MAX: usize = 20;
/// The width of a moment and the height of a lane.
const MOMENT_PX: usize = 28;
const ROW_PX: usize = 26;

const STYLE: &str = "
body { font: 13px/1.4 system-ui, sans-serif; margin: 16px; color: #222; background: #fff; }
h1 { font-size: 17px; } h2 { font-size: 14px; margin: 18px 0 4px; } p { margin: 4px 0; }
.lanes { position: relative; overflow-x: auto; border: 1px solid #ccc; background: #fafafa; }
.lane { position: relative; border-top: 1px solid #ddd; }
.lane > b { position: sticky; left: 0; padding: 2px 6px; background: #fafafaee; z-index: 2; font-weight: 600; }
.op { position: absolute; height: 20px; box-sizing: border-box; padding: 0 4px; border: 1px solid #6a8fb5;
  border-radius: 3px; background: #d6e6f6; font-size: 11px; line-height: 18px; overflow: hidden;
  white-space: nowrap; text-overflow: ellipsis; }
.op:hover { z-index: 3; overflow: visible; width: max-content !important; }
.unknown { border-style: dashed; border-right: none; background: #f3ecd0; border-color: #b59a4a; }
.not-done { background: #e8e8e8; border-color: #aaa; color: #666; }
.core { outline: 2px solid #d9822b; }
.culprit { background: #f6c9c9; border-color: #b32d2d; outline: 2px solid #b32d2d; font-weight: 600; }
li { font-family: ui-monospace, monospace; font-size: 12px; }
.key { display: inline-block; position: static; margin-right: 8px; }
.key:hover { overflow: hidden; }
";

/// Draws a history as a page. With a violation: what it says, and the operations on its key.
pub fn timeline<M: Model>(
    model: &M,
    history: &History<M::Call, M::Answer>,
    violation: Option<&Violation>,
) -> String {
    let (shown, left_out) = shown(model, history, violation);
    let marks = violation.map(Marks::of).unwrap_or_default();
    let mut page = String::new();
    let title = violation.map_or("A history".to_owned(), |violation| format!("{}: no order", violation.key));
    let title = escape(&title);
    // Writing to a string never fails.
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    if let Some(violation) = violation {
        page += &summary(violation);
    }
    let _ = writeln!(page, "<p>{} operations drawn, {left_out} left out. {KEY}</p>", shown.len());
    page += &lanes(model, history, &shown, &marks);
    page += "</body>\n</html>\n";
    page
}

const KEY: &str = "<span class=\"op key\">answered</span><span class=\"op key unknown\">unknown outcome</span>\
    <span class=\"op key not-done\">not done</span><span class=\"op key core\">contradicts</span>\
    <span class=\"op key culprit\">the culprit</span> Numbers: the longest order.";

/// The places of the operations to draw, and how many are not drawn.
fn shown<M: Model>(
    model: &M,
    history: &History<M::Call, M::Answer>,
    violation: Option<&Violation>,
) -> (BTreeSet<usize>, usize) {
    let Some(violation) = violation else {
        let len = history.operations().len();
        return ((0..len.min(OPERATIONS_MAX)).collect(), len.saturating_sub(OPERATIONS_MAX));
    };
    let of_key = |(_, operation): &(usize, &Operation<M::Call, M::Answer>)| {
        model.key(&operation.call).to_string() == violation.key
    };
    let mut of_key: Vec<_> = history.operations().iter().enumerate().filter(of_key).collect();
    of_key.sort_by_key(|(_, operation)| operation.called_ns);
    let end_ns = history.operations()[violation.culprit.place].end.at_ns().unwrap_or(u64::MAX);
    let before = of_key.partition_point(|(_, operation)| operation.called_ns <= end_ns);
    let window = before.saturating_sub(OPERATIONS_MAX)..of_key.len().min(before + AFTER_MAX);
    let core = violation.core.iter().map(|told| told.place);
    let shown: BTreeSet<_> = of_key[window].iter().map(|(place, _)| *place).chain(core).collect();
    let left_out = of_key.len() - shown.len();
    (shown, left_out)
}

/// What is to be said of single operations.
#[derive(Default)]
struct Marks {
    culprit: Option<usize>,
    core: BTreeSet<usize>,
    /// Which number an operation has in the longest order, from 1.
    numbers: BTreeMap<usize, usize>,
}

impl Marks {
    fn of(violation: &Violation) -> Self {
        Self {
            culprit: Some(violation.culprit.place),
            core: violation.core.iter().map(|told| told.place).collect(),
            numbers: violation.order.iter().map(|told| told.place).zip(1..).collect(),
        }
    }

    fn classes<A>(&self, place: usize, end: &End<A>) -> String {
        let outcome = match end {
            End::Answered { .. } => "op",
            End::NotDone { .. } => "op not-done",
            End::Unknown => "op unknown",
        };
        let core = if self.core.contains(&place) { " core" } else { "" };
        let culprit = if self.culprit == Some(place) { " culprit" } else { "" };
        format!("{outcome}{core}{culprit}")
    }
}

/// What the violation says, in words.
fn summary(violation: &Violation) -> String {
    let why = |unplaced: &Unplaced| {
        let why = if unplaced.fits { "fits, but leads no further" } else { "does not fit" };
        format!("{}: {why}", unplaced.operation)
    };
    let order = &violation.order[violation.order.len().saturating_sub(ORDER_TOLD_MAX)..];
    [
        format!("<p>All is well until this ends: {}</p>\n", escape(&violation.culprit.to_string())),
        list(
            "These contradict each other, whatever else was told",
            violation.core.iter().map(Told::to_string),
        ),
        list(
            &format!("The longest order has {} operations; it ends with", violation.order.len()),
            order.iter().map(Told::to_string),
        ),
        list(
            &format!("Then the state is {}; next might come", violation.state),
            violation.unplaced.iter().map(why),
        ),
    ]
    .concat()
}

/// How many operations of the longest order are told in words.
const ORDER_TOLD_MAX: usize = 10;

fn list(title: &str, lines: impl Iterator<Item = String>) -> String {
    let lines: String = lines.map(|line| format!("<li>{}</li>\n", escape(&line))).collect();
    format!("<h2>{}</h2>\n<ul>\n{lines}</ul>\n", escape(title))
}

fn lanes<M: Model>(
    model: &M,
    history: &History<M::Call, M::Answer>,
    shown: &BTreeSet<usize>,
    marks: &Marks,
) -> String {
    let (bars, moments) = lay_out(shown.iter().map(|place| (*place, &history.operations()[*place])));
    let mut clients: BTreeMap<u64, Vec<Bar>> = BTreeMap::new();
    for bar in bars {
        clients.entry(bar.client).or_default().push(bar);
    }
    let width_px = (moments + 1) * MOMENT_PX;
    let mut page = "<div class=\"lanes\">\n".to_owned();
    for (client, bars) in clients {
        let rows = bars.iter().map(|bar| bar.row + 1).max().unwrap_or(1);
        // One row more, for the name.
        let height_px = (rows + 1) * ROW_PX;
        let _ = writeln!(
            page,
            "<div class=\"lane\" style=\"width:{width_px}px;height:{height_px}px\"><b>client {client}</b>"
        );
        for bar in bars {
            page += &draw(model, &history.operations()[bar.place], bar, (marks, moments));
        }
        page += "</div>\n";
    }
    page + "</div>\n"
}

fn draw<M: Model>(
    model: &M,
    operation: &Operation<M::Call, M::Answer>,
    bar: Bar,
    (marks, moments): (&Marks, usize),
) -> String {
    let what = escape(&model.describe(&operation.call, &operation.end));
    let number = marks.numbers.get(&bar.place).map_or_else(String::new, |number| format!("{number}. "));
    let classes = marks.classes(bar.place, &operation.end);
    let (left_px, top_px) = (bar.from * MOMENT_PX, (bar.row + 1) * ROW_PX);
    let width_px = (bar.to.unwrap_or(moments) + 1 - bar.from) * MOMENT_PX - 4;
    let ended = operation.end.at_ns().map_or_else(|| "?".to_owned(), ms);
    format!(
        "<div class=\"{classes}\" style=\"left:{left_px}px;top:{top_px}px;width:{width_px}px\" \
         title=\"#{} {what} ({} to {ended} ms)\">{number}{what}</div>\n",
        bar.place,
        ms(operation.called_ns),
    )
}

/// Text that a browser shows as it is, also within quotes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            c => escaped.push(c),
        }
    }
    escaped
}
