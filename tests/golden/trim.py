"""Make the op_*.npz of tests/golden/data from a complete folder of golden files.

    python tests/golden/trim.py SOURCE [TARGET]

Keeps whole cases, chosen so that every option and every kind of case occurs and no file passes
100 kB; keys and arrays stay as they are.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

LARGEST = 100_000

KEEP = {
    # Up and down by 1 and 2, padded and cropped, one- and two-dimensional taps and none.
    "op_upfirdn2d": "case003 case024 case047 case058 case066 case081 case094 case117",
    # Plain and grouped 1x1; 3x3 up and down, grouped and flipped; 1x1 down with padding.
    "op_conv2d_resample": "case001 case016 case023 case028",
    # 1x1 without demodulation; 3x3 plain, up and down, with either shape of noise.
    "op_modulated_conv2d": "case003 case007 case017 case026",
    # Two statistics, the whole batch as a group; dense layers; convolutions up and down.
    "op_layers": "mbstd_2 mbstd_4 norm2_0 norm2_1 fc_linear_0 fc_linear_5 fc_lrelu_7"
    " conv_lrelu_1 conv_linear_3",
    "op_resample2d": "filter2d_000 filter2d_003 upsample2d_009 upsample2d_014 downsample2d_017"
    " downsample2d_022 setup_filter_list1331 setup_filter_list121_gain setup_filter_raw"
    " setup_filter_flip setup_filter_sep8 setup_filter_sep_forced",
    # Another two or three of the eleven cases for each activation.
    "op_bias_act": "linear_00 linear_05 linear_10 relu_04 relu_09 lrelu_03 lrelu_06 lrelu_08"
    " tanh_02 tanh_07 sigmoid_01 sigmoid_06 elu_00 elu_05 elu_10 selu_04 selu_09 softplus_03"
    " softplus_08 swish_02 swish_07 default_linear default_relu default_lrelu default_tanh"
    " default_sigmoid default_elu default_selu default_softplus default_swish",
}


def trim(source: Path, target: Path) -> None:
    """Write the kept cases of every file of operations to ``target``."""
    for stem, cases in KEEP.items():
        kept = set(cases.split())
        with np.load(source / f"{stem}.npz", allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        missing = kept - {name.split("/")[0] for name in arrays}
        if missing:
            raise SystemExit(f"{source / stem}.npz has no case {', '.join(sorted(missing))}")
        arrays = {name: array for name, array in arrays.items() if name.split("/")[0] in kept}
        path = target / f"{stem}.npz"
        np.savez_compressed(path, **arrays)
        size = path.stat().st_size
        if size > LARGEST:
            raise SystemExit(f"{path} has {size} bytes; keep fewer cases, {LARGEST} are allowed")
        print(f"{path.name}: {len(kept)} cases, {size} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="folder with the complete op_*.npz")
    parser.add_argument("target", type=Path, nargs="?", default=Path(__file__).parent / "data")
    arguments = parser.parse_args()
    trim(arguments.source, arguments.target)
