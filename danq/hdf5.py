"""Arrays of HDF5 files that come from others: plain data of the file itself, and nothing else.

HDF5 can point outside: a link to another file, storage in files beside it, a virtual dataset put together of
others. Read for somebody else, such a file shows what only its reader may see. Filters may load libraries.
"""

import math
from typing import Any

from danq.errors import DanqError
from danq.limits import check_memory

_FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32"}
_DEFLATED = 1032
"""Bytes that DEFLATE can make of one, at most."""


def plain_member(group: Any, name: str, where: object, kinds: str = "biuf") -> Any:
    """Take a group or an array out of an HDF5 group, if it is hard-linked and plain; None if it is not there.

    Parameters
    ----------
    group : h5py.Group
        A file, or a group that was itself taken so.
    where : path or str
        What messages start with.
    kinds : str
        Of arrays that are taken, as NumPy calls them.

    Returns
    -------
    h5py.Group or h5py.Dataset or None

    Raises
    ------
    DanqError
        If it is a link, something else than a group or an array of numbers, lies in other files or is
        composed of other arrays, is filtered by something else than DEFLATE, or declares more than is there.
    """
    import h5py

    link = group.get(name, getlink=True)
    if link is None:
        return None
    where = f"{where}: {group.name.rstrip('/')}/{name}"
    if not isinstance(link, h5py.HardLink):
        raise DanqError(f"{where}: expected data in the file itself, received a link")
    member = group[name]
    if isinstance(member, h5py.Group):
        return member
    if not isinstance(member, h5py.Dataset) or member.dtype.kind not in kinds:
        received = getattr(member, "dtype", "something else")
        raise DanqError(f"{where}: expected an array of numbers, received {received}")
    _check_storage(member, where)
    return member


def _check_storage(array: Any, where: str) -> None:
    if array.is_virtual or array.external:
        raise DanqError(f"{where}: expected data in the file itself, received a reference to other files")
    created = array.id.get_create_plist()
    filters = [created.get_filter(number)[0] for number in range(created.get_nfilters())]
    if unknown := [number for number in filters if number not in _FILTERS]:
        raise DanqError(f"{where}: expected data as it is or deflated, received the HDF5 filter {unknown[0]}")
    # what was never written is filled up when it is read
    stored = array.id.get_storage_size() * (_DEFLATED if filters else 1)
    chunk = array.dtype.itemsize * math.prod(array.chunks or (0,))
    check_memory(f"{where}: a chunk", chunk)
    if array.nbytes > stored:
        raise DanqError(
            f"{where}: expected {array.nbytes:,} bytes of data, which the array declares; received fewer"
        )
