"""From measured values to medians, ratios and a table."""

import os
import statistics


def machine():
    """What the numbers were taken on."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "unknown")
    return {"cpu": model, "cpus": os.cpu_count(), "kernel": os.uname().release, "load": os.getloadavg()[0]}


def judge(row):
    """Adds medians, the ratio (how many times better ours is, whichever way better is) and whether the goal is met. A
    goal is a ratio; a limit is a value of ours that must not be passed. Without either there is nothing to meet."""
    ours = statistics.median(row["ours"])
    oracle = statistics.median(row["oracle"]) if row.get("oracle") else None
    higher = row["better"] == "higher"
    ratio = None
    if oracle is not None:
        above, below = (ours, oracle) if higher else (oracle, ours)
        ratio = above / below if below else float("inf")
    verdicts = []
    if row.get("goal") is not None:
        verdicts.append(ratio is not None and ratio >= row["goal"])
    if row.get("limit") is not None:
        verdicts.append(ours >= row["limit"] if higher else ours <= row["limit"])
    return {**row, "median_ours": ours, "median_oracle": oracle, "ratio": ratio,
            "met": all(verdicts) if verdicts else None}


def number(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def goal_text(row):
    limit = "" if row.get("limit") is None else f"{'>=' if row['better'] == 'higher' else '<='} {number(row['limit'])}"
    goal = "" if row.get("goal") is None else f"{number(row['goal'])}x"
    return " ".join(filter(None, (goal, limit))) or "-"


def as_text(judged):
    lines = [("what", "unit", "ours", "oracle", "ratio", "goal", "met")]
    for row in judged:
        ratio = "-" if row["ratio"] is None else f"{row['ratio']:.1f}x"
        met = {True: "yes", False: "NO", None: "-"}[row["met"]]
        lines.append((row["name"], row["unit"], number(row["median_ours"]), number(row["median_oracle"]), ratio,
                      goal_text(row), met))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    right = (2, 3, 4, 5)
    return "\n".join("  ".join(cell.rjust(width) if column in right else cell.ljust(width)
                               for column, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in lines)
