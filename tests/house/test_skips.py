"""The plugin that forbids skips: it fires where it must, and only there."""

import pytest

SUITE = """
import pytest

def test_passes(): pass

def test_skips(): pytest.skip("too lazy")

def test_lacks_lsm(): pytest.skip("kernel: BPF LSM programs are refused with EPERM")

@pytest.mark.skipif(True, reason="not today")
def test_marked(): pass

@pytest.mark.xfail(reason="known")
def test_expected_failure(): assert False
"""


def _run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, can: bool) -> pytest.RunResult:
    """Run SUITE under the plugin, on a machine where everything can run or not."""
    monkeypatch.setattr("tests.skips.everything_can_run", lambda: can)
    pytester.makepyfile(SUITE)
    return pytester.runpytest_inprocess("-p", "tests.skips", "-p", "no:cacheprovider")


def test_skips_fail_where_everything_can_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = _run(pytester, monkeypatch, can=True)
    result.assert_outcomes(passed=1, skipped=1, failed=2, errors=1)
    result.stdout.fnmatch_lines(["*nothing may skip: too lazy*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_module_that_skips_as_a_whole_fails(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.skips.everything_can_run", lambda: True)
    pytester.makepyfile("import pytest\npytest.importorskip('no_such_module')")
    result = pytester.runpytest_inprocess("-p", "tests.skips", "-p", "no:cacheprovider")
    assert result.ret != pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*nothing may skip*"])


def test_skips_are_only_listed_elsewhere(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = _run(pytester, monkeypatch, can=False)
    result.assert_outcomes(passed=1, skipped=3, xfailed=1)


def test_ci_counts_as_a_machine_where_everything_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.skips import everything_can_run

    monkeypatch.setenv("CI", "true")
    everything_can_run.cache_clear()
    try:
        assert everything_can_run()
    finally:
        everything_can_run.cache_clear()
