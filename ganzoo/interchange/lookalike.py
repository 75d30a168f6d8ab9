"""What a file that is no weight file seems to be instead."""

from __future__ import annotations

_EXPECTED = "expected a pickle or a file of torch.save."

_STARTS = (
    (b"\x89PNG\r\n", "is a PNG picture"),
    (b"\xff\xd8\xff", "is a JPEG picture"),
    (b"GIF8", "is a GIF picture"),
    (b"BM", "is a BMP picture"),
    (b"II*\0", "is a TIFF picture"),
    (b"MM\0*", "is a TIFF picture"),
    (b"RIFF", "is a picture, a film or a sound in a RIFF container"),
    (b"%PDF", "is a PDF document"),
    (b"\x89HDF\r\n\x1a\n", "is an HDF5 file, as Keras writes"),
    (b"\x93NUMPY", "is a single array of numpy"),
    (b"\x1f\x8b", "is compressed by gzip; unpack it first"),
    (b"BZh", "is compressed by bzip2; unpack it first"),
    (b"\xfd7zXZ\0", "is compressed by xz; unpack it first"),
    (b"7z\xbc\xaf", "is a 7-Zip archive; unpack it first"),
    (b"Rar!", "is a RAR archive; unpack it first"),
    (b"version https://git-lfs", "is a Git LFS pointer, not the file it points to; fetch that"),
)
_PAGE = (b"<!doctype", b"<html", b"<?xml", b"<head", b"<!--")
_LONGEST_HEADER = 100 << 20


def looks_like(data: memoryview) -> str:
    """What the first bytes say, as the rest of a sentence that starts with the file's name."""
    if not len(data):
        return "is empty; download or copy it again."
    head = bytes(data[:512])
    for start, what in _STARTS:
        if head.startswith(start):
            return f"{what}; {_EXPECTED}"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGE):
        return "is a web page, as a refused download leaves it; download the weights again."
    if head[257:262] == b"ustar":
        return f"is a tar archive; unpack it first; {_EXPECTED}"
    header = int.from_bytes(head[:8], "little")
    if head[8:9] == b"{" and header <= min(len(data) - 8, _LONGEST_HEADER):
        return f"is a safetensors file; {_EXPECTED}"
    if head.isascii() and head.replace(b"\n", b" ").replace(b"\r", b" ").decode().isprintable():
        return f"is a text or a pickle of protocol 0, written in text; {_EXPECTED}"
    return f"is nothing that ganzoo knows; {_EXPECTED}"
