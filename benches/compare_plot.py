#!/usr/bin/env python3
"""Draws what benches/compare has measured: a panel for each kind of load, a bar for each server.

    benches/compare_plot.py    draws docs/plots/compare.svg from results/compare-medians.csv again
"""
import csv
import html
import os

BENCHES = os.path.dirname(os.path.realpath(__file__))
RESULTS = os.path.join(BENCHES, "results")
PICTURE = os.path.join(os.path.dirname(BENCHES), "docs", "plots", "compare.svg")

COLUMNS, PANEL_WIDTH, MARGIN = 3, 320, 16
LABEL_WIDTH, VALUE_WIDTH = 112, 48
TITLE_HEIGHT, BAR_HEIGHT, BAR_GAP = 44, 13, 5
# Longer bars would shorten the others too much; they end open, and their number tells.
RATIO_MAX, BYTES_MAX = 5.0, 10_000.0

STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .small { font-size: 11px; fill: #57606a; }
  .bar { fill: #8c959f; }
  .own { fill: #0969da; }
  .floor { stroke: #24292f; stroke-dasharray: 2 2; }
  .open { fill: #ffffff; }
  .paper { fill: #ffffff; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .small { fill: #9198a1; }
    .bar { fill: #656c76; }
    .own { fill: #58a6ff; }
    .floor { stroke: #e6edf3; }
    .open { fill: #0d1117; }
    .paper { fill: #0d1117; }
  }
"""


def draw(medians):
    """The picture of these rows of compare-medians.csv, as the text of an SVG file."""
    loads = list(dict.fromkeys(row["scenario"] for row in medians))
    panels = [[row for row in medians if row["scenario"] == load] for load in loads]
    bars_len = max(len(panel) for panel in panels)
    height = TITLE_HEIGHT + bars_len * (BAR_HEIGHT + BAR_GAP) + MARGIN
    width = COLUMNS * PANEL_WIDTH + MARGIN
    total = -(-len(panels) // COLUMNS) * height + 2 * MARGIN + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" role="img">',
        "<title>What a message costs each server</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{width}" height="{total}"/>',
        text(MARGIN, MARGIN + 4, "Processor time for each message, as a multiple of the floor "
             "(dashed), and memory for each idle socket. Shorter is better.", "small"),
    ]
    for number, panel in enumerate(panels):
        left = MARGIN + number % COLUMNS * PANEL_WIDTH
        top = 2 * MARGIN + number // COLUMNS * height
        parts += draw_panel(panel, left, top)
    return "\n".join([*parts, "</svg>", ""])


def draw_panel(panel, left, top):
    """The lines for one kind of load."""
    is_memory = not panel[0]["per_second"]
    first = panel[0]
    cost = f"{float(first['cost']):.3g} {first['unit']}" if first["server"] == "floor" else ""
    note = "bytes for a socket" if is_memory else cost and f"the floor: {cost}"
    yield text(left, top + 16, f"{first['scenario']}: {first['about']}")
    yield text(left, top + 31, note, "small")
    longest = PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH - MARGIN
    begin, at = left + LABEL_WIDTH, top + TITLE_HEIGHT
    rows = panel if is_memory else [row for row in panel if row["server"] != "floor"]
    most = BYTES_MAX if is_memory else RATIO_MAX
    for row in rows:
        value = float(row["cost"] if is_memory else row["ratio"] or "nan")
        # A comparison with what is no number is false.
        length = longest * min(value, most) / most if value > 0 else 0
        kind = "own" if row["server"].startswith("ours") else "bar"
        number = f"{value:,.0f}" if is_memory else f"{value:.2f}" if value > 0 else "–"
        base = at + BAR_HEIGHT - 2
        yield text(begin - 6, base, row["server"], "small", "end")
        yield f'<rect class="{kind}" x="{begin}" y="{at}" width="{length:.1f}" ' \
              f'height="{BAR_HEIGHT}"/>'
        if value > most:
            yield f'<rect class="open" x="{begin + longest - 8}" y="{at}" width="3" ' \
                  f'height="{BAR_HEIGHT}"/>'
        yield text(begin + length + 5, base, number, "small")
        at += BAR_HEIGHT + BAR_GAP
    if not is_memory:
        x = begin + longest / most
        yield f'<line class="floor" x1="{x:.1f}" y1="{top + TITLE_HEIGHT - 4}" x2="{x:.1f}" ' \
              f'y2="{at}"/>'


def text(x, y, content, kind="", anchor="start"):
    return f'<text class="{kind}" x="{x:.1f}" y="{y}" text-anchor="{anchor}">' \
           f"{html.escape(content)}</text>"


def main():
    with open(os.path.join(RESULTS, "compare-medians.csv"), newline="") as file:
        picture = draw(list(csv.DictReader(file)))
    with open(PICTURE, "w") as file:
        file.write(picture)


if __name__ == "__main__":
    main()
