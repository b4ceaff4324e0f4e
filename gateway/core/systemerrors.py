"""What the operating system says when something fails, in the words of the catalogue."""

from __future__ import annotations

import errno
import os
import socket
import ssl

from gateway.core.sentences import Sentence, verbatim

_WORDS = {
    errno.ECONNREFUSED: Sentence("connection refused"),
    errno.ECONNRESET: Sentence("connection reset"),
    errno.EPIPE: Sentence("connection closed"),
    errno.ETIMEDOUT: Sentence("no answer in time"),
    errno.EHOSTUNREACH: Sentence("no route to this host"),
    errno.ENETUNREACH: Sentence("no route to this network"),
    errno.EADDRINUSE: Sentence("the address is in use"),
    errno.EADDRNOTAVAIL: Sentence("this machine does not have the address"),
    errno.EACCES: Sentence("permission denied"),
    errno.EPERM: Sentence("not permitted"),
    errno.ENOENT: Sentence("no such file or folder"),
    errno.ENOTDIR: Sentence("not a folder"),
    errno.EISDIR: Sentence("a folder, not a file"),
    errno.ENOSPC: Sentence("no space is left on the disk"),
    errno.EDQUOT: Sentence("the disk quota is used up"),
    errno.EROFS: Sentence("the disk is mounted read-only"),
    errno.EIO: Sentence("the disk can't be read or written"),
    errno.EMFILE: Sentence("too many files are open"),
}

_CERTIFICATES = {
    9: Sentence("it is not valid yet"),
    10: Sentence("it has expired"),
    18: Sentence("self-signed certificate"),
    19: Sentence("self-signed certificate in its chain"),
    20: Sentence("the authority that signed it is not known here"),
    21: Sentence("the authority that signed it is not known here"),
    62: Sentence("it was made for another name"),
    64: Sentence("it was made for another address"),
}
"""The codes of X509_verify_cert (OpenSSL, X509_STORE_CTX_get_error)."""


def certificate_words(error: ssl.SSLCertVerificationError) -> Sentence:
    """Why a certificate is not trusted, the rest of a sentence."""
    code: int | None = getattr(error, "verify_code", None)  # only errors of the library itself have one
    known = _CERTIFICATES.get(code) if code is not None else None
    return known or verbatim(getattr(error, "verify_message", "")) or Sentence("it can't be verified")


def system_words(error: OSError) -> Sentence:
    """The rest of a sentence: ``connection refused``. Errors that are rare here keep the words of the system."""
    if isinstance(error, socket.gaierror):
        return Sentence("the name is not known")
    if isinstance(error, TimeoutError):
        return _WORDS[errno.ETIMEDOUT]
    if error.errno in _WORDS:
        return _WORDS[error.errno]
    if error.errno is not None and 0 < error.errno < 200:  # asyncio and OpenSSL put words of their own into strerror
        return verbatim(os.strerror(error.errno))
    return verbatim(error.strerror or str(error) or type(error).__name__)
