"""What all tests share: the `--long` option, and that nothing skips in silence."""

import os

import pytest

pytest_plugins = ["pytester", "tests.skips"]

LONG_FACTOR = 10


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--long`, which `make test-long` uses."""
    parser.addoption(
        "--long", action="store_true", help=f"the same tests with counts {LONG_FACTOR} times as big"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Hand `--long` on to helpers and child processes through the environment."""
    if config.getoption("--long"):
        os.environ["BPFC_LONG"] = "1"
    try:
        from hypothesis import settings
    except ImportError:
        return
    settings.register_profile("usual", deadline=None, print_blob=True)
    settings.register_profile(
        "long", deadline=None, print_blob=True, max_examples=100 * LONG_FACTOR
    )
    settings.load_profile("long" if os.environ.get("BPFC_LONG") else "usual")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests that only make sense with big counts."""
    if config.getoption("--long"):
        return
    left_out = [item for item in items if item.get_closest_marker("long")]
    items[:] = [item for item in items if not item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def scale() -> int:
    """What to multiply counts by: 1, or LONG_FACTOR in a long run."""
    return LONG_FACTOR if os.environ.get("BPFC_LONG") else 1
