"""``.npz`` files written row by row and read through a memory map."""

import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import dtype_to_descr
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.storage import RowSpool

_ALIGNMENT, _LOCAL_HEADER = 64, 30
_MAPPED_BYTES = 1 << 20


class StreamedNpz:
    """Collect arrays that grow along their first axis and pack them into one uncompressed ``.npz`` file.

    The packed file is what `numpy.load` reads; its bytes depend on the arrays alone, not on the blocks they
    came in.

    Parameters
    ----------
    folder : Path
        Existing directory for the waiting rows; the caller removes it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._spools: dict[str, RowSpool] = {}

    def append(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Add a block of rows to each named array; strings may differ in width between blocks."""
        for name, array in arrays.items():
            if name not in self._spools:
                self._spools[name] = RowSpool(self._waiting(name))
            self._spools[name].append(array)

    def pack(self, path: Path, scalars: dict[str, str | int]) -> None:
        """Write `scalars` as arrays without dimensions, and the collected arrays, to `path`."""
        with path.open("wb") as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_STORED) as archive:
            for name, value in scalars.items():
                array = np.array(value)
                with archive.open(_member(name), "w", force_zip64=True) as member:
                    member.write(_aligned_header(array.dtype, (), raw.tell()) + array.tobytes())
            for name, spool in self._spools.items():
                with archive.open(_member(name), "w", force_zip64=True) as member:
                    member.write(_aligned_header(spool.dtype, spool.shape, raw.tell()))
                    for block in spool.blocks():
                        member.write(block.tobytes())
                self._waiting(name).unlink()

    def _waiting(self, name: str) -> Path:
        return self._folder / f"{name}.rows"


def _member(name: str) -> zipfile.ZipInfo:
    # a fixed date: two runs must give equal bytes
    return zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))


def _aligned_header(dtype: np.dtype[Any], shape: tuple[int, ...], position: int) -> bytes:
    """Header of an array that starts at byte `position`, padded so that its data are aligned in the file."""
    text = repr({"descr": dtype_to_descr(dtype), "fortran_order": False, "shape": shape}).encode("latin1")
    unpadded = position + 10 + len(text) + 1
    text += b" " * (-unpadded % _ALIGNMENT) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read every array of an ``.npz`` file; large uncompressed ones are memory-mapped, read-only.

    Raises
    ------
    DanqError
        If the file is missing, no ``.npz`` file, damaged, or holds Python objects.
    """
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as raw:
            return {
                info.filename.removesuffix(".npy"): _read_member(path, archive, info, raw)
                for info in archive.infolist()
            }
    except FileNotFoundError:
        raise DanqError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise DanqError(f"{path}: expected a file, received a directory") from None
    except PermissionError:
        raise DanqError(f"{path}: not readable (permission denied)") from None
    except (zipfile.BadZipFile, ValueError, EOFError, struct.error) as error:
        raise DanqError(f"{path}: expected a whole .npz file of arrays ({error})") from None


def _read_member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, raw: Any) -> NDArray[Any]:
    if info.compress_type != zipfile.ZIP_STORED or info.file_size < _MAPPED_BYTES:
        with archive.open(info) as member:
            array: NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
            return array
    # a stored member lies in the archive as it is: the map begins behind its zip and NumPy headers
    raw.seek(info.header_offset + 26)
    name_length, extra_length = struct.unpack("<HH", raw.read(4))
    raw.seek(info.header_offset + _LOCAL_HEADER + name_length + extra_length)
    major, _ = np.lib.format.read_magic(raw)
    read_header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read_header(raw)
    if dtype.hasobject:
        raise ValueError(f"{info.filename} holds Python objects")
    mapped = np.memmap(path, dtype, "r", offset=raw.tell(), shape=shape, order="F" if fortran else "C")
    return np.asarray(mapped)
