"""What a report says in sentences: how its pictures were made, and what went wrong."""

from __future__ import annotations

from ganzoo.ablation.facts import Facts

MOST_BANDS = 5  # bands of losses that can be told apart in one drawing


def samples_note(facts: Facts) -> str:
    """What a row of samples shows."""
    several = len(facts.plan.seeds) > 1
    which = "the first evaluated run of each point" if several else "each point"
    return f"Drawn from {which}: picture i of every row has the latent of seed i, counted from 0."


def metrics_note(facts: Facts) -> str:
    """How to read the drawing of a number; empty where every point has one run."""
    if not any(len(point.values(name)) > 1 for point in facts.points for name in facts.metrics):
        return ""
    return "A dot is the mean of a point, its bar one standard deviation either way, a ring a run."


def losses_note(facts: Facts) -> str:
    """How the curves of the losses were made."""
    smooth = "a running mean over a twentieth of the images"
    if not any(sum(bool(run.losses) for run in point.runs) > 1 for point in facts.points):
        return f"Each line is {smooth}."
    if len(facts.points) > MOST_BANDS:
        return f"Each line is the mean over the seeds, and {smooth}."
    return (
        f"Each line is the mean over the seeds, with a band of one standard deviation, and {smooth}"
        " of every seed."
    )


_SILENT = {
    "not evaluated": "It is trained; --report-only evaluates it again.",
    "running": "It has not ended yet, or its `ganzoo ablate` was killed.",
    "waiting": "It has not begun.",
}


def failures(facts: Facts) -> list[tuple[str, str]]:
    """A title and the last lines of the log of every run that is not finished and evaluated."""
    found = []
    for point in facts.points:
        for run in point.runs:
            if run.status == "finished":
                continue
            title = (
                f"Point {point.point.index} ({point.point.label}), seed {run.member.seed}:"
                f" {run.status}"
            )
            if run.record.exit_code not in (None, 0):
                title += f", exit code {run.record.exit_code}"
            words = run.evaluation.get("error") or run.record.reason
            found.append((title, str(words) or _SILENT.get(run.status, "It left no words.")))
    return found
