"""Another package that takes one of our names is named in one sentence."""

import importlib
import sys
from pathlib import Path

import pytest

from bpfc.own import check_own


def test_our_own_packages_pass() -> None:
    check_own("compiler", "dsl", "no_such_package_anywhere")


@pytest.mark.parametrize("name", ["dsl.py", "dsl/__init__.py", "dsl/part.py"])
def test_an_intruder_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    intruder = tmp_path / name
    intruder.parent.mkdir(exist_ok=True)
    intruder.write_text("intruder = True\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    for module in [m for m in sys.modules if m.partition(".")[0] == "dsl"]:
        monkeypatch.delitem(sys.modules, module)
    importlib.invalidate_caches()
    with pytest.raises(ImportError, match="finds") as caught:
        check_own("dsl")
    assert str(tmp_path) in str(caught.value)
