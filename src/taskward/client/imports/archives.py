"""ZIP archives. Nothing is unpacked to the disk, no name is trusted, and no more is read than was promised."""

import io
import zipfile
import zlib

from taskward.client.imports.files import LARGEST_DOCUMENT, Source, source_of
from taskward.client.imports.found import BrokenFileError

MOST_MEMBERS = 10_000
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)


def names_in(source: Source) -> list[str]:
    """Return what is in an archive. Raises BrokenFileError."""
    return [each.filename for each in _archive(source).infolist()]


def members_of(source: Source, ending: str) -> list[str]:
    """Return the names that end in this, in whatever folder. Raises BrokenFileError."""
    return [name for name in names_in(source) if name.lower().endswith(ending.lower())]


def member(source: Source, name: str) -> Source:
    """Return a file of an archive, read whole. Raises BrokenFileError, also where it is too large."""
    archive = _archive(source)
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


def _archive(source: Source) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(source.raw)
    except BROKEN:
        raise BrokenFileError("the archive is not whole. Was it copied or downloaded to its end?") from None
    if len(archive.infolist()) > MOST_MEMBERS:
        raise BrokenFileError(f"the archive has more than {MOST_MEMBERS:,} files in it")
    return archive
