"""One generator against one discriminator: a loss, and regularizers that may be lazy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ganzoo.errors import BadValue
from ganzoo.nn.growing import enlarge, fade_real, shrink
from ganzoo.nn.latents import latents_from_seeds
from ganzoo.nn.noise import FreshNoise, GivenNoise, NoNoise
from ganzoo.nn.pyramid import num_doublings, show, size_at
from ganzoo.registry.contracts import (
    Factory,
    Fake,
    Growth,
    GrowthSite,
    GrowthState,
    Loss,
    Moment,
    Network,
    NetworkSite,
    Noise,
    Pace,
    Phase,
    Regularizer,
    SampleRequest,
    Share,
    Stage,
    TaskSite,
)

__all__ = ["AdversarialTask"]

MAIN_TERM = "adversarial"
MOST_IMAGES = 10**12  # that a growth is looked through for
PROBES = 1000  # places of the budget at which the sizes of batches are looked at

Terms = Callable[[Moment], Mapping[str, Tensor]]


class AdversarialTask:
    """The phases of StyleGAN2 and its forebears, from a loss and named regularizers.

    In the published order: the generator's loss, its lazy regularizers, then the discriminator's.
    A regularizer with ``every: 1`` is a term of its network's main phase.

    Growing networks work at their present size. The published ones take and give full-size images
    all the time, their pixels repeated, which is the same function but for gradients with respect
    to an image: see ``Moment.enlargement``. Their real images were rounded to whole grey levels at
    every size; ours are box means.

    Args:
        generator: network that makes images from styles.
        discriminator: network that scores images.
        loss: of both.
        regularizers: by name; each slot may give ``weight`` and ``every``.
        style_mixing: probability that a share's styles come from two latents (StyleGAN, 3.1).
        order: which network steps first; ProGAN and StyleGAN step the discriminator first.
        base: height and width of the smallest grid; image size is base x 2^k.
        growth: from images shown to size; none: both networks have their full size at once.
    """

    averages = ("generator",)

    def __init__(
        self,
        site: TaskSite,
        *,
        generator: Factory[Network],
        discriminator: Factory[Network],
        loss: Factory[Loss],
        regularizers: Mapping[str, Factory[Regularizer]] = {},
        style_mixing: float = 0.9,
        order: tuple[Literal["generator", "discriminator"], ...] = ("generator", "discriminator"),
        base: tuple[int, int] = (4, 4),
        growth: Factory[Growth] | None = None,
    ) -> None:
        if sorted(order) != ["discriminator", "generator"]:
            raise BadValue(f"order names each network once, not {list(order)!r}", path="order")
        if not 0 <= style_mixing <= 1:
            raise BadValue(
                f"style_mixing is a probability, not {style_mixing!r}", path="style_mixing"
            )
        network_site = NetworkSite(
            resolution=site.resolution,
            base=base,
            channels=site.channels,
            label_width=site.label_width,
            grows=growth is not None,
            precision=site.precision,
        )
        self.networks: dict[str, Any] = {
            "generator": generator(network_site),
            "discriminator": discriminator(network_site),
        }
        self.growth = None
        self.base, self.top = base, 0  # doublings; only networks that grow are asked for them
        if growth is not None:
            self._check_networks_grow()
            self.top = num_doublings(site.resolution, base)
            self.growth = growth(GrowthSite(top=self.top, base=base))
            self._check_growth_ends(site.images)
        self.loss = loss(None)
        # by name, so that the order in which a recipe writes them changes nothing
        self.regularizers = {name: make(None) for name, make in sorted(regularizers.items())}
        self.settings = {name: make.settings for name, make in regularizers.items()}
        self._check_regularizers()
        self._check_outputs()
        self._check_batches(site)
        self.state = nn.ModuleDict(
            {
                f"{name} regularizer": regularizer
                for name, regularizer in self.regularizers.items()
                if isinstance(regularizer, nn.Module)
            }
        )
        self.style_mixing = style_mixing
        self.order = order

    def _check_regularizers(self) -> None:
        for name, regularizer in self.regularizers.items():
            if name == MAIN_TERM or not name.replace("-", "_").isidentifier():
                raise BadValue(
                    f"{name!r} cannot name a regularizer: expected a word of letters, digits and"
                    f" underscores other than {MAIN_TERM!r}, which is the loss itself",
                    path="regularizers",
                )
            if regularizer.trains not in self.networks:
                raise BadValue(
                    f"it trains {regularizer.trains!r}; this task has {sorted(self.networks)}",
                    path=f"regularizers.{name}",
                )

    def _check_outputs(self) -> None:
        """What the discriminator says beside its score is read, and what is read it says."""
        gives = getattr(self.networks["discriminator"], "gives", None)
        if gives is None:
            return
        unread = set(gives) - {"score"}
        for name, regularizer in self.regularizers.items():
            reads = getattr(regularizer, "reads_outputs", ())
            missing = sorted(set(reads) - set(gives))
            if missing:
                raise BadValue(
                    f"it reads {', '.join(missing)}, but the discriminator gives"
                    f" {', '.join(gives)} only. Classes come from head: {{label: auxiliary}} and"
                    " data with labels",
                    path=f"regularizers.{name}",
                )
            unread -= set(reads)
        if unread:
            raise BadValue(
                f"it also gives {', '.join(sorted(unread))}, which nothing learns from. Add a"
                " regularizer that reads it (ganzoo/auxiliary-classifier, once for each network),"
                " or choose another label of the head",
                path="discriminator",
            )

    def _check_batches(self, site: TaskSite) -> None:
        """Every share that training will cut can be taken by the discriminator."""
        check = getattr(self.networks["discriminator"], "check_batch", None)
        if check is None or site.batch is None:
            return
        last = site.images or 0
        paces = {self.growth_at(last * step // PROBES) for step in range(PROBES + 1)}
        for state in sorted(paces, key=lambda state: (state.level, state.fade)):
            batch = site.batch if state.batch is None else state.batch
            parts = math.ceil(batch / (site.micro_batch or batch))
            for size in {len(range(part, batch, parts)) for part in range(parts)}:
                try:
                    check(size)
                except BadValue as error:
                    cut = f", training.micro_batch {site.micro_batch}" if parts > 1 else ""
                    where = "" if state.batch is None else f" at {self._shown_size(state)}"
                    raise BadValue(
                        f"{error.message} (batch {batch}{where}{cut}). Change"
                        f" {'training.batch' if state.batch is None else 'it'},"
                        " training.micro_batch, or the head's group",
                        path="discriminator" if state.batch is None else "growth.batch",
                    ) from error

    def _shown_size(self, state: GrowthState) -> str:
        return show(size_at(state.level, self.base))

    def _check_networks_grow(self) -> None:
        for name, network in self.networks.items():
            if not getattr(network, "grows", False):
                raise BadValue(
                    f"the {name} ({type(network).__name__}) cannot grow: it has no levels. Take "
                    "the growth away with task.growth=null, or choose another network",
                    path="growth",
                )

    def _check_growth_ends(self, images: int | None) -> None:
        if images is None:
            return
        last = self.growth_at(images)
        if last.level < self.top or last.fade < 1:
            fading = f", {last.fade:.0%} faded in" if last.fade < 1 else ""
            raise BadValue(
                f"the networks still grow when the budget of {images:,} images is spent: they are "
                f"at {self._shown_size(last)}{fading}, and the images are "
                f"{show(size_at(self.top, self.base))}. {self._images_needed(images)}shorten the "
                "growth, or lower data.resolution",
                path="growth",
            )

    def _images_needed(self, images: int) -> str:
        """What the growth takes, looked for upwards from a budget that is too small."""

        def whole(count: int) -> bool:
            state = self.growth_at(count)
            return state.level == self.top and state.fade == 1

        low, high = images, max(2 * images, 1)
        while not whole(high):
            low, high = high, 2 * high
            if high > MOST_IMAGES:
                return "Raise training.images, "
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if whole(middle) else (middle, high)
        return f"Raise training.images to {high:,} or more, "

    def growth_at(self, images: int | None) -> GrowthState:
        """How far the networks have grown after ``images`` images; None: all the way."""
        if self.growth is None or images is None:
            return GrowthState(level=self.top)
        return self.growth.at(images)

    def stages(self) -> Iterator[Stage]:
        """One stage that lasts the whole budget."""
        pace = None if self.growth is None else self._pace
        yield Stage(name="adversarial", phases=tuple(self._phases()), pace=pace)

    def _pace(self, images: int) -> Pace:
        """As published, moments are forgotten when a fade begins and when it ends."""
        state = self.growth_at(images)
        size = self._shown_size(state)
        return Pace(
            batch=state.batch,
            lr=state.lr,
            lr_scale=state.lr_scale,
            chapter=(size, "fading in") if state.fade < 1 else (size,),
        )

    def moment(self, share: Share) -> Moment:
        """Fakes and scores for a share of the batch."""
        return AdversarialMoment(self, share)

    def sample(self, networks: Mapping[str, nn.Module], request: SampleRequest) -> Tensor:
        """[N, I, R, R] by the generator of ``networks``; see ``SampleRequest``.

        Images of networks that still grow are enlarged to the full size, pixels repeated.
        """
        generator: Any = networks["generator"]
        like = next(generator.parameters())
        if request.styles is not None:
            styles = request.styles.to(like)
        else:
            z = request.latents
            if z is None:
                z = latents_from_seeds(request.seeds, generator.latent_width, dtype=like.dtype)
            label = None if request.label is None else request.label.to(like)
            styles = generator.styles(z.to(like), label)
            if request.truncation != 1:
                styles = generator.truncate(styles, request.truncation, request.cutoff)
        noise = _requested_noise(generator, request)
        state = self.growth_at(request.images)
        image: Tensor = generator.synthesize(styles, noise, **_size(state, generator))
        return enlarge(image, self.top - state.level)

    def _phases(self) -> Iterator[Phase]:
        main: dict[str, Terms] = {
            "generator": self._generator_terms,
            "discriminator": self._discriminator_terms,
        }
        for network in self.order:
            mine = [name for name, r in self.regularizers.items() if r.trains == network]
            direct = [name for name in mine if self.settings[name]["every"] == 1]
            yield Phase(
                name=network, trains=(network,), terms=self._with(main[network], tuple(direct))
            )
            for name in mine:
                if name not in direct:
                    yield Phase(
                        name=f"{network}/{name}",
                        trains=(network,),
                        terms=self._with(None, (name,)),
                        every=self.settings[name]["every"],
                        lazy=True,
                    )

    def _with(self, main: Terms | None, names: tuple[str, ...]) -> Terms:
        def terms(moment: Moment) -> Mapping[str, Tensor]:
            found = dict(main(moment)) if main else {}
            for name in names:
                found[name] = self.settings[name]["weight"] * self.regularizers[name](moment)
            return found

        return terms

    def _generator_terms(self, moment: Moment) -> Mapping[str, Tensor]:
        fake = moment.fake()
        scores = moment.score(fake.image, fake.label)
        real = None
        if self.loss.compares_pairs:  # apart: nothing is differentiated on their way
            real = moment.score(self._real(moment), moment["label"])
        loss = self.loss.generator(scores, real)
        moment.observe("generator_loss", loss)
        return {MAIN_TERM: loss}

    def _discriminator_terms(self, moment: Moment) -> Mapping[str, Tensor]:
        made = moment.fake()
        fake, real = self._scores(moment, made.image.detach(), made.label)
        loss = self.loss.discriminator(fake, real)
        moment.observe("score_fake", fake)
        moment.observe("score_real", real)
        moment.observe("sign_real", real.sign())
        moment.observe("discriminator_loss", loss)
        return {MAIN_TERM: loss}

    def _scores(
        self, moment: Moment, fake: Tensor, fake_label: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Scores of fakes and of the real samples, in one pass where the network can."""
        real, label = self._real(moment), moment["label"]
        discriminator: Any = self.networks["discriminator"]
        alike = fake.shape == real.shape and (label is None) == (fake_label is None)
        if not (alike and getattr(discriminator, "takes_parts", False)):
            return moment.score(fake, fake_label), moment.score(real, label)
        labels = None if label is None or fake_label is None else torch.cat([fake_label, label])
        both = moment.score(torch.cat([fake, real.to(fake.dtype)]), labels, parts=2)
        first, second = both.chunk(2)
        return first, second

    @staticmethod
    def _real(moment: Moment) -> Tensor:
        image = moment["image"]
        if image is None:
            raise ValueError("the data has no field 'image'")
        return image


def _size(state: GrowthState, network: Any) -> dict[str, Any]:
    """The size at which a network works, as it takes it; one that does not grow is not asked."""
    return {"level": state.level, "fade": state.fade} if getattr(network, "grows", False) else {}


def _requested_noise(generator: Any, request: SampleRequest) -> Noise:
    if isinstance(request.noise, str):
        return {
            "fixed": generator.fixed_noise,
            "fresh": lambda: FreshNoise(None),
            "none": NoNoise,
        }[request.noise]()
    return GivenNoise(request.noise)


class AdversarialMoment:
    """What the terms of an adversarial task may ask of one share.

    Latents, mixing and noise come from the share's generator, in the order of asking; fakes are
    made once. As published, the mixing cut is one number for the whole share, drawn from
    1 .. (styles in use) - 1, and the label of both latents is the same.
    """

    def __init__(self, task: AdversarialTask, share: Share) -> None:
        self._task = task
        self._share = share
        self._latents: tuple[Tensor, Tensor | None, tuple[Tensor, int] | None] | None = None
        self._fakes: dict[int, Fake] = {}
        self._growth = task.growth_at(share.images)
        self._real: Tensor | None = None
        self.enlargement = 1 << (task.top - self._growth.level)
        self.images = share.images
        self.size = share.size
        self.random = share.random

    def __getitem__(self, name: str) -> Tensor | None:
        """A named field of the real samples; the image at the present size, faded as fakes are."""
        if name != "image":
            return self._share[name]
        if self._real is None:
            image = self._share[name]
            if image is not None:
                small = shrink(image, self._task.top - self._growth.level)
                self._real = fade_real(small, self._growth.fade)
        return self._real

    def observe(self, name: str, value: Tensor) -> None:
        """Log the mean of a value."""
        self._share.observe(name, value)

    def batch_mean(self, value: Tensor) -> Tensor:
        """Mean over this share and every rank."""
        return self._share.batch_mean(value)

    def normal_like(self, x: Tensor) -> Tensor:
        """N(0, 1) of the shape of ``x``."""
        return torch.randn(x.shape, generator=self.random, dtype=x.dtype, device=x.device)

    def uniform(self, count: int) -> Tensor:
        """[count] of U(0, 1), in the type of the real images."""
        like = self._share["image"]
        dtype = torch.get_default_dtype() if like is None else like.dtype
        return torch.rand(count, generator=self.random, dtype=dtype, device=self.random.device)

    def score(self, image: Tensor, label: Tensor | None, parts: int = 1) -> Tensor:
        """[n] logits of the discriminator."""
        return self.outputs(image, label, parts)["score"]

    def outputs(self, image: Tensor, label: Tensor | None, parts: int = 1) -> Mapping[str, Tensor]:
        """All that the discriminator says of images at the present size."""
        discriminator = self._task.networks["discriminator"]
        more = _size(self._growth, discriminator)
        if parts > 1:
            more["parts"] = parts
        found = discriminator(image, label, **more)
        return found if isinstance(found, Mapping) else {"score": found}

    def fake(self, first: int | None = None) -> Fake:
        """Generated samples of the first latents; made once per count."""
        count = self.size if first is None else first
        if count not in self._fakes:
            generator = self._task.networks["generator"]
            z, label, mixing = self._draw(generator)
            label = None if label is None else label[:count]
            if mixing is not None:
                mixing = mixing[0][:count], mixing[1]
            styles = generator.styles(z[:count], label, mixing)
            noise = FreshNoise(self.random)
            image = generator.synthesize(styles, noise, **_size(self._growth, generator))
            self._fakes[count] = Fake(image=image, styles=styles, label=label)
        return self._fakes[count]

    def _draw(self, generator: Any) -> tuple[Tensor, Tensor | None, tuple[Tensor, int] | None]:
        if self._latents is None:
            like = next(generator.parameters())
            shape = (self.size, generator.latent_width)

            def normal() -> Tensor:
                return torch.randn(
                    shape, generator=self.random, dtype=like.dtype, device=like.device
                )

            def uniform() -> float:
                return float(torch.rand((), generator=self.random, device=like.device))

            z = normal()
            label = self._share.drawn_label(self.size)
            mixing = None
            # only layers in use can be told apart, those that are fading in included
            active = generator.num_styles
            if getattr(generator, "grows", False):
                active = generator.num_styles_at(self._growth.level)
            if active > 1 and uniform() < self._task.style_mixing:
                cut = 1 + int(uniform() * (active - 1))
                mixing = normal(), cut
            self._latents = z, label, mixing
        return self._latents
