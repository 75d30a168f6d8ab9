"""The emulator, in CuPy's place, for every test that asks for it."""

from __future__ import annotations

import pytest
from emulator import COMPILER, Emulator

from ganzoo.backends.cupy_kernels.engine import using


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Emulator:
    """An emulator whose libraries are built once a session; not yet in place."""
    if COMPILER is None:
        pytest.skip("no g++ here, which compiles the kernels for the emulator")
    return Emulator(folder=tmp_path_factory.mktemp("emulated"))


@pytest.fixture
def emulator(built):
    """The emulator in place: kernels run on CPU tensors."""
    with using(built):
        yield built
