"""The kit finds the fault of each faulty component by the check that is there for it."""

from __future__ import annotations

import re

import pytest
import torch

from ganzoo import Component, hookimpl
from ganzoo.errors import UnknownComponent
from ganzoo.registry.catalogue import Registry
from ganzoo.testing import CheckFailure, checks_for, every_kind, gap_lines

FAULTS = [
    ("generator_block", "DetachedStyle", "gradient_equals_finite_difference", "detached"),
    ("generator_block", "MixesBatch", "samples_are_independent", "changing sample 0 changes"),
    ("generator_block", "SaysItMixes", "samples_are_independent", "Remove the line"),
    ("generator_block", "DifferentiatesOnce", "differentiates_twice", "the second derivative"),
    ("generator_block", "DistanceBlock", "differentiates_twice", "cannot be differentiated twice"),
    ("generator_block", "DetachedBackward", "differentiates_twice", "the second derivative"),
    ("generator_block", "OnlyFloat32", "runs_in_both_float_types", "output of torch.float32"),
    ("generator_block", "ForgetsBuffer", "state_round_trips", "no persistent buffer"),
    ("generator_block", "DrawsGlobally", "forward_leaves_global_state", "global generator"),
    ("generator_block", "DrawsGlobally", "is_deterministic", "another output"),
    ("generator_block", "TooSmall", "gives_promised_shapes", r"\[4, 3, 4, 4\]; promised"),
    ("generator_block", "OnlyFeatures", "gives_promised_shapes", r"\(x, image\)"),
    ("generator_block", "TakesAnything", "schema_is_readable", r"\*\*kwargs is not allowed"),
    ("generator_block", "IdleParameter", "every_parameter_receives_gradient", "reaches idle"),
    ("generator_block", "HeldByFunction", "copies_are_independent", "held by a function"),
    ("generator_block", "ChangesInput", "keeps_its_inputs", "input 0 is another"),
    ("generator_block", "DeafToNoise", "honours_noise", "map for layer 0 changes nothing"),
    ("generator_block", "SeedsNumpy", "construction_leaves_global_state", "numpy's global"),
    ("generator_block", "ReadsFile", "construction_does_no_io", r"os\.listdir"),
    ("generator_block", "DrawsTooMuch", "construction_is_deterministic", "'gain' differs"),
    ("generator_block", "ComputedDefault", "signature_agrees_with_schema", "but the file says 3"),
    ("generator_block", "SeedingBlock", "import_leaves_global_state", "torch's global generator"),
    ("generator_block", "ClosedGap", "differentiates_twice", "passes, but known_gaps says"),
    ("generator_block", "UnknownGap", "known_gaps_name_checks", "differentiates_thrice"),
    ("generator_block", "Missing", "constructs_from_defaults", "defines no class"),
    ("normalization", "LyingNormalization", "reads_style_says_the_truth", "is False, but"),
    ("normalization", "LyingNormalization", "an_output_layer_is_linear", "not linear"),
    ("normalization", "LyingNormalization", "honours_noise", "changes nothing"),
    ("stem", "BatchNormStem", "samples_are_independent", "changing sample 0"),
    ("stem", "BatchNormStem", "gives_promised_shapes", "Expected more than 1 value"),
    ("head", "WideHead", "gives_promised_shapes", r"\[4, 1\]; promised is \[4\]"),
    ("head", "ScorelessHead", "gives_promised_shapes", "by name with 'score' among them"),
    ("loss", "AveragingLoss", "gives_one_value_a_sample", r"shape \[\] for 5 logits"),
    ("loss", "SaturatingLoss", "generator_wants_higher_scores", "saturates"),
    ("loss", "BoastfulLoss", "generator_wants_higher_scores", "saturates is True, but"),
    ("loss", "CentringLoss", "samples_are_independent", "logit of sample 0"),
    ("loss", "CentringLoss", "gradient_equals_finite_difference", "finite differences say"),
    ("loss", "UndecidedLoss", "says_whether_it_compares_pairs", "'no', not a truth value"),
    ("loss", "SwappedLoss", "discriminator_wants_to_tell_apart", "does not raise the loss"),
    ("loss", "OverflowingLoss", "stays_finite", "not finite for logits of 100"),
    ("regularizer", "PlainRegularizer", "is_a_module", "is no nn.Module"),
    ("regularizer", "AimlessRegularizer", "trains_a_network", "trains is 'critic'"),
    ("regularizer", "DrawnRegularizer", "is_deterministic", "another penalty the second time"),
    ("regularizer", "ForgetfulRegularizer", "state_round_trips", "no buffer"),
    ("regularizer", "CutRegularizer", "trains_through_second_derivatives", "no gradient reaches"),
    ("regularizer", "LeakyRegularizer", "leaves_the_generator_to_itself", "detach the fakes"),
    ("regularizer", "SharpRegularizer", "stays_finite_where_a_network_is_flat", "square root"),
    ("regularizer", "LonelyRegularizer", "gives_penalties", "batch of 1 leaves .* 'deviation'"),
    ("regularizer", "LonelyRegularizer", "names_the_outputs_it_reads", "colours"),
    ("dataset", "MisnamedDataset", "describes_itself", "3 names for a label_width of 2"),
    ("dataset", "UnstableDataset", "fingerprint_is_stable", "of the same content"),
    ("dataset", "RandomDataset", "items_are_deterministic", "numpy's global generator"),
    ("dataset", "MislabelledDataset", "labels_agree_with_items", "is not the label of item"),
    ("dataset", "FloatDataset", "gives_declared_fields", "image is float32"),
    ("dataset", "HeldDataset", "pickles", "cannot be pickled"),
    ("dataset", "DeafDataset", "honours_its_site", r"\(12, 8\) became \(8, 8\)"),
    ("growth", "TallGrowth", "gives_states_its_networks_have", "top level 0 says level 1"),
    ("growth", "StartingOver", "never_shrinks", "falls from"),
    ("growth", "CountingGrowth", "is_a_function_of_the_images", "the order in which"),
    ("growth", "EndlessFade", "reaches_the_top", "after 10\\^12 images"),
    ("task", "MeddlingTask", "phases_change_only_what_they_train", "does not train"),
    ("task", "MeddlingTask", "samples_images", "other samples"),
    ("metric", "LastBatchMetric", "order_does_not_matter", "in reverse"),
    ("metric", "ForgetfulMerge", "merging_shards_equals_one_pass", "merged after batch"),
    ("metric", "SharingMerge", "merging_leaves_the_other_alone", "merged into another"),
    ("metric", "SpendingMetric", "asking_changes_nothing", "in the middle"),
    ("metric", "HopefulMetric", "says_when_there_are_too_few", "a DataError is promised"),
    ("metric", "WordyMetric", "gives_numbers_by_name", "a finite float under a name"),
    ("metric", "DrawingMetric", "leaves_global_state", "torch's global generator"),
    ("metric", "SilentMetric", "describes_itself", "not one line"),
    ("feature_extractor", "CentredColour", "pictures_are_independent", "than in a batch"),
    ("feature_extractor", "DrawnColour", "is_the_same_wherever_it_is_built", "another seed"),
    ("feature_extractor", "NamelessColour", "names_itself", "version is ''"),
    ("feature_extractor", "DarkeningColour", "changes_nothing", "changes the pictures"),
    ("feature_extractor", "BlindColour", "tells_pictures_apart", "have the same features"),
    ("feature_extractor", "PixelFeatures", "gives_rows_of_one_width", "one is promised"),
]
SOUND = [
    ("generator_block", "SoundBlock"),
    ("dataset", "DotsDataset"),
    ("metric", "MeanBrightness"),
    ("feature_extractor", "MeanColour"),
]
# the kinds whose checks all stand in their own modules; parts of networks share most of theirs
OWN_CHECKS = ("loss", "regularizer", "growth", "dataset", "feature_extractor", "metric")
PARTS = ("generator_block", "normalization", "stem", "head")
MODULE_OF = {
    **dict.fromkeys(PARTS, "faulty_parts"),
    **dict.fromkeys(("metric", "feature_extractor"), "faulty_metrics"),
}
MODULES = {"SeedingBlock": "faulty_import"}


def name_of(cls):
    return "acme/" + re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls).lower()


class Plugin:
    """A plugin that offers some of these classes."""

    def __init__(self, wanted):
        self.wanted = wanted

    @hookimpl
    def ganzoo_components(self):
        """Each of them by hand."""
        for kind, cls in sorted(self.wanted):
            usual = MODULE_OF.get(kind, "faulty_others")
            target = f"{MODULES.get(cls, usual)}:{cls}"
            yield Component(kind=kind, name=name_of(cls), target=target, summary="For the kit.")


def registry_with(wanted):
    registry = Registry()
    registry.register("ganzoo", "ganzoo.plugins")
    registry.register("acme", Plugin(wanted))
    assert not registry.failures
    return registry


@pytest.fixture(scope="module")
def registry():
    gaps = {("generator_block", "OpenGap"), ("generator_block", "SoundBlock")}
    return registry_with({(kind, cls) for kind, cls, *_ in FAULTS} | gaps)


def check_of(registry, kind, cls, name):
    (found,) = [check for check in checks_for(kind, name_of(cls), registry) if check.name == name]
    return found


@pytest.mark.parametrize(("kind", "cls", "name", "text"), FAULTS)
def test_the_check_for_it_finds_the_fault(registry, kind, cls, name, text):
    with pytest.raises(CheckFailure, match=text) as caught:
        check_of(registry, kind, cls, name)()
    assert str(caught.value).startswith(f"{kind}/{name_of(cls)}: {name}: ")
    assert "\n" not in str(caught.value) or cls == "Missing"


@pytest.mark.parametrize("kind", OWN_CHECKS)
def test_every_check_of_a_kinds_own_module_finds_a_fault(kind):
    (component, *_) = registry_with(()).components(kind)
    common = {check.__name__ for check in every_kind.checks(None)}
    names = [check.name for check in checks_for(kind, component.name)]
    found = {name for of, _, name, _ in FAULTS if of == kind}
    assert [name for name in names if name not in common | found] == []


@pytest.mark.parametrize(("kind", "cls"), SOUND)
def test_a_sound_component_of_a_stranger_passes_every_check(kind, cls):
    for check in checks_for(kind, name_of(cls), registry_with(SOUND)):
        check()


def test_a_known_gap_fails_in_silence_and_is_listed(registry):
    checks = checks_for("generator_block", "acme/open-gap", registry)
    (gap,) = [check for check in checks if check.name == "differentiates_twice"]
    gap()
    assert gap_lines(checks) == [
        "generator_block/acme/open-gap: differentiates_twice: the kernel has no second derivative"
        " yet"
    ]


def test_a_check_leaves_torchs_generator_as_it_was(registry):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    check_of(registry, "generator_block", "SoundBlock", "gives_promised_shapes")()
    assert torch.equal(before, torch.get_rng_state())


def test_an_unknown_component_is_named_with_what_there_is(registry):
    with pytest.raises(UnknownComponent, match="acme/sound-block"):
        checks_for("generator_block", "acme/sound-blocks", registry)


def test_a_data_set_may_be_given_its_own_path(registry, tmp_path):
    checks = checks_for("dataset", "ganzoo/image-folder", registry, path=tmp_path)
    (check,) = [check for check in checks if check.name == "describes_itself"]
    with pytest.raises(CheckFailure, match=re.escape(str(tmp_path))):
        check()
