"""What a report says, from facts made by hand."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from ganzoo.ablation.collect import collect
from ganzoo.ablation.facts import Facts, PointFacts, RunFacts, losses, steps_per_second
from ganzoo.ablation.figures import band
from ganzoo.ablation.folder import home_of
from ganzoo.ablation.notes import failures, losses_note
from ganzoo.ablation.plan import Member, Plan, PlannedPoint
from ganzoo.ablation.record import Record, RunRecord
from ganzoo.ablation.report import csv_of, write_report
from ganzoo.ablation.tables import differences, matrices, summary
from ganzoo.ablation.words import amount, brief, figure, memory, spread
from ganzoo.recipe.grid import load_grid
from ganzoo.registry.catalogue import Registry

METRIC = "ganzoo/frechet:frechet_distance"
GRID = """\
ganzoo: 1
extends: ganzoo.recipes:quickstart.yaml
about: Blocks & <losses>.
grid:
  task.generator.block: [ganzoo/original, ganzoo/skip]
  task.discriminator.block: [ganzoo/original, ganzoo/residual]
"""
# by point: the metric of each seed; None failed
VALUES = [(4.0, 6.0), (2.0, 2.5), (1.0, 3.0), (8.0, None)]


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    path = tmp_path_factory.mktemp("grid") / "blocks.yaml"
    path.write_text(GRID, encoding="utf-8")
    registry = Registry()
    registry.register("ganzoo", "ganzoo.plugins", "ganzoo", "0")
    return load_grid(path, registry=registry)


@pytest.fixture
def facts(grid, tmp_path):
    planned = tuple(
        PlannedPoint(
            index=point.index,
            label=point.label,
            values=point.values,
            recipe=point.loaded.recipe,
            images=64,
        )
        for point in grid.points
    )
    plan = Plan(name=grid.name, about=grid.about, axes=grid.axes, points=planned, seeds=(0, 1))
    changed = [
        (),
        (("task.discriminator.block.use", "ganzoo/original", "ganzoo/residual"),),
        (("task.generator.block.use", "ganzoo/original", "ganzoo/skip"),),
        (
            ("task.discriminator.block.use", "ganzoo/original", "ganzoo/residual"),
            ("task.generator.block.use", "ganzoo/original", "ganzoo/skip"),
        ),
    ]
    points = tuple(
        PointFacts(
            point=point,
            runs=tuple(
                run(point.index, seed, VALUES[point.index][seed], tmp_path) for seed in (0, 1)
            ),
            differences=changed[point.index],
        )
        for point in planned
    )
    return Facts(
        plan=plan,
        points=points,
        metrics=(METRIC,),
        protocols={"ganzoo/frechet": "Frechet distance of some features"},
        lower_is_better={"ganzoo/frechet": True},
        setting=[("Data", "digits | grey")],
        warnings=["Something is odd."],
    )


def run(point, seed, value, folder):
    failed = value is None
    strip = folder / "runs" / f"{point}-{seed}" / "strip.png"
    if not failed:
        strip.parent.mkdir(parents=True)
        Image.new("L", (40, 4)).save(strip)
    evaluation = {
        "parameters": {"generator": 2_914, "discriminator": 24_038_161},
        "multiply_adds": {"generator": 112_384, "discriminator": 114_000},
        "values": {METRIC: value},
        "data": {"fingerprint": "33e0ea91"},
    }
    return RunFacts(
        member=Member(point, seed),
        record=RunRecord(
            images=64,
            status="failed" if failed else "finished",
            exit_code=6 if failed else 0,
            peak_memory=100 * 2**20 * (1 + seed),
            reason="loss is NaN\n<at step 3>" if failed else "",
        ),
        folder=strip.parent / "run",
        steps_per_second=2.0 + seed,
        seconds=30.0,
        losses={"generator": ((8, 1.0), (16, 0.5 + seed)), "discriminator": ((8, 1.0), (16, 2.0))},
        evaluation={} if failed else evaluation,
        strip=None if failed else strip,
    )


def cells(table):
    return [[cell.text for cell in row] for row in table.rows]


def test_the_summary_has_mean_and_spread_costs_speed_memory_and_status(facts):
    table = summary(facts)
    row = dict(zip(table.headings, cells(table)[0]))
    assert row["Frechet distance ↓"] == "5.000 ± 1.414"
    assert row["Generator parameters"] == "2.91 k"
    assert row["Discriminator parameters"] == "24.0 M"
    assert row["Generator mult-adds"] == "112 k"
    assert row["Steps/s"] == "2.500 ± 0.707"
    assert row["Peak memory"] == "200 MiB"
    assert row["Runs"] == "2 finished"
    last = dict(zip(table.headings, cells(table)[3]))
    assert last["Frechet distance ↓"] == "8.000"
    assert last["Runs"] == "1 failed, 1 finished"


def test_the_best_mean_is_strong_and_no_other(facts):
    strong = [[cell.text for cell in row if cell.strong] for row in summary(facts).rows]
    assert strong == [[], [], ["2.000 ± 1.414"], []]


def test_the_best_is_the_largest_where_higher_is_better(facts):
    best = replace(facts, lower_is_better={"ganzoo/frechet": False}).best(METRIC)
    assert best is facts.points[3]


def test_two_axes_make_a_matrix_with_the_best_tinted_most(facts):
    (table,) = matrices(facts)
    assert table.headings == ("generator block ↓ / discriminator block →", "original", "residual")
    assert cells(table) == [
        ["original", "5.000 ± 1.414", "2.250 ± 0.354"],
        ["skip", "2.000 ± 1.414", "8.000"],
    ]
    tints = [cell.tint for row in table.rows for cell in row[1:]]
    assert tints[2] == pytest.approx(1)
    assert tints[3] == pytest.approx(0)


def test_points_that_share_a_short_name_stand_in_the_matrix_under_their_full_ones(facts):
    named = ("ganzoo/original", "ganzoo/original", "acme/original", "acme/original")
    points = tuple(
        replace(
            point,
            point=replace(point.point, values={**point.point.values, "task.generator.block": name}),
        )
        for point, name in zip(facts.points, named)
    )
    (table,) = matrices(replace(facts, points=points))
    assert cells(table) == [
        ["ganzoo/original", "5.000 ± 1.414", "2.250 ± 0.354"],
        ["acme/original", "2.000 ± 1.414", "8.000"],
    ]


def test_one_axis_makes_no_matrix(facts):
    assert not matrices(replace(facts, plan=replace(facts.plan, axes=("task.generator.block",))))


def test_differences_stand_against_the_first_point(facts):
    table = differences(facts)
    assert cells(table) == [
        [
            "task.discriminator.block.use",
            "ganzoo/original",
            "ganzoo/residual",
            "=",
            "ganzoo/residual",
        ],
        ["task.generator.block.use", "ganzoo/original", "=", "ganzoo/skip", "ganzoo/skip"],
    ]


def test_more_points_than_a_page_is_wide_stand_below_one_another(facts):
    more = replace(facts.points[3], point=replace(facts.points[3].point, index=4))
    table = differences(replace(facts, points=(*facts.points, more)))
    paths = ("task.discriminator.block.use", "task.generator.block.use")
    assert table.headings == ("Point", *paths)
    assert cells(table)[0] == ["0: original × original", "ganzoo/original", "ganzoo/original"]  # noqa: RUF001
    assert cells(table)[2] == ["2: skip × original", "=", "ganzoo/skip"]  # noqa: RUF001
    assert len(table.rows) == 5


def test_a_failed_run_is_told_with_its_last_words(facts):
    ((title, words),) = failures(facts)
    assert title == "Point 3 (skip × residual), seed 1: failed, exit code 6"  # noqa: RUF001
    assert words == "loss is NaN\n<at step 3>"


def test_the_csv_has_a_row_a_run_with_all_digits(facts, tmp_path):
    rows = list(csv.DictReader(io.StringIO(csv_of(facts, tmp_path))))
    assert len(rows) == 8
    assert rows[1]["label"] == "original × original"  # noqa: RUF001
    assert rows[1]["discriminator_parameters"] == "24038161"
    assert rows[1][METRIC] == "6.0"
    assert rows[1]["run"] == "runs/0-1/run"
    assert (rows[7]["status"], rows[7][METRIC]) == ("failed", "")


class Links(HTMLParser):
    """Everything that an HTML file would fetch, and its tags."""

    def __init__(self):
        super().__init__()
        self.found, self.open = [], []

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name in ("src", "href", "srcset")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_images_of_a_run_are_those_it_was_evaluated_at(facts, tmp_path):
    first = facts.points[0]
    seen = replace(first.runs[0], evaluation={**first.runs[0].evaluation, "images": 640})
    points = (replace(first, runs=(seen, first.runs[1])), *facts.points[1:])
    rows = list(csv.DictReader(io.StringIO(csv_of(replace(facts, points=points), tmp_path))))
    assert [row["images"] for row in rows[:2]] == ["640", "64"]


def test_the_html_file_needs_nothing_beside_it(facts, tmp_path):
    text = write_report(tmp_path, facts).read_text(encoding="utf-8")
    links = Links()
    links.feed(text)
    assert not links.open
    assert len(links.found) == 2 + 4
    assert all(link.startswith("data:image/png;base64,") for link in links.found)
    assert "url(" not in text
    assert "Blocks &amp; &lt;losses&gt;." in text
    assert "&lt;at step 3&gt;" in text


def test_the_markdown_file_links_pictures_that_are_there(facts, tmp_path):
    write_report(tmp_path, facts)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\((report/[^)]+)\)", text)
    assert len(linked) == 6
    assert all((tmp_path / name).is_file() for name in linked)
    assert "- **Data:** digits \\| grey" in text
    assert "| **2.000 ± 1.414** |" in text


def test_every_row_of_a_markdown_table_has_as_many_cells_as_its_heading(facts, tmp_path):
    write_report(tmp_path, facts)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_an_ablation_without_a_finished_run_has_a_report(facts, tmp_path):
    nothing = tuple(
        replace(
            point,
            runs=tuple(
                replace(r, losses={}, evaluation={}, strip=None, steps_per_second=None)
                for r in point.runs
            ),
        )
        for point in facts.points
    )
    text = write_report(tmp_path, replace(facts, points=nothing, metrics=())).read_text("utf-8")
    assert "Results" in text
    assert "<img" not in text


def row(images, step, seconds, **values):
    return {"images": images, "step": step, "seconds": seconds, **values}


def test_speed_is_the_median_without_the_first_row():
    rows = [row(8, 1, 10.0), row(16, 3, 11.0), row(32, 7, 12.0), row(40, 8, 20.0)]
    assert steps_per_second(rows) == 2.0


def test_speed_of_a_single_row_is_all_there_is():
    assert steps_per_second([row(8, 3, 2.0)]) == 1.5
    assert steps_per_second([]) is None


def test_losses_leave_out_what_is_no_number_and_what_was_not_logged():
    rows = [row(8, 1, 1.0, a_loss=1.0), row(16, 2, 2.0, a_loss=math.nan), row(24, 3, 3.0, a_loss=2)]
    assert losses(rows) == {"a": ((8, 1.0), (24, 2))}


def test_a_running_mean_keeps_what_is_even_and_flattens_what_is_not():
    _, even, _ = band([((0, 3.0), (160, 3.0))], window=9)
    assert even == pytest.approx(3.0)
    jagged = tuple((place, float(place % 2)) for place in range(161))
    assert np.ptp(band([jagged], window=9)[1]) < np.ptp(band([jagged])[1]) / 1.5


def test_a_band_of_deviation_is_spoken_of_only_where_there_are_several_seeds(facts, tmp_path):
    assert "a band of one standard deviation" in losses_note(facts)
    single = replace(
        facts,
        plan=replace(facts.plan, seeds=(0,)),
        points=tuple(replace(point, runs=point.runs[:1]) for point in facts.points),
    )
    page = write_report(tmp_path, single)
    for text in (page.read_text("utf-8"), (tmp_path / "report.md").read_text("utf-8")):
        assert "seeds" not in text.partition("Losses")[2].partition("What differs")[0]
        assert "standard deviation" not in text


def test_a_band_is_taken_where_all_curves_are_known():
    images, mean, deviation = band([((0, 0.0), (10, 10.0)), ((5, 7.0), (20, 7.0))])
    assert (images[0], images[-1]) == (5, 10)
    assert (mean[0], mean[-1]) == (6.0, 8.5)
    assert deviation[0] == pytest.approx(np.sqrt(2))


@pytest.mark.parametrize(
    ("value", "text"),
    [(4.31695, "4.317"), (123456.7, "123,457"), (0.00123456, "0.001235"), (2.5e7, "2.500e+07")],
)
def test_figures_have_four_digits(value, text):
    assert figure(value) == text


def test_a_spread_has_the_places_of_its_mean():
    assert spread([101.2, 99.0]) == "100.1 ± 1.6"
    assert spread([]) == "-"
    assert spread([math.nan, 1.0]) == "nan ± nan"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (999, "999"),
        (1_000, "1.00 k"),
        (999_499, "999 k"),
        (999_500, "1.00 M"),
        (999_999, "1.00 M"),
        (24_938_161, "24.9 M"),
        (1_800_000_000, "1.80 G"),
        (None, "-"),
    ],
)
def test_an_amount_has_the_unit_of_what_it_is_rounded_to(count, text):
    assert amount(count) == text


def test_axis_values_are_brief():
    assert brief("ganzoo/skip") == "skip"
    assert brief("recipes/stylegan-a.yaml") == "stylegan-a"
    assert brief({"use": "ganzoo/original", "pool": True}) == "original {pool: true}"
    assert brief((0.0, 0.99)) == "[0.0, 0.99]"
    assert memory(20_000 * 2**20) == "19.5 GiB"


def evaluated(folder, member, **changes):
    """Lay down a finished run of so many images, and its evaluation."""
    home = home_of(folder, member)
    (home / "run" / "checkpoints").mkdir(parents=True)
    (home / "run" / "recipe.yaml").write_text("")
    (home / "run" / "checkpoints" / "000000064.pt").write_bytes(b"")
    content = {
        "images": 64,
        "parameters": {},
        "multiply_adds": {},
        "values": {METRIC: 1.0},
        "protocols": {"ganzoo/frechet": "a distance"},
        "lower_is_better": {"ganzoo/frechet": True},
        "data": {
            "use": "ganzoo/digits",
            "count": 10,
            "resolution": [8, 8],
            "channels": 1,
            "fingerprint": "33e0ea91",
        },
        **changes,
    }
    (home / "evaluation.json").write_text(json.dumps(content))


def collected(facts, folder):
    plan = replace(facts.plan, points=facts.plan.points[:1])
    record = Record(folder, plan, points={}, runs={})
    for member in plan.members():
        record.change(member, status="finished", images=64)
    return collect(folder, plan, record, recipe="blocks.yaml")


def test_the_budget_is_what_the_runs_have_seen_and_unlike_ones_are_warned_of(facts, tmp_path):
    evaluated(tmp_path / "out", Member(0, 0))
    evaluated(tmp_path / "out", Member(0, 1), images=640)
    found = collected(facts, tmp_path / "out")
    assert dict(found.setting)["Budget"] == "64 or 640 images a run"
    (warning,) = found.warnings
    assert "Some runs have seen 640 images and others 64" in warning


def test_a_damaged_evaluation_counts_as_none(facts, tmp_path):
    evaluated(tmp_path / "out", Member(0, 0))
    evaluated(tmp_path / "out", Member(0, 1), data=None)
    found = collected(facts, tmp_path / "out")
    assert [run.status for run in found.points[0].runs] == ["finished", "not evaluated"]


def test_a_run_that_could_not_be_evaluated_says_nothing_of_the_data(facts, tmp_path):
    evaluated(tmp_path / "out", Member(0, 0))
    other = {"use": "b", "count": 1, "resolution": [8, 8], "channels": 1, "fingerprint": "0000"}
    evaluated(tmp_path / "out", Member(0, 1), data=other, values={}, error="it sees 2 classes")
    found = collected(facts, tmp_path / "out")
    assert dict(found.setting)["Data"].startswith("ganzoo/digits, 10 pictures of 8 x 8 x 1")
    assert not [warning for warning in found.warnings if "different pictures" in warning]
    assert [words for _, words in failures(found)] == ["it sees 2 classes"]


def test_a_run_that_is_trained_but_not_evaluated_is_told(facts):
    first = facts.points[0]
    runs = (
        replace(first.runs[0], evaluation={}),
        replace(
            first.runs[1], evaluation={**first.runs[1].evaluation, "error": "it makes no numbers"}
        ),
    )
    told = failures(replace(facts, points=(replace(first, runs=runs),)))
    assert [title.partition(": ")[2] for title, _ in told] == ["not evaluated", "not evaluated"]
    assert [words for _, words in told] == [
        "It is trained; --report-only evaluates it again.",
        "it makes no numbers",
    ]
