"""From measured values to medians, ratios and tables."""

import math
import statistics

HEADINGS = {
    "logs": "Logs", "rpc": "XML-RPC, the client, memory", "units": "Start, stop, respawn, rest", "page": "The status page",
    "events": "Events", "parse": "Configuration", "growth": "Growth",
}


def judge(row):
    """Adds medians, the ratio (how many times better ours is, whichever way better is; None when one of them is nothing)
    and whether the goal is met. A goal is a ratio; a limit is a value of ours that must not be passed. Without either
    there is nothing to meet."""
    ours = statistics.median(row["ours"])
    oracle = statistics.median(row["oracle"]) if row.get("oracle") else None
    higher = row["better"] == "higher"
    ratio = None
    verdicts = []
    if oracle is not None:
        above, below = (ours, oracle) if higher else (oracle, ours)
        ratio = above / below if below else None
        if row.get("goal") is not None:
            verdicts.append(above >= row["goal"] * below)
    if row.get("limit") is not None:
        verdicts.append(ours >= row["limit"] if higher else ours <= row["limit"])
    return {**row, "median_ours": ours, "median_oracle": oracle, "ratio": ratio,
            "met": all(verdicts) if verdicts else None}


def number(value):
    if value is None:
        return "-"
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def goal_text(row):
    limit = "" if row.get("limit") is None else f"{'>=' if row['better'] == 'higher' else '<='} {number(row['limit'])}"
    goal = "" if row.get("goal") is None else f"{number(row['goal'])}x"
    return " ".join(filter(None, (goal, limit))) or "-"


def ratio_text(row):
    return "-" if row["ratio"] is None else f"{row['ratio']:.1f}x"


def cells(row):
    met = {True: "yes", False: "NO", None: "-"}[row["met"]]
    return (row["name"], row["unit"], number(row["median_ours"]), number(row["median_oracle"]), ratio_text(row),
            goal_text(row), met)


def as_text(judged):
    lines = [("what", "unit", "ours", "oracle", "ratio", "goal", "met"), *map(cells, judged)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    right = (2, 3, 4, 5)
    return "\n".join("  ".join(cell.rjust(width) if column in right else cell.ljust(width)
                               for column, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in lines)


def as_markdown(judged):
    lines = ["| what | unit | supersede | Supervisor | times better | goal | met |", "|---|---|--:|--:|--:|--:|---|"]
    for row in judged:
        name, unit, ours, oracle, ratio, goal, met = cells(row)
        lines.append("| " + " | ".join((name.replace("|", "\\|"), unit, ours, oracle, ratio,
                                        goal.replace(">=", "≥").replace("<=", "≤"), met.replace("NO", "**no**"))) + " |")
    return "\n".join(lines)


def shortfall(row):
    """What is missing to the goal, in words; for rows that are not met."""
    words = []
    if row.get("goal") is not None and row["ratio"] is not None and row["ratio"] < row["goal"]:
        words.append(f"{row['ratio']:.2g}x where {number(row['goal'])}x was wanted")
    if row.get("limit") is not None:
        words.append(f"{number(row['median_ours'])} {row['unit']} where {number(row['limit'])} {row['unit']} was wanted")
    return f"{row['name']}: {'; '.join(words)}"
