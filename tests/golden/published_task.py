"""The adversarial task around two given networks, as the published training sets it up."""

from __future__ import annotations

from ganzoo.plugins.loss.logistic import LogisticLoss
from ganzoo.plugins.regularizer.path_length import PathLength
from ganzoo.plugins.regularizer.r1 import R1
from ganzoo.plugins.task.adversarial import AdversarialTask
from ganzoo.registry.contracts import TaskSite


class Bound:
    """A factory with settings, as assembly makes them from a recipe."""

    def __init__(self, make, component="test", **settings):
        self.make, self.component, self.settings = make, component, settings

    def __call__(self, *site):
        return self.make(*site)


def published_task(generator, discriminator, hyper, *, path_every, r1_every):
    """StyleGAN2's phases with the published coefficients of a golden file's ``hp``."""

    def path(site):
        made = PathLength(
            site, decay=hyper["pl_decay"], batch_fraction=1 / hyper["pl_batch_shrink"]
        ).double()
        made.mean.value.fill_(hyper["pl_mean"])
        return made

    return AdversarialTask(
        TaskSite(
            resolution=generator.resolution,
            channels=generator.channels,
            label_width=generator.label_width,
        ),
        generator=Bound(lambda site: generator),
        discriminator=Bound(lambda site: discriminator),
        loss=Bound(LogisticLoss),
        regularizers={
            "path": Bound(path, weight=hyper["pl_weight"], every=path_every),
            # the published gamma stands before half the squared gradient, and so does our weight
            "r1": Bound(R1, weight=hyper["r1_gamma"], every=r1_every),
        },
    )
