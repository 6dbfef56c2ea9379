"""Every test here has a sandbox of its own."""

import pytest

from sandbox.tests.stripe_pages.shop import Shop


@pytest.fixture
def shop() -> Shop:
    return Shop.open()
