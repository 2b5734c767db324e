"""From LLVM assembly to a BPF object, with nothing but llvmlite."""

import itertools
import re
import threading
from collections.abc import Iterable
from functools import cache

import llvmlite.binding as llvm

from compiler.elf.model import STT_FILE, Symbol

# CPU v3: 32-bit registers and jumps, atomics; loads from 5.10 on if no atomic returns a value.
CPU = "v3"
# LLVM's CO-RE pass keeps a table of accesses by structure name that outlives the module
# (GEPGlobals in BPFAbstractMemberAccess.cpp), so a second module with the same names would get the
# first one's freed values. Names therefore carry a flavour, which libbpf ignores (everything from
# "___" on), with a number that is new for each module and taken out of the object again.
FLAVOUR = "___bpfc000000"
_FLAVOURS = re.compile(rb"___bpfc\d{6}")
_numbers = itertools.count(1)
_lock = threading.Lock()


class CodegenError(Exception):
    """LLVM refused a module: a bug of the compiler, never of a rule."""


@cache
def _machine() -> llvm.TargetMachine:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple("bpfel")
    return target.create_target_machine(cpu=CPU, opt=2)


def optimise(assembly: str) -> bytes:
    """Run the BPF target's own passes (CO-RE among them) and simplify the code.

    Args:
        assembly: a module's text.

    Returns:
        The optimised module as bitcode.

    Raises:
        CodegenError: the text is no valid module.
    """
    with _lock:
        machine = _machine()
        assembly = assembly.replace(FLAVOUR, f"{FLAVOUR[:-6]}{next(_numbers) % 1000000:06}")
        try:
            module = llvm.parse_assembly(assembly)
            module.verify()
        except RuntimeError as error:
            raise CodegenError(str(error)) from error
        # The -O0 pipeline holds the target's own passes; three more make good BPF of it. The rest
        # of -O2 costs six times as much, gains nothing here, and rewrites loops as PREVAIL
        # dislikes.
        options = llvm.create_pipeline_tuning_options(speed_level=0)
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
        passes = llvm.create_new_module_pass_manager()
        passes.add_always_inliner_pass()
        passes.add_global_dead_code_eliminate_pass()
        passes.add_sroa_pass()
        passes.add_simplify_cfg_pass()
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
        passes.run(module, builder)
        return bytes(module.as_bitcode())


def emit_object(modules: list[bytes]) -> bytes:
    """Link optimised modules, first one first in .text, and generate the object.

    Args:
        modules: bitcode from `optimise`.

    Returns:
        An ELF relocatable object for EM_BPF.

    Raises:
        CodegenError: the modules do not fit together.
    """
    with _lock:
        try:
            first, *others = (llvm.parse_bitcode(m) for m in modules)
            for other in others:
                first.link_in(other)
        except RuntimeError as error:
            raise CodegenError(str(error)) from error
        return _FLAVOURS.sub(FLAVOUR.encode(), bytes(_machine().emit_object(first)))


def check_symbols(symbols: Iterable[Symbol]) -> None:
    """Refuse an object that calls what it does not define.

    LLVM turns what it cannot inline into calls of C functions (memcpy, say) that no loader finds.

    Args:
        symbols: the object's symbols.

    Raises:
        CodegenError: one of them is not defined.
    """
    missing = sorted(s.name for s in symbols if s.name and s.section is None and s.type != STT_FILE)
    if missing:
        raise CodegenError(f"undefined in the object: {', '.join(missing)}")
