"""What the operating system refuses, in words: the file, and what is the matter with it."""

import errno

SENTENCES = {
    errno.EACCES: "there is no permission for {}",
    errno.EDQUOT: "the quota of the disk of {} is used up",
    errno.EEXIST: "{} exists already",
    errno.EISDIR: "{} is a folder",
    errno.ENAMETOOLONG: "the name {} is too long",
    errno.ENOENT: "there is no file or folder {}",
    errno.ENOSPC: "there is no space left on the disk of {}",
    errno.ENOTDIR: "{} is not a folder, or not in one",
    errno.EPERM: "there is no permission for {}",
    errno.EROFS: "{} is on a disk that can only be read",
}


def in_words(error: OSError) -> str:
    """Return what is wrong, in one line. An error that carries a sentence instead of a number keeps it."""
    if error.errno is None:
        return str(error)
    if error.filename is None:
        return error.strerror or str(error)
    sentence = SENTENCES.get(error.errno)
    return sentence.format(error.filename) if sentence else f"{error.filename}: {error.strerror}"
