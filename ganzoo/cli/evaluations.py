"""The evaluation of an ablation's finished runs, as its command line asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.cli.output import say
from ganzoo.errors import GanzooError, UsageError
from ganzoo.registry.catalogue import Registry

if TYPE_CHECKING:
    from ganzoo.ablation.plan import Plan
    from ganzoo.ablation.record import Record

PICTURES = 10  # of a point in the report


class Evaluations:
    """Evaluates the finished runs of an ablation.

    Args:
        metrics: names, with commas between them.
        extractor: name of where they have their features from.
        samples: pictures of each run; None: as many as usual.
        data: where the pictures are, or None.
        device: one name, as ``--device`` has it.

    Raises:
        UnknownComponent: there is no such metric or extractor.
        UsageError: no metric is named, or one cannot be used.
    """

    def __init__(
        self,
        *,
        metrics: str,
        extractor: str,
        samples: int | None,
        registry: Registry,
        data: Path | None,
        device: str,
    ) -> None:
        from ganzoo.evaluation.choice import metric_slot

        names = [name.strip() for name in metrics.split(",") if name.strip()]
        if not names:
            raise UsageError("--metric: name at least one.  See: ganzoo list metric")
        slots = [metric_slot(name, registry, extractor=extractor) for name in names]
        self._slots = {str(slot.use): slot for slot in slots}
        self._samples = samples
        self._registry = registry
        self._data = data
        self._device = device

    def evaluate(self, folder: Path, plan: Plan, record: Record) -> None:
        """Evaluate what is finished; what cannot be evaluated is said, and the rest goes on."""
        from ganzoo.ablation.folder import EVALUATION, STRIP, home_of, run_of
        from ganzoo.evaluation.evaluator import Evaluator
        from ganzoo.evaluation.runs import evaluate_run
        from ganzoo.training.run import choose_device

        device = str(choose_device(self._device))
        evaluator = Evaluator(
            self._slots, self._registry, samples=self._samples, device=device, report=say
        )
        for member in plan.members():
            run = run_of(folder, member)
            if run is None or record.of(member).status != "finished":
                continue
            home = home_of(folder, member)
            try:
                evaluate_run(
                    run,
                    evaluator,
                    self._registry,
                    data=self._data,
                    device=device,
                    strip_seeds=range(PICTURES),
                    result=home / EVALUATION,
                    picture=home / STRIP,
                )
            except GanzooError as error:
                say(f"Point {member.point}, seed {member.seed} cannot be evaluated: {error}")
