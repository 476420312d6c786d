"""Every model danq knows, one file each; a model of one's own is given by the path of its file.

``encoder(options)`` gives the unfitted encoder that makes the network's inputs of raw rows; where the module
``READS`` several kinds of data it is ``encoder(options, kind)``. ``build(options, encoder, n_targets, task)``
gives the network: the fitted encoder tells names, shapes and dtypes of its inputs, and from these come logits
float32 (n, n_targets), or (n, sub-bins, n_targets) with ``output: steps``, out of a layer named ``logits``.
Both tasks, ``multilabel`` and ``multiclass``, have one logit a target: the training adds sigmoid or softmax.
"""

import hashlib
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from danq.data.options import Kind
from danq.errors import DanqError, first_line
from danq.models import bilstm_conv2d, char_word_lstm, composition, danq, kmer_logistic, quadrant_lstm
from danq.processes import Stopped
from danq.storage import first_problem

MODELS: dict[str, ModuleType] = {
    "danq": danq,
    "bilstm_conv2d": bilstm_conv2d,
    "char_word_lstm": char_word_lstm,
    "quadrant_lstm": quadrant_lstm,
    "kmer_logistic": kmer_logistic,
    "composition": composition,
}
"""Name in a configuration → module with KIND, Options, encoder, build; READS where it reads several kinds
of data, fit where it trains itself, logits where NumPy computes it; sub_bins (or check_window) refuses sizes
that do not fit and tells how many sub-bins are classified."""

BASELINES = ("kmer_logistic", "composition")
"""What other models are compared with, the harder to beat first."""

_REQUIRED = ("KIND", "Options", "encoder", "build")
_KINDS = get_args(Kind)


def kinds_read(module: ModuleType) -> tuple[str, ...]:
    """Kinds of data a model reads: its ``READS``, or else its one ``KIND``."""
    return tuple(getattr(module, "READS", (module.KIND,)))


def load_model_module(name: str, expected: str | None = None) -> ModuleType:
    """Find a model by its name in `MODELS` or by the path of a Python file, such as ``models/my_model.py``.

    Raises
    ------
    DanqError
        If there is no such model, the file cannot be run, or it lacks a part that this package asks for.
    """
    if name in MODELS:
        return MODELS[name]
    if not name.endswith(".py"):
        raise DanqError(f"expected one of {', '.join(MODELS)} or a file ending in .py, received {name!r}")
    path = Path(name)
    if not path.is_file():
        raise DanqError(f"{path}: no such file; expected a Python file of a model")
    return _check(path, _imported(path, expected))


def own_module_name(sha256: str) -> str:
    """Name of the module of a model of one's own, which no other has: by it layers and classes are found."""
    return f"danq_own_model_{sha256[:16]}"


def _imported(path: Path, expected: str | None) -> ModuleType:
    # read once: what is run is what was compared
    source = path.read_bytes()
    received = hashlib.sha256(source).hexdigest()
    if expected not in (None, received):
        raise DanqError(f"{path}: expected the file with SHA-256 {expected}, received another")
    name = own_module_name(received)
    if name in sys.modules:
        # equal code, run once: a search asks for it at every draw
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    try:
        exec(compile(source, path, "exec"), module.__dict__)
    except Stopped:
        del sys.modules[name]
        raise
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise DanqError(f"{path}{_line(path, error)}: {type(error).__name__}: {error}") from error
    return module


def _line(path: Path, error: BaseException) -> str:
    """Line of the file that an error arose in, behind a colon."""
    if isinstance(error, SyntaxError):
        return f":{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename).absolute() == path.absolute()]
    return f":{lines[-1]}" if lines else ""


def _check(path: Path, module: ModuleType) -> ModuleType:
    for part in _REQUIRED:
        if not hasattr(module, part):
            raise DanqError(f"{path}: a model file must define {', '.join(_REQUIRED)}; missing {part}")
    if not (isinstance(module.Options, type) and issubclass(module.Options, BaseModel)):
        raise DanqError(f"{path}: Options: expected a class of pydantic's BaseModel")
    for part in ("encoder", "build"):
        if not callable(getattr(module, part)):
            raise DanqError(f"{path}: {part}: expected a function, received {type(getattr(module, part))}")
    unknown = [kind for kind in kinds_read(module) if kind not in _KINDS]
    if unknown:
        raise DanqError(f"{path}: KIND: expected one of {', '.join(_KINDS)}; received {unknown[0]!r}")
    return module


def shared_work(
    module: ModuleType, options: Mapping[str, Any], weights: Mapping[str, Any], window: int | None, run: str
) -> Any:
    """Give what a model's module shares between alleles (`incremental`), of options that a bundle says.

    Raises
    ------
    DanqError
        If they are none of the model, or of another network than that of the weights.
    """
    try:
        return module.incremental(module.Options(**options), weights, window)
    except ValidationError as error:
        raise DanqError(f"{run}: bundle.json: options.{first_problem(error)}") from None
    except (LookupError, ValueError, TypeError) as error:
        raise DanqError(
            f"{run}: bundle.json: expected the options of its network, received others ({first_line(error)})"
        ) from error
