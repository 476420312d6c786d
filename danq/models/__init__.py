"""Every model danq knows, one file each; a model of one's own is given by the path of its file."""

import importlib.util
from pathlib import Path
from types import ModuleType

from danq.errors import DanqError
from danq.models import bilstm_conv2d, char_word_lstm, danq, kmer_logistic, quadrant_lstm

MODELS: dict[str, ModuleType] = {
    "danq": danq,
    "bilstm_conv2d": bilstm_conv2d,
    "char_word_lstm": char_word_lstm,
    "quadrant_lstm": quadrant_lstm,
    "kmer_logistic": kmer_logistic,
}
"""Name in a configuration → module with KIND, Options, encoder, build; READS where it reads several kinds
of data, and fit where it trains itself."""

_REQUIRED = ("KIND", "Options", "encoder", "build")


def kinds_read(module: ModuleType) -> tuple[str, ...]:
    """Kinds of data a model reads: its ``READS``, or else its one ``KIND``."""
    return tuple(getattr(module, "READS", (module.KIND,)))


def load_model_module(name: str) -> ModuleType:
    """Find a model by its name in `MODELS` or by the path of a Python file.

    Parameters
    ----------
    name : str
        For example ``danq`` or ``models/my_model.py``.

    Returns
    -------
    module
        With ``KIND``, ``Options``, ``encoder(options)`` and ``build(options, encoder, n_targets, task)``. One
        that reads several kinds of data has ``READS``, too, a tuple of them, and ``encoder(options, kind)``.

    Raises
    ------
    DanqError
        If there is no such model, or the file lacks one of those.
    """
    if name in MODELS:
        return MODELS[name]
    if not name.endswith(".py"):
        raise DanqError(f"model: expected one of {', '.join(MODELS)} or a .py file, received {name!r}")
    path = Path(name)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise DanqError(f"{path}: no such file; expected a Python file of a model")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    missing = [part for part in _REQUIRED if not hasattr(module, part)]
    if missing:
        raise DanqError(f"{path}: a model file must define {', '.join(_REQUIRED)}; missing {missing[0]}")
    return module
