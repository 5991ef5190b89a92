"""What the tests of the kernel's Python layers have in common."""

from __future__ import annotations

import pytest

from tests.sel4.kernel import LAYERS, Kernel


@pytest.fixture(params=list(LAYERS))
def kernel(request: pytest.FixtureRequest) -> Kernel:
    """A kernel in each of the Python layers."""
    return Kernel(request.param)
