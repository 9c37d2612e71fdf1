#!/usr/bin/env python3
"""Draws the dashboard from what a Prometheus server holds, where no Grafana is at hand.

    pip install matplotlib
    python3 deploy/grafana/picture.py http://127.0.0.1:9090 docs/dashboard.png

Every panel stands where conclave.json puts it and shows what its queries give for the last minutes.
"""

import json
import re
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.ticker import FuncFormatter

DASHBOARD = Path(__file__).parent / "conclave.json"
SPAN_S = 300
STEP_S = 2
COLUMNS = 24
INK, PAPER, PANEL, QUIET = "#d8d9da", "#111217", "#181b1f", "#7b8087"


def scaled(value, base, units):
    for unit in units:
        if abs(value) < base or unit == units[-1]:
            return f"{value:.3g} {unit}".strip()
        value /= base
    return ""


FORMS = {
    "s": lambda value: scaled(value * 1e6, 1000, ["µs", "ms", "s"]),
    "bytes": lambda value: scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]),
    "Bps": lambda value: scaled(value, 1024, ["B/s", "KiB/s", "MiB/s", "GiB/s"]),
    "ops": lambda value: scaled(value, 1000, ["/s", "k/s", "M/s"]),
    "percentunit": lambda value: f"{value * 100:.3g} %",
    "short": lambda value: scaled(value, 1000, ["", "k", "M"]),
}


def query(server, expression):
    """The series of an expression: labels, times, values."""
    for variable, text in {"$job": "conclave", "$instance": ".*", "$__rate_interval": "20s"}.items():
        expression = expression.replace(variable, text)
    end = time.time()
    fields = {"query": expression, "start": end - SPAN_S, "end": end, "step": STEP_S}
    address = f"{server}/api/v1/query_range?{urllib.parse.urlencode(fields)}"
    with urllib.request.urlopen(address, timeout=30) as answer:
        series = json.load(answer)["data"]["result"]
    return [(one["metric"], [(float(at), float(value)) for at, value in one["values"]]) for one in series]


def legend(form, labels):
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), form or "").strip()


def draw_stat(axes, panel, drawn):
    shown = [legend(target, labels) if "is_leader" in text else FORMS["short"](points[-1][1])
             for text, target, series in drawn for labels, points in series if points]
    axes.text(0.5, 0.42, "\n".join(shown) or "none", ha="center", va="center", color="#73bf69", fontsize=17,
              transform=axes.transAxes)
    axes.set_xticks([])
    axes.set_yticks([])


def draw_series(axes, panel, drawn):
    form = FORMS[panel["fieldConfig"]["defaults"].get("unit", "short")]
    end = time.time()
    count = 0
    for _, target, series in drawn:
        for labels, points in series:
            points = [(at, value) for at, value in points if value == value]
            axes.plot([at - end for at, _ in points], [value for _, value in points], linewidth=1.1,
                      label=legend(target, labels))
            count += 1
    axes.set_xlim(-SPAN_S, 0)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: form(value)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 60:.0f} min"))
    axes.tick_params(colors=QUIET, labelsize=6)
    axes.grid(color="#2c3235", linewidth=0.5)
    if count:
        axes.legend(fontsize=5.5, ncols=3, loc="upper left", frameon=False, labelcolor=INK)


def main():
    server, destination = sys.argv[1].rstrip("/"), sys.argv[2]
    panels = json.loads(DASHBOARD.read_text())["panels"]
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    figure = pyplot.figure(figsize=(16, rows * 0.3), facecolor=PAPER, dpi=110)
    for panel in panels:
        place = panel["gridPos"]
        left, width = place["x"] / COLUMNS, place["w"] / COLUMNS
        bottom, height = 1 - (place["y"] + place["h"]) / rows, place["h"] / rows
        if panel["type"] == "row":
            figure.text(left + 0.008, bottom + height * 0.3, panel["title"], color=INK, fontsize=11, weight="bold")
            continue
        axes = figure.add_axes((left + 0.032, bottom + height * 0.13, width - 0.042, height * 0.68), facecolor=PANEL)
        axes.set_title(panel["title"], color=INK, fontsize=8, loc="left")
        for spine in axes.spines.values():
            spine.set_color("#2c3235")
        drawn = [(target["expr"], target.get("legendFormat"), query(server, target["expr"]))
                 for target in panel["targets"]]
        (draw_stat if panel["type"] == "stat" else draw_series)(axes, panel, drawn)
    figure.savefig(destination, facecolor=PAPER)


if __name__ == "__main__":
    main()
