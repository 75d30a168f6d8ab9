from __future__ import annotations

import json
from pathlib import Path

import pytest

SHIPPED = ("quickstart", "stylegan2-e", "stylegan2-f")


def write(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def child(body: str) -> str:
    return f"ganzoo: 1\nextends: ganzoo.recipes:quickstart.yaml\n{body}"


def test_every_shipped_recipe_checks(ganzoo):
    result = ganzoo("check", *SHIPPED)
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert [line.partition(":")[0] for line in lines] == list(SHIPPED)
    assert all(": ok  " in line for line in lines)
    assert "--data PATH" not in lines[0]
    assert "--data PATH" in lines[2]


def test_a_recipe_under_recipes_means_the_shipped_one_where_there_is_no_such_file(ganzoo):
    result = ganzoo("check", "recipes/stylegan2-f.yaml")
    assert result.code == 0
    assert "using the one that ships with ganzoo" in result.err


def test_all_problems_are_told_at_once_with_their_lines(ganzoo, tmp_path):
    write(
        tmp_path,
        child("task:\n  generator:\n    block: ganzoo/skips\ntraining:\n  bach: 4\n  seed: zero\n"),
    )
    result = ganzoo("check", "mine.yaml")
    assert result.code == 2
    assert "mine.yaml:5" in result.out
    assert "Did you mean 'ganzoo/skip'?" in result.out
    assert "mine.yaml:7" in result.out
    assert "Did you mean 'batch'?" in result.out
    assert "mine.yaml:8" in result.out
    assert "Traceback" not in result.err


def test_problems_as_json(ganzoo, tmp_path):
    write(tmp_path, child("training: {bach: 4}\n"))
    result = ganzoo("check", "--json", "mine.yaml", "quickstart")
    assert result.code == 2
    bad, good = json.loads(result.out)
    assert (bad["ok"], good["ok"]) == (False, True)
    assert bad["problems"][0]["path"] == "training"
    assert bad["problems"][0]["where"].endswith("mine.yaml:3")
    assert len(good["hash"]) == 12


BAD = {
    "empty": ("", "empty"),
    "a list": ("- 1\n- 2\n", "mapping"),
    "a word": ("hello\n", "mapping"),
    "no version": ("about: x\n", "ganzoo"),
    "newer version": ("ganzoo: 2\n", "newer"),
    "broken yaml": ("ganzoo: 1\ntask: {use: [\n", "mine.yaml"),
    "a repeated key": (child("training: {batch: 4}\ntraining: {batch: 8}\n"), "training"),
    "extends itself": ("ganzoo: 1\nextends: mine.yaml\n", "circ"),
    "extends nothing": ("ganzoo: 1\nextends: nowhere.yaml\n", "nowhere.yaml"),
    "a wrong type": (child("training: {batch: many}\n"), "int"),
    "not a mapping": (child("training: 3\n"), "mine.yaml:3"),
    "a missing plugin": (
        child("task: {generator: {block: acme/local-attention}}\n"),
        "acme/local-attention",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_recipe_is_one_message_and_no_run(ganzoo, tmp_path, case):
    text, expected = BAD[case]
    write(tmp_path, text)
    result = ganzoo("run", "mine.yaml")
    assert result.code == 2
    assert "mine.yaml" in result.one_message
    assert expected in result.err
    assert not (tmp_path / "runs").exists()


def test_a_recipe_that_is_not_there_gets_its_neighbour_named(ganzoo):
    result = ganzoo("run", "qickstart.yaml")
    assert result.code == 2
    assert "there is no such recipe file" in result.one_message
    assert "Did you mean 'quickstart'?" in result.err


@pytest.mark.parametrize("command", ["run", "show"])
def test_a_name_that_no_disk_takes_is_no_recipe_either(in_process, command):
    result = in_process(command, "a" * 5000)
    assert result.code == 2
    assert "there is no such recipe file" in result.one_message


def test_a_folder_that_is_no_run_is_refused(ganzoo, tmp_path):
    (tmp_path / "pictures").mkdir()
    result = ganzoo("check", "pictures")
    assert result.code == 2
    assert "no recipe.yaml" in result.out


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("training.bach=4", "Did you mean 'batch'?"),
        ("training.batch=many", "training.batch"),
        ("task.generator.block=ganzoo/skips", "Did you mean 'ganzoo/skip'?"),
    ],
)
def test_a_bad_override_is_one_message(ganzoo, override, expected):
    result = ganzoo("run", "quickstart", override)
    assert result.code == 2
    assert expected in result.one_message
    assert "override" in result.err


def test_a_recipe_needing_a_failed_plugin_says_why_it_failed(ganzoo, tmp_path):
    (tmp_path / "acme_blocks").mkdir()
    (tmp_path / "acme_blocks" / "__init__.py").write_text("import a_module_that_nobody_has\n")
    write(tmp_path, child("task: {generator: {block: acme/local-attention}}\n"))
    result = ganzoo("check", "mine.yaml", "-p", "acme=./acme_blocks")
    assert result.code == 2
    assert "No module named 'a_module_that_nobody_has'" in result.out
    assert "ganzoo plugins acme" in result.out


def test_showing_what_was_shown_changes_nothing(ganzoo, tmp_path):
    first = ganzoo("show", "stylegan2-e")
    assert first.code == 0
    write(tmp_path, first.out, "stylegan2-e.yaml")
    again = ganzoo("show", "stylegan2-e.yaml")
    assert again.out == first.out


def test_overrides_are_shown_with_their_origin(ganzoo):
    result = ganzoo("show", "stylegan2-e", "training.batch=16", "--origin")
    assert result.code == 0
    rows = {line.split(":")[0].strip(): line for line in result.out.splitlines() if "#" in line}
    assert "16" in rows["batch"]
    assert "override training.batch=16" in rows["batch"]
    assert "stylegan2-e.yaml:" in rows["channels_base"]
    assert "stylegan2-f.yaml:" in rows["style_mixing"]


def test_the_hash_ignores_what_is_only_watched(ganzoo):
    shown = [
        json.loads(ganzoo("show", "quickstart", *words, "--json").out)["hash"]
        for words in ([], ["watch.every_images=7"], ["training.batch=16"])
    ]
    assert shown[0] == shown[1]
    assert shown[0] != shown[2]


def test_diff_lists_the_paths_that_differ(ganzoo):
    result = ganzoo("diff", "stylegan2-f", "stylegan2-e")
    assert result.code == 0
    rows = [line.split() for line in result.out.splitlines()]
    assert ["task.generator.channels_base", "32768", "16384"] in rows
    assert ["task.regularizers.r1.weight", "10.0", "100.0"] in rows
    assert not any(row[0] == "training.batch" for row in rows)


def test_diff_as_json_and_of_equal_recipes(ganzoo):
    found = json.loads(ganzoo("diff", "--json", "stylegan2-f", "stylegan2-e").out)
    paths = {entry["path"] for entry in found["differences"]}
    assert "task.discriminator.channels_base" in paths
    assert "No differences" in ganzoo("diff", "quickstart", "quickstart").out
