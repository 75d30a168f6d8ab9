"""Every error ganzoo raises on purpose, and the exit code each one means."""

from __future__ import annotations

from collections.abc import Iterable


class GanzooError(Exception):
    """Something the user can act on; shown as one message, without a stack trace."""

    exit_code = 1


class UsageError(GanzooError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class RecipeError(GanzooError):
    """A recipe does not say something ganzoo can build.

    Args:
        message: subject, expectation, remedy, in that order.
        where: ``"file.yaml:14"``, or the command-line override that said it.
        path: dotted path of the key, as ``task.generator.block``.
    """

    exit_code = 2

    def __init__(self, message: str, *, where: str | None = None, path: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.path = path

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.path, self.message) if part)


class UnknownKey(RecipeError):
    """A key that nothing reads."""


class BadValue(RecipeError):
    """A value of the wrong type, or outside its range."""


class UnknownComponent(RecipeError):
    """A name that no installed plugin offers."""


class CircularExtends(RecipeError):
    """A recipe that extends itself, directly or through others."""


class NewerSchema(RecipeError):
    """A recipe written for a newer ganzoo."""


class RecipeProblems(RecipeError):
    """Everything that is wrong with a recipe, in the order of its lines."""

    def __init__(self, problems: Iterable[RecipeError]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class PluginError(GanzooError):
    """A plugin cannot be used; the others go on without it."""

    exit_code = 3

    def __init__(
        self, message: str, *, vendor: str | None = None, distribution: str | None = None
    ) -> None:
        super().__init__(message)
        self.vendor = vendor
        self.distribution = distribution


class PluginLoadError(PluginError):
    """A plugin raised while it was imported or asked for its components."""


class NameClash(PluginError):
    """Two plugins, or two components of one plugin, claim the same name."""


class ContractError(PluginError):
    """A component does not keep the contract of its kind."""


class BackendError(GanzooError):
    """A device or a kernel cannot do here what was asked of it."""

    exit_code = 4


class DataError(GanzooError):
    """Pictures, a run folder or a checkpoint cannot be read or written.

    Args:
        message: subject, expectation, remedy.
        path: the file or folder.
    """

    exit_code = 5

    def __init__(self, message: str, *, path: object = None) -> None:
        super().__init__(message)
        self.path = path


class TrainingError(GanzooError):
    """Training cannot go on."""

    exit_code = 6


class NonFinite(TrainingError):
    """A term of a loss became NaN or infinite; names the term, phase, step and rank."""
