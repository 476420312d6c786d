"""How results lie on disk: typed manifests, and checked arrays."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Annotated, Any, BinaryIO, ClassVar, Self

import numpy as np
from numpy.lib.format import dtype_to_descr, open_memmap, write_array_header_1_0
from numpy.typing import DTypeLike, NDArray
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from danq.errors import DanqError, check_name, remedy, shown
from danq.files import digest, read_json_text, sha256, write_json
from danq.provenance import shared_entries

SEAL = "manifest_sha256"
"""Key of a manifest under which its own digest stands."""
_SHOWN_INPUT, _FREE = 60, {"provenance", "options", "train", "predict", "encoder"}


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
"""A name that is one of a directory as well: it leads to no other place."""


class Entry(BaseModel):
    """A part of a manifest."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())


class Manifest(Entry):
    """What a directory of results says of itself: one JSON file, last to be written.

    A subclass is one kind of results. Its fields are the keys of the file in their order; what is not given
    when it is made is not written. Keys that it does not know are no fault of a file.

    ``provenance.outputs`` of the file holds the SHA-256 of each file beside it, and ``manifest_sha256`` that
    of its own content, by which damage is known; what manifests of earlier releases lack is not checked.
    """

    KIND: ClassVar[str]
    FILE: ClassVar[str]
    VERSION: ClassVar[int] = 1
    ALSO: ClassVar[tuple[int, ...]] = ()
    OTHERWISE: ClassVar[frozenset[str]] = frozenset()
    """Files beside it whose damage is known in another way."""

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Read the manifest of a directory.

        Raises
        ------
        DanqError
            If it is missing, no JSON object, of another kind or format version, a key is missing or holds
            something else than it should, or anything in it is not what was written.
        """
        path = directory / cls.FILE
        try:
            if not path.exists():
                raise DanqError(f"{path}: no such file; {directory} is no danq {cls.KIND}")
            text = read_json_text(path)
            value = json.loads(text)
        except OSError as error:
            raise DanqError(f"{path}: not readable ({error.strerror})") from None
        except (ValueError, RecursionError):
            # no JSON, no UTF-8, or a number of thousands of digits
            raise DanqError(f"{path}: expected JSON, received something else{remedy(path)}") from None
        _check_texts(path, value)
        received = value.get("kind") if isinstance(value, dict) else None
        if received != cls.KIND:
            raise DanqError(f"{path}: expected a danq {cls.KIND}, received {received!r}")
        version = value.get("format_version")
        # 1.0 and true equal 1
        if type(version) is not int or version not in (cls.VERSION, *cls.ALSO):
            expected = " or ".join(map(str, (cls.VERSION, *cls.ALSO)))
            raise DanqError(
                f"{path}: expected {cls.KIND} format version {expected}, received {version}; "
                "make it again with this release of danq"
            )
        try:
            manifest = cls.model_validate_json(text, strict=True)
        except ValidationError as error:
            raise DanqError(f"{path}: {first_problem(error)}{remedy(path)}") from None
        if SEAL in value and value != sealed(value):
            raise damaged(path)
        return manifest

    def write(self, directory: Path) -> None:
        """Write the file, after everything that it speaks of, with the digests of the files beside it."""
        if (provenance := getattr(self, "provenance", None)) is not None:
            provenance["outputs"] = {
                path.name: sha256(path)
                for path in sorted(directory.iterdir())
                if path.is_file() and path.name not in {self.FILE, *self.OTHERWISE}
            }
        write_json(directory / self.FILE, sealed(shared_entries(self.content())))

    @property
    def version(self) -> int:
        """Format version that is written: `VERSION`, or one of `ALSO` where the content needs it."""
        return self.VERSION

    def check(self, directory: Path, *names: str) -> None:
        """Compare files beside the manifest with their digests, before anything is made of them.

        What is missing is for its reader to say. A second and a half a GB at most.

        Raises
        ------
        DanqError
            If a file is not what it was when the manifest was written.
        """
        outputs = getattr(self, "provenance", {}).get("outputs", {})
        for name in names if isinstance(outputs, dict) else ():
            path = directory / name
            if name in outputs and path.is_file() and sha256(path) != outputs[name]:
                raise damaged(path)

    def content(self) -> dict[str, Any]:
        """Everything that the file holds, JSON-like."""
        head = {"kind": self.KIND, "format_version": self.version}
        return head | self.model_dump(exclude_unset=True)


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a manifest holds, JSON-like, with the SHA-256 of all the rest of it."""
    rest = {key: value for key, value in content.items() if key != SEAL}
    # by way of its text: JSON has no tuples, and no keys but texts
    return rest | {SEAL: digest(json.loads(json.dumps(rest)))}


def damaged(path: Path, where: str = "") -> DanqError:
    """Say that a stored file is not what was written, and how to mend it."""
    return DanqError(
        f"{shown(path)}: damaged{where}: its SHA-256 is not the one that was noted when it was written"
        f"{remedy(path)}"
    )


def _check_texts(path: Path, value: Any, place: str = "") -> None:
    """Refuse names in a manifest that would break lines and columns wherever they are written."""
    if isinstance(value, str):
        check_name(value, f"{path}: {place}", "text")
    elif isinstance(value, list):
        for item in value:
            _check_texts(path, item, place)
    elif isinstance(value, dict):
        for key, item in value.items():
            check_name(key, f"{path}: {place or 'a key'}", "text")
            # what was given to a command is the user's own
            if key not in _FREE:
                _check_texts(path, item, f"{place}.{key}".lstrip("."))


def first_problem(error: ValidationError) -> str:
    """Say of the first fault where it stands, what was expected, and what was received."""
    problem = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "missing":
        return f"expected a key {place!r}, found none"
    expected = problem["msg"].removeprefix("Input should be ").removeprefix("Value error, expected ")
    return f"{place}: expected {expected}, received {str(problem['input'])[:_SHOWN_INPUT]!r}"


def load_array(
    path: Path, shape: tuple[int, ...], dtype: DTypeLike = np.uint8, kind: str = "dataset"
) -> "np.memmap[Any, np.dtype[Any]]":
    """Map a ``.npy`` file into memory, read-only; `kind` is what its directory is, for messages.

    Raises
    ------
    DanqError
        If it is missing, damaged, or of another shape or type.
    """
    try:
        array: np.memmap[Any, Any] = open_memmap(path, mode="r")
    except (FileNotFoundError, NotADirectoryError):
        raise DanqError(f"{path}: no such file; {path.parent} is no complete {kind}") from None
    except OSError as error:
        raise DanqError(f"{path}: not readable ({error.strerror})") from None
    except (*(ValueError, EOFError, TokenError), *(SyntaxError, TypeError, OverflowError)) as error:
        raise DanqError(
            f"{path}: expected a NumPy array, received a damaged file ({error}){remedy(path)}"
        ) from None
    if array.shape != shape or array.dtype != dtype:
        raise DanqError(
            f"{path}: expected {np.dtype(dtype)} of shape {shape}, "
            f"received {array.dtype} of shape {array.shape}"
        )
    return array


def write_array(path: Path, shape: tuple[int, ...], dtype: DTypeLike, parts: Iterable[NDArray[Any]]) -> None:
    """Write a ``.npy`` file from consecutive parts of its first axis, each already of `dtype`.

    A part is an array of rows, shape (m, ...), or one row; `shape` is that of all parts together.
    """
    # written as a stream: through a memory map, a full disk would kill the job without a word
    with path.open("wb") as stream:
        write_header(stream, shape, dtype)
        for part in parts:
            stream.write(np.ascontiguousarray(part).data)


def write_header(stream: BinaryIO, shape: tuple[int, ...], dtype: DTypeLike) -> None:
    """Write the header of a ``.npy`` file; that of one dimension has the same length whatever its size."""
    header = {"descr": dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    write_array_header_1_0(stream, header)
