"""Puts measured results into README.md, docs/performance.md and docs/growth.svg. What stands between two marks is written
here, what stands around them by hand."""

import os

import machine
import plot
import table

BEGIN, END = "<!-- tests/bench/run --readme writes from here -->", "<!-- to here -->"


def replace_block(path, text):
    with open(path, encoding="utf-8") as file:
        before, begin, rest = file.read().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path}: the marks are missing")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n{text}\n{END}{after}")


def summary(rows):
    wanted = [row for row in rows if row["met"] is not None]
    missed = [row for row in wanted if not row["met"]]
    if not missed:
        return f"All {len(wanted)} goals are met."
    return f"{len(wanted) - len(missed)} of {len(wanted)} goals are met."


def readme(results):
    rows = [row for row in results["rows"] if row["met"] is not None and not row.get("curve")]
    return "\n".join([
        "", table.as_markdown(rows), "",
        "Medians; *times better* is how many times faster, smaller or more, whichever is wanted. "
        f"{summary(results['rows'])} Taken {machine.as_sentence(results['machine'])}."])


def performance(results):
    text = ["", f"Taken {machine.as_sentence(results['machine'])}.", "", summary(results["rows"])]
    missed = [row for row in results["rows"] if row["met"] is False]
    text += ["", *(f"- {table.shortfall(row)}." for row in missed)] if missed else []
    for bench in dict.fromkeys(row["bench"] for row in results["rows"]):
        rows = [row for row in results["rows"] if row["bench"] == bench]
        text += ["", f"### {table.HEADINGS.get(bench, bench)}", "", table.as_markdown(rows)]
    return "\n".join(text)


def fill(top, results):
    replace_block(os.path.join(top, "README.md"), readme(results))
    replace_block(os.path.join(top, "docs/performance.md"), performance(results))
    with open(os.path.join(top, "docs/growth.svg"), "w", encoding="utf-8") as file:
        file.write(plot.as_svg(results["rows"]))
