"""ZIP archives. Nothing is unpacked to the disk, no name is trusted, and no more is read than was promised."""

import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable

from taskward.client.imports.files import LARGEST_DOCUMENT, Source, source_of
from taskward.client.imports.found import BrokenFileError

MOST_MEMBERS = 10_000
LARGEST_IN_ALL = 8 * LARGEST_DOCUMENT
ENCRYPTED = 0x1  # the first bit of a member's flags (APPNOTE.TXT, 4.4.4)
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


def names_in(source: Source) -> list[str]:
    """Return what is in an archive, but for what macOS puts beside each file. Raises BrokenFileError."""
    names = [each.filename for each in _archive(source).infolist()]
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise BrokenFileError(f"the archive has {repeated[0]!r} in it more than once")
    return [name for name in names if not name.startswith("__MACOSX/") and not _base(name).startswith("._")]


def called(names: Iterable[str], wanted: str) -> str | None:
    """Return the first of these that is called so, in whatever folder."""
    return next((name for name in names if _base(name) == wanted), None)


def members_of(source: Source, ending: str) -> list[str]:
    """Return the names that end in this, in whatever folder.

    Raises BrokenFileError, also where what they say to have in them is too much: no more is read of any.
    """
    names = [name for name in names_in(source) if name.lower().endswith(ending.lower())]
    archive = _archive(source)
    if sum(archive.getinfo(name).file_size for name in names) > LARGEST_IN_ALL:
        raise BrokenFileError(
            f"the archive has more than {LARGEST_IN_ALL // 1024**2} MiB in it. Unpack it, and import file by file."
        )
    return names


def only(source: Source, wanted: str) -> Source:
    """Return the file of an archive that is called so, read whole. Raises BrokenFileError."""
    name = called(names_in(source), wanted)
    if name is None:
        raise BrokenFileError(f"there is no {wanted} in the archive")
    return member(source, name)


def member(source: Source, name: str) -> Source:
    """Return a file of an archive, read whole. Raises BrokenFileError, also where it is too large."""
    archive = _archive(source)
    if archive.getinfo(name).flag_bits & ENCRYPTED:
        raise BrokenFileError(f"{name!r} in the archive is encrypted. Unpack it first.")
    try:
        with archive.open(name) as file:
            found = file.read(LARGEST_DOCUMENT + 1)
    except BROKEN:
        raise BrokenFileError(
            f"{name!r} in the archive cannot be read. Was it copied or downloaded whole?"
        ) from None
    if len(found) > LARGEST_DOCUMENT:
        raise BrokenFileError(f"{name!r} in the archive has more than {LARGEST_DOCUMENT // 1024**2} MiB")
    return source_of(name, io.BytesIO(found))


def _base(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def _archive(source: Source) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(source.raw)
    except BROKEN:
        raise BrokenFileError("the archive is not whole. Was it copied or downloaded to its end?") from None
    if len(archive.infolist()) > MOST_MEMBERS:
        raise BrokenFileError(f"the archive has more than {MOST_MEMBERS:,} files in it. Unpack it first.")
    return archive
