"""Auxiliary classifier: the discriminator also tells the class (AC-GAN, Odena et al. 2017)."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from ganzoo.errors import BadValue
from ganzoo.nn.shapes import expect_shape
from ganzoo.registry.contracts import Moment

__all__ = ["AuxiliaryClassifier"]


class AuxiliaryClassifier(nn.Module):
    """Cross-entropy of the head's class logits with the label, as in ProGAN's code, weight 1.

    The generator's part is that of its fakes, ``CE(C(fake), label)``; the discriminator's is the
    sum for fakes and reals. A recipe names it once for each network. Both networks want the classes
    told right; the label plays no part in the score.

    It needs a head that gives ``classes`` [n, K] beside the score, and labels in the data.

    Args:
        network: which network's part it is.
    """

    reads_outputs = ("classes",)
    trains: str

    def __init__(
        self,
        site: None = None,
        *,
        network: Literal["generator", "discriminator"] = "discriminator",
    ) -> None:
        super().__init__()
        del site
        self.trains = network

    def forward(self, moment: Moment) -> Tensor:
        """[n] cross-entropies in nats.

        Raises:
            BadValue: the head gives no classes, or the data has no labels.
        """
        fake = moment.fake()
        if self.trains == "generator":
            loss, _ = _told(moment, fake.image, fake.label)
        else:
            real = moment["image"]
            if real is None:
                raise ValueError(
                    "a classifier learns from real images; this task's data has no field 'image'"
                )
            of_fakes, _ = _told(moment, fake.image.detach(), fake.label)
            of_reals, right = _told(moment, real, moment["label"])
            loss = of_fakes + of_reals
            moment.observe("class_accuracy", right)
        moment.observe(f"{self.trains}_class_loss", loss)
        return loss


def _told(moment: Moment, image: Tensor, label: Tensor | None) -> tuple[Tensor, Tensor]:
    """[n] cross-entropies, and [n] whether the largest logit is the label's."""
    if label is None:
        raise BadValue(
            "ganzoo/auxiliary-classifier needs labels, and this run has none. Train on data with"
            " classes and data.labels=class, or remove the regularizer"
        )
    outputs = moment.outputs(image, label)
    if "classes" not in outputs:
        raise BadValue(
            "ganzoo/auxiliary-classifier needs the logits of the classes, and the discriminator's"
            f" head gives {', '.join(outputs)} alone. Write head: {{label: auxiliary}} in the"
            " discriminator, or remove the regularizer"
        )
    classes = outputs["classes"]
    expect_shape("classes", classes, (len(label), label.shape[1]))
    loss = F.cross_entropy(classes, label.to(classes), reduction="none")
    return loss, (classes.argmax(dim=1) == label.argmax(dim=1)).to(classes)
