"""Time to compile: from a cold shell, in a warm process, and many rules.

Everything is timed in processes of its own, one after the other, so that neither memory nor caches
of one figure reach the next.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.policies import many_rules
from benchmarks.report import Failed, Result

ROOT = Path(__file__).parents[1]
ONE_RULE = Path(__file__).parent / "rules" / "one.det"
MIB = 1 << 20
KIB = 1 << 10


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the benchmark's options."""
    parser.add_argument("--runs", type=int, default=9, help="runs of each small figure")
    parser.add_argument(
        "--rules", type=int, nargs="*", default=[1000, 10_000], help="sizes of bigger policies"
    )


def run(options: argparse.Namespace) -> Result:
    """Measure.

    Args:
        options: of the command line.

    Returns:
        Figures by name: `cold_cli_s`, `warm_api_ms`, and for n rules `rules_n_s` and
        `rules_n_mib`, or `rules_n_refused` with the compiler's message.

    Raises:
        Failed: something does not compile.
    """
    cold = [_cold() for _ in range(options.runs)]
    warm = _apart("warm", options.runs)
    result: Result = {
        "cold_cli_s": statistics.median(cold),
        "warm_api_ms": statistics.median(warm["seconds"]) * 1e3,
        "cold_cli_best_s": min(cold),
        "warm_api_best_ms": min(warm["seconds"]) * 1e3,
        "warm_api_cpu_ms": statistics.median(warm["cpu"]) * 1e3,
        "phases_ms": {name: 1e3 * seconds for name, seconds in warm["phases"].items()},
    }
    for number in options.rules:
        many = _apart("many", number)
        if "refused" in many:
            result[f"rules_{number}_refused"] = many["refused"]
            continue
        result[f"rules_{number}_s"] = many["seconds"]
        result[f"rules_{number}_cpu_s"] = many["cpu"]
        result[f"rules_{number}_mib"] = many["peak_kib"] * KIB / MIB
        result[f"rules_{number}_bytes"] = many["bytes"]
    return result


def _cold() -> float:
    """Seconds of one run of the command line in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "rules.o")
        command = [
            sys.executable,
            "-m",
            "bpfc_cli.main",
            "compile",
            str(ONE_RULE),
            "-o",
            str(output),
        ]
        start = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - start
        if done.returncode or not output.stat().st_size:
            raise Failed(f"bpfc compile failed:\n{done.stderr}")
    return seconds


def _apart(*arguments: object) -> Result:
    """Run this module in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.compiling", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        ending = f"ended with {done.returncode}"
        raise Failed(f"{' '.join(command[1:])} {ending}:\n{done.stderr[-2000:]}")
    found: Result = json.loads(done.stdout)
    return found


# ---------------------------------------------------------------------- in the fresh process


def _compile(name: str, text: str) -> int:
    from compiler.driver import compile_sources

    compiled = compile_sources([(name, text)])
    if compiled.artifact is None:
        raise Failed("\n".join(d.message for d in compiled.diagnostics[:5]))
    return len(compiled.artifact.data)


def _warm(runs: int) -> Result:
    """Compile one rule again and again; each time with another literal, as an editor would."""
    text = ONE_RULE.read_text()
    _compile("one.det", text)
    seconds, cpu = [], []
    for number in range(runs):
        changed = text.replace("4444", str(5000 + number))
        start, start_cpu = time.perf_counter(), time.process_time()
        _compile("one.det", changed)
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
    return {"seconds": seconds, "cpu": cpu, "phases": _phases(text)}


# What stands for a phase in the profile: (module's path, function).
_PHASES = {
    "front end": ("dsl/frontend.py", "check"),
    "plan": ("compiler/plan/planner.py", "plan"),
    "IR of the core": ("compiler/emit/whole.py", "emit_core"),
    "IR of the Linux half": ("compiler/targets/linux/half.py", "build"),
    "IR of the Windows half": ("compiler/targets/windows/half.py", "build"),
    "LLVM parse": ("llvmlite/binding/module.py", "parse_assembly"),
    "LLVM optimise": ("llvmlite/binding/newpassmanagers.py", "run"),
    "LLVM code generation": ("llvmlite/binding/targets.py", "emit_object"),
    "strip": ("compiler/elf/strip.py", "strip_debug"),
    "pack": ("compiler/elf/pack.py", "pack"),
    "open again": ("bpfc/artifact/container.py", "open_artifact"),
}


def _phases(text: str) -> dict[str, float]:
    """Seconds of each phase in one profiled run (the profiler adds to what is many small calls)."""
    import cProfile
    import pstats

    profile = cProfile.Profile()
    profile.enable()
    _compile("one.det", text)
    profile.disable()
    found: dict[str, float] = {}
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]  # not in the stubs
    for name, (path, function) in _PHASES.items():
        found[name] = sum(
            entry[3]
            for (file, _, called), entry in stats.items()
            if called == function and file.replace(os.sep, "/").endswith(path)
        )
    return found


def _many(rules: int) -> Result:
    text = many_rules(rules)
    start, start_cpu = time.perf_counter(), time.process_time()
    try:
        size = _compile("many.det", text)
    except Failed as reason:  # more than a policy can hold is a result, too
        return {"refused": str(reason)}
    return {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - start_cpu,
        "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "bytes": size,
    }


if __name__ == "__main__":
    print(json.dumps({"warm": _warm, "many": _many}[sys.argv[1]](int(sys.argv[2]))))
