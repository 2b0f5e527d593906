"""What the operating system refuses, in words: the file, and what is the matter with it."""

import errno
from pathlib import Path

SENTENCES = {
    errno.EACCES: "permission denied for {}",
    errno.EDQUOT: "the disk quota for {} is used up",
    errno.EEXIST: "{} already exists",
    errno.EISDIR: "{} is a folder",
    errno.ENAMETOOLONG: "the name {} is too long",
    errno.ENOENT: "no such file or folder: {}",
    errno.ENOSPC: "no space left on the disk for {}",
    errno.ENOTDIR: "{} is not a folder, or a part of its path is not",
    errno.EPERM: "permission denied for {}",
    errno.EROFS: "{} is on a read-only disk",
}


def unusable_data_dir(folder: Path, error: OSError) -> str:
    """Return what is wrong with the folder of DATA_DIR, and what to do, in one line."""
    reason = "it is not a folder" if isinstance(error, FileExistsError) else in_words(error)
    return f"DATA_DIR cannot be {folder.absolute()}: {reason}. Set it to a folder that this user can write to"


def in_words(error: OSError) -> str:
    """Return what is wrong, in one line. An error that carries a sentence instead of a number keeps it."""
    if error.errno is None:
        return str(error)
    if error.filename is None:
        return error.strerror or str(error)
    sentence = SENTENCES.get(error.errno)
    return sentence.format(error.filename) if sentence else f"{error.filename}: {error.strerror}"
