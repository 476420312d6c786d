"""Write ``digits.npz``, scikit-learn's handwritten digits as images of 0 to 240.

Usage: ``python resources/digits/derive.py [OUT]`` where OUT is the directory to write to (default: that of
this script).
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits


def main(out: Path) -> None:
    """Scale the 17 levels of grey (0 to 16) to pixels, and keep the labels."""
    digits = load_digits()
    images = (digits.images * 15).astype(np.uint8)
    np.savez_compressed(out / "digits.npz", x=images, y=digits.target.astype(np.uint8))


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]) if len(sys.argv) == 2 else Path(__file__).parent)
