"""Files that are no weight files at all, or only half of one, and what they are called."""

from __future__ import annotations

import pickle as p

from pickle_assembler import archive, dict_of, legacy, named, pickled, storage, tensor, zipped

WRONG = {
    "empty": (b"", "is empty"),
    "zeros": (bytes(1000), "is nothing that ganzoo knows"),
    "random": (bytes(range(200, 256)) * 9, "is nothing that ganzoo knows"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(40), "is a PNG picture"),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(40), "is a JPEG picture"),
    "html": (b"\n<!DOCTYPE html><title>Quota exceeded</title>", "is a web page"),
    "text": (b"hello, these are no weights\n", "is a text"),
    "protocol 0": (p.dumps([1, "x"], 0), "pickle of protocol 0"),
    "protocol 1": (p.dumps({"x": 1.5}, 1), "expected a pickle or a file of torch.save"),
    "text in a pickle": (pickled(b"I1\n"), "protocol 0 or 1"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(40), "is an HDF5 file, as Keras writes"),
    "safetensors": (b"\x10" + bytes(7) + b'{"w": {"dtype"}}', "is a safetensors file"),
    "npy": (b"\x93NUMPY\1\0" + bytes(40), "is a single array of numpy"),
    "gzip": (b"\x1f\x8b\x08" + bytes(40), "unpack it first"),
    "tar": (b"x".ljust(257, b"\0") + b"ustar" + bytes(300), "is a tar archive"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
    "zip": (zipped({"a.txt": b"x"}), "not one of torch.save"),
    "empty zip": (zipped({}), "not one of torch.save"),
    "half a zip": (archive(pickled(p.NONE))[:-30], "without its end"),
    "theano": (pickled(named("network", "Network")), "is a network of the Theano era"),
    "more behind": (pickled(p.NONE) + b"more", "goes on for 4 bytes after its pickle ends"),
    "more behind a torch-zip": (archive(pickled(p.NONE) + b"."), "goes on after its end"),
    "more behind a torch-legacy": (
        legacy(pickled(tensor(storage())), data=bytes(17)),
        "goes on for 1 bytes after its last storage",
    ),
    "another length": (legacy(pickled(tensor(storage())), count=5), "4 numbers and holds 5"),
    "another storage": (legacy(pickled(tensor(storage("1")))), "lists other storages"),
    "a mark left over": (pickled(p.MARK, p.NONE), "ends with values left over"),
    "a value left over": (pickled(p.NONE, p.NONE), "ends with values left over"),
    "big-endian legacy": (
        legacy(pickled(p.NONE), facts=pickled(dict_of(little_endian=p.NEWFALSE))),
        "the other byte order",
    ),
    "a start in the middle": (pickled(p.PROTO, b"\4", p.NONE), "holds bytes that are no pickle"),
    "big-endian": (
        archive(pickled(tensor(storage())), **{"archive/byteorder": b"big"}),
        "the other byte order",
    ),
}
