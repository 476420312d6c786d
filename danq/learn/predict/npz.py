"""`.npz` files written row by row and read through a memory map."""

import shutil
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danq.errors import DanqError

_ALIGNMENT = 64
_LOCAL_HEADER = 30
_SMALL = 1 << 20


class StreamedNpz:
    """Collect arrays that grow along their first axis and pack them into one uncompressed `.npz` file.

    The rows wait in plain files, so memory stays small whatever their number. The packed file is what
    `numpy.load` reads; its bytes depend on the arrays alone, not on the sizes of the blocks they came in.

    Parameters
    ----------
    folder : Path
        Existing directory for the waiting rows; the caller removes it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._blocks: dict[str, list[tuple[tuple[int, ...], np.dtype[Any]]]] = {}

    def append(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Add a block of rows to each named array; strings may differ in width between blocks.

        Parameters
        ----------
        arrays : dict of str to array, shape (rows, ...)
            The same names in every call.
        """
        for name, array in arrays.items():
            self._blocks.setdefault(name, []).append((array.shape, array.dtype))
            with self._spool(name).open("ab") as stream:
                stream.write(np.ascontiguousarray(array).data if array.size else b"")

    def pack(self, path: Path, scalars: dict[str, str | int]) -> None:
        """Write the collected arrays, and `scalars` as arrays without dimensions, to `path`."""
        with path.open("wb") as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_STORED) as archive:
            for name, value in scalars.items():
                array = np.array(value)
                with archive.open(_member(name), "w", force_zip64=True) as member:
                    member.write(_npy_header(array.dtype, (), raw.tell()) + array.tobytes())
            for name, blocks in self._blocks.items():
                dtype = np.result_type(*{dtype for _, dtype in blocks})
                shape = (sum(shape[0] for shape, _ in blocks), *blocks[0][0][1:])
                with archive.open(_member(name), "w", force_zip64=True) as member:
                    member.write(_npy_header(dtype, shape, raw.tell()))
                    self._copy(name, dtype, member)
                self._spool(name).unlink()

    def _spool(self, name: str) -> Path:
        return self._folder / f"{name}.rows"

    def _copy(self, name: str, dtype: np.dtype[Any], member: Any) -> None:
        blocks = self._blocks[name]
        with self._spool(name).open("rb") as stream:
            if all(found == dtype for _, found in blocks):
                shutil.copyfileobj(stream, member, _SMALL)
                return
            for shape, found in blocks:
                rows = np.frombuffer(stream.read(int(np.prod(shape)) * found.itemsize), found)
                member.write(rows.astype(dtype).tobytes())


def _member(name: str) -> zipfile.ZipInfo:
    # a fixed date: two runs must give equal bytes
    return zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))


def _npy_header(dtype: np.dtype[Any], shape: tuple[int, ...], position: int) -> bytes:
    """Header of an array that starts at byte `position`, padded so that its data are aligned in the file."""
    descr = np.lib.format.dtype_to_descr(dtype)
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode("latin1")
    unpadded = position + 10 + len(text) + 1
    text += b" " * (-unpadded % _ALIGNMENT) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read every array of an `.npz` file; large uncompressed ones are memory-mapped, read-only.

    Raises
    ------
    DanqError
        If the file is missing, no `.npz` file, damaged, or holds Python objects.
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
    if info.compress_type != zipfile.ZIP_STORED or info.file_size < _SMALL:
        with archive.open(info) as member:
            array: NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
            return array
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
