"""One registry: a plugin is all or nothing, and a name that is missing says why."""

from __future__ import annotations

import types

import pytest

import ganzoo
from ganzoo import Component, hookimpl
from ganzoo.errors import (
    ContractError,
    NameClash,
    PluginLoadError,
    UnknownComponent,
    UsageError,
)
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.kinds import KINDS
from ganzoo.registry.suggest import did_you_mean


def component(name: str = "plain", **changes) -> Component:
    given = {
        "kind": "generator_block",
        "target": "ganzoo.plugins.generator_block.skip:SkipGeneratorBlock",
        "summary": "For a test.",
    }
    return Component(name=name, **{**given, **changes})


class Plugin:
    """A plugin that yields what it is given, or raises it."""

    def __init__(self, *answer: object) -> None:
        self.answer = answer

    @hookimpl
    def ganzoo_components(self):
        for item in self.answer:
            if isinstance(item, BaseException):
                raise item
            yield item


@pytest.fixture
def registry() -> Registry:
    return Registry()


def refused(registry: Registry, *answer: object, vendor: str = "acme") -> str:
    record = registry.register(vendor, Plugin(*answer))
    assert record.state == "failed"
    assert registry.failures == (record,)
    assert registry.components() == ()
    return str(record.error)


def missing(registry: Registry, kind: str, name: str) -> str:
    with pytest.raises(UnknownComponent) as caught:
        registry.find(kind, name)
    return str(caught.value)


def test_a_new_registry_is_empty(registry):
    assert (registry.components(), registry.plugins, registry.failures) == ((), (), ())


def test_the_registry_writes_the_vendor_in_front_of_a_bare_name(registry):
    record = registry.register("acme", Plugin(component("plain")), "acme-blocks", "0.3")
    found = registry.find("generator_block", "acme/plain")
    assert found == component("acme/plain")
    assert record.components == (found,)
    assert registry.distribution_of(found) == "acme-blocks 0.3"


def test_a_name_that_carries_its_own_vendor_stays(registry):
    registry.register("acme", Plugin(component("acme/plain")))
    assert registry.find("generator_block", "acme/plain").vendor == "acme"


def test_components_are_sorted_and_can_be_asked_by_kind(registry):
    registry.register("zoo", Plugin(component("a"), component("l", kind="loss")))
    registry.register("acme", Plugin(component("b")))
    assert [found.name for found in registry.components()] == ["acme/b", "zoo/a", "zoo/l"]
    assert [found.name for found in registry.components("loss")] == ["zoo/l"]


def test_one_name_may_serve_two_kinds(registry):
    registry.register("acme", Plugin(component("x"), component("x", kind="discriminator_block")))
    assert registry.find("discriminator_block", "acme/x").kind == "discriminator_block"


def test_a_hook_that_raises_takes_nobody_with_it(registry):
    registry.register("bad", Plugin(component("half"), ValueError("no luck")))
    registry.register("good", Plugin(component("whole")))
    assert [found.name for found in registry.components()] == ["good/whole"]
    (failure,) = registry.failures
    assert isinstance(failure.error, PluginLoadError)
    assert str(failure.error).startswith("ValueError: no luck")
    assert isinstance(failure.error.__cause__, ValueError)


def test_a_plugin_that_leaves_the_process_does_not(registry):
    assert refused(registry, SystemExit(3)).startswith("SystemExit: 3")


def test_another_vendors_name_is_refused(registry):
    text = refused(registry, component("ganzoo/skip"))
    assert "'ganzoo/skip' carries another vendor's name; this plugin is 'acme'" in text


def test_two_components_of_one_name_are_refused_by_name(registry):
    text = refused(registry, component("x"), component("acme/x", target="a.b:C"))
    assert "two components of the kind generator_block are named 'acme/x'" in text
    assert "a.b:C" in text


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"kind": "generator_blocks"},
            "no kind 'generator_blocks'. Did you mean 'generator_block'",
        ),
        ({"kind": "zebra"}, "no kind 'zebra'. Kinds: task, network"),
        ({"contract": 2}, "contract 2 of the kind generator_block; this ganzoo knows 1. Upgrade"),
        ({"contract": 0}, "contract is 0, not a version number"),
        ({"target": "somewhere"}, "target is 'somewhere', not 'package.module:Class'"),
        ({"summary": " "}, "acme/plain: summary is empty"),
    ],
)
def test_a_malformed_component_is_refused_with_a_sentence(registry, changes, expected):
    assert expected in refused(registry, component(**changes))


@pytest.mark.parametrize("name", ["Plain", "local_attention", "a/b/c", "", "acme/", "-x"])
def test_a_name_is_lower_case_words_joined_by_hyphens(registry, name):
    assert "cannot be a component's name" in refused(registry, component(name))


def test_a_vendor_is_named_like_a_component(registry):
    text = refused(registry, component(), vendor="Acme_Inc")
    assert text.startswith("'Acme_Inc' cannot be a vendor's name")


def test_only_components_may_be_yielded(registry):
    assert "yielded 'skip'; it may only yield Component(...)" in refused(registry, "skip")


def test_a_hook_that_returns_nothing_is_refused(registry):
    class Forgetful:
        @hookimpl
        def ganzoo_components(self):
            """Forgot to return."""

    error = registry.register("acme", Forgetful()).error
    assert "returned None, not components" in str(error)


def test_a_misspelt_hook_is_refused(registry):
    class Misspelt:
        @hookimpl
        def ganzoo_component(self):
            return ()

    error = registry.register("acme", Misspelt()).error
    assert "unknown hook 'ganzoo_component'" in str(error)
    assert registry.register("other", Plugin()).state == "loaded"


def test_a_hook_with_arguments_that_nobody_gives_is_refused(registry):
    class Demanding:
        @hookimpl
        def ganzoo_components(self, registry):
            return ()

    error = registry.register("acme", Demanding()).error
    assert "registry" in str(error)
    assert registry.register("other", Plugin()).state == "loaded"


def test_a_hook_around_other_plugins_is_refused(registry):
    class Wrapper:
        @hookimpl(wrapper=True)
        def ganzoo_components(self):
            return (yield)

    error = registry.register("acme", Wrapper()).error
    assert "a plugin speaks for itself only" in str(error)


def test_a_plugin_without_the_hook_is_told_what_to_write(registry):
    module = types.ModuleType("acme_blocks")
    module.ganzoo_components = lambda: ()  # without the decorator
    error = registry.register("acme", module).error
    assert "acme_blocks implements no hook" in str(error)
    assert "@ganzoo.hookimpl" in str(error)


def test_one_plugin_cannot_serve_two_vendors(registry):
    plugin = Plugin()
    registry.register("acme", plugin)
    error = registry.register("other", plugin).error
    assert "already serves as the vendor 'acme'" in str(error)


def test_a_vendor_is_registered_once(registry):
    registry.register("acme", Plugin(), "acme-blocks", "0.3")
    with pytest.raises(NameClash, match=r"'acme' is already acme-blocks 0\.3"):
        registry.register("acme", Plugin())


def test_a_misspelt_name_gets_its_neighbour_and_all_that_is_installed(registry):
    names = ("skip", "original", "residual")
    registry.register("ganzoo", Plugin(*map(component, names)))
    assert missing(registry, "generator_block", "ganzoo/skips") == (
        "no generator_block is named 'ganzoo/skips'.\n"
        "  Did you mean 'ganzoo/skip'?  Installed: ganzoo/original, ganzoo/residual, ganzoo/skip"
    )


def test_a_name_far_from_all_gets_no_guess(registry):
    registry.register("ganzoo", Plugin(component("skip")))
    assert missing(registry, "generator_block", "ganzoo/quantum") == (
        "no generator_block is named 'ganzoo/quantum'.\n  Installed: ganzoo/skip"
    )


def test_a_name_of_another_kind_is_told_apart(registry):
    registry.register("ganzoo", Plugin(component("skip"), component("r1", kind="regularizer")))
    text = missing(registry, "generator_block", "ganzoo/r1")
    assert "'ganzoo/r1' is a regularizer." in text


def test_a_name_without_a_vendor_is_told_to_have_one(registry):
    registry.register("ganzoo", Plugin(component("skip")))
    text = missing(registry, "generator_block", "skip")
    assert "Names are written vendor/name." in text
    assert "Did you mean 'ganzoo/skip'?" in text


def test_a_vendor_that_is_not_installed_is_named_with_those_that_are(registry):
    registry.register("ganzoo", Plugin(component("skip")))
    text = missing(registry, "generator_block", "acme/local-attention")
    assert text.startswith("needs the plugin 'acme' for 'acme/local-attention'")
    assert "which is not installed" in text
    assert "Plugins: ganzoo." in text


def test_a_misspelt_vendor_gets_its_neighbour(registry):
    registry.register("ganzoo", Plugin(component("skip")))
    assert "Did you mean 'ganzoo/skip'?" in missing(registry, "generator_block", "ganzo/skip")


def test_a_vendor_that_failed_says_why_and_what_to_do(registry):
    registry.register("acme", Plugin(ImportError("No module named 'einops'")), "acme-blocks", "0.3")
    text = missing(registry, "generator_block", "acme/local-attention")
    assert text.startswith(
        "needs the plugin 'acme', which failed to load:\n  No module named 'einops'"
    )
    assert text.endswith("Reinstall acme-blocks, or see: ganzoo plugins acme")


def test_a_vendor_that_is_disabled_says_so(registry):
    registry.disable("acme", "acme_blocks")
    text = missing(registry, "generator_block", "acme/local-attention")
    assert text.startswith("needs the plugin 'acme', which is disabled.")
    assert "GANZOO_DISABLE" in text


def test_an_unknown_kind_gets_its_neighbour(registry):
    assert missing(registry, "generator-blok", "ganzoo/skip") == (
        f"there is no kind 'generator-blok'.\n"
        f"  Did you mean 'generator_block'?  Kinds: {', '.join(KINDS)}"
    )


def test_the_command_line_may_leave_the_vendor_out_where_one_has_the_name(registry):
    registry.register("ganzoo", Plugin(component("skip")))
    registry.register("acme", Plugin(component("wide"), component("skip", kind="loss")))
    assert registry.find_short("generator_block", "skip").name == "ganzoo/skip"
    assert registry.find_short("generator_block", "acme/wide").name == "acme/wide"
    with pytest.raises(UnknownComponent, match="Did you mean 'ganzoo/skip'"):
        registry.find_short("generator_block", "skips")


def test_a_short_name_that_two_vendors_have_is_asked_for_in_full(registry):
    registry.register("ganzoo", Plugin(component("skip")))
    registry.register("acme", Plugin(component("skip")))
    with pytest.raises(UsageError, match=r"in full: acme/skip, ganzoo/skip"):
        registry.find_short("generator_block", "skip")


def test_load_imports_the_class(registry):
    registry.register("acme", Plugin(component(target="fractions:Fraction")))
    loaded = registry.load(registry.find("generator_block", "acme/plain"))
    assert loaded.__name__ == "Fraction"


@pytest.mark.parametrize("target", ["fractions:Fractions", "fractions:gcd"])
def test_load_of_what_is_no_class_is_a_broken_contract(registry, target):
    registry.register("acme", Plugin(component(target=target)), "acme-blocks", "0.3")
    with pytest.raises(ContractError, match="fractions has no class") as caught:
        registry.load(registry.find("generator_block", "acme/plain"))
    assert (caught.value.vendor, caught.value.distribution) == ("acme", "acme-blocks")


def test_load_of_what_cannot_be_imported_says_why_and_what_to_do(registry):
    registry.register("acme", Plugin(component(target="no_such_module:X")), "acme-blocks", "0.3")
    with pytest.raises(PluginLoadError) as caught:
        registry.load(registry.find("generator_block", "acme/plain"))
    assert str(caught.value) == (
        "generator_block acme/plain cannot be imported:\n"
        "  No module named 'no_such_module'. Reinstall acme-blocks, or see: ganzoo plugins acme"
    )


def test_the_public_names_are_what_a_plugin_imports():
    assert {"Component", "components_in", "hookimpl", "load"} <= set(ganzoo.__all__)


@pytest.mark.parametrize(
    ("word", "candidates", "expected"),
    [
        ("head", ("heads", "inner"), "heads"),
        ("Weight-Decay", ("weight_decay",), "weight_decay"),
        ("skip", ("ganzoo/skip", "ganzoo/original"), "ganzoo/skip"),
        ("ganzoo/skips", ("ganzoo/skip", "ganzoo/original"), "ganzoo/skip"),
        ("ganzoo/zzz", ("ganzoo/mlp", "ganzoo/identity"), None),
        ("anything", (), None),
    ],
)
def test_the_nearest_word_is_suggested_and_only_a_near_one(word, candidates, expected):
    assert did_you_mean(word, candidates) == expected
