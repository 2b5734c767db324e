"""Whether the common names `compiler`, `dsl` and `runtime_*` lead to bpfc's own packages."""

from importlib.util import find_spec
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]


class ShadowError(ImportError):
    """Another package has one of our names."""


def check_own(*packages: str) -> None:
    """Make sure that no other package shadows ours; to be called before they are imported.

    Args:
        packages: top-level names.

    Raises:
        ShadowError: one sentence that names the intruder.
    """
    for name in packages:
        spec = find_spec(name)
        if spec is None:
            continue
        places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or [])
        for found in places:
            if not Path(found).resolve().is_relative_to(HOME / name):
                raise ShadowError(
                    f"bpfc's own package {name!r} lies in {HOME}, but Python finds {found} first: "
                    "rename that, or take its folder out of the module path",
                    name=name,
                    path=found,
                )
