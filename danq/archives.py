"""Archives of files as they are: ZIP without compression or dates, so that equal files give equal bytes."""

import errno
import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from danq.errors import DanqError, first_line

_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_zip(path: Path, files: Mapping[str, Path | bytes], compressed: bool = False) -> None:
    """Write files, or what they shall hold, under their names and in this order.

    Parameters
    ----------
    compressed : bool
        Deflate them; only what danq does not read back itself.
    """
    kind = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = kind
            with archive.open(entry, "w", force_zip64=True) as member:
                if isinstance(content, bytes):
                    member.write(content)
                else:
                    with content.open("rb") as stream:
                        shutil.copyfileobj(stream, member)


def unpack_zip(path: Path, place: Path, accepted: Callable[[str], bool], what: str, maker: str) -> None:
    """Unpack an archive of `write_zip` whose names are all accepted.

    Parameters
    ----------
    accepted : callable
        Whether a name may be there; it must lead nowhere else.
    what, maker : str
        What the files are, and what writes such archives, for messages.

    Raises
    ------
    DanqError
        If it is no such archive: other names, names that come twice, links, or files that are compressed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            room, seen = path.stat().st_size, set[str]()
            for member in archive.infolist():
                room -= member.file_size
                link = member.external_attr >> 28 not in (0, 8)  # the kind of file where Unix made the entry
                if not accepted(member.filename) or member.filename in seen or link:
                    raise DanqError(f"{path}: expected {what}, received {member.filename!r}")
                if member.compress_type != zipfile.ZIP_STORED or room < 0:
                    raise DanqError(
                        f"{path}: {member.filename}: expected it as it is, received it compressed"
                    )
                seen.add(member.filename)
                (place / member.filename).parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as source, (place / member.filename).open("xb") as copy:
                    shutil.copyfileobj(source, copy)
    except (zipfile.BadZipFile, EOFError, RuntimeError, ValueError, OSError) as error:
        # a full disk, say, is another matter; to seek before the start is the archive's fault, and so is a
        # file where another name has a folder
        ours = (errno.EINVAL, errno.ENOTDIR, errno.EEXIST, errno.EISDIR)
        if isinstance(error, OSError) and error.errno not in ours:
            raise
        raise DanqError(f"{path}: expected an archive of `{maker}` ({first_line(error)})") from None
