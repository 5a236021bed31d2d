"""Seeds for the fuzzer: a small piece of a real photograph in every form of JPEG that the requantiser takes.

`python -m fuzz.seeds FOLDER`
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms

from tests.support.jpeg_forms import Form, Scan, jpeg, picture_of, progressive_script, with_ids
from tests.support.photos import picture

SAMPLINGS = {
    "grey": [(1, 1)],
    "444": [(1, 1)] * 3,
    "422": [(2, 1), (1, 1), (1, 1)],
    "420": [(2, 2), (1, 1), (1, 1)],
    "411": [(4, 1), (1, 1), (1, 1)],
    "440": [(1, 2), (1, 1), (1, 1)],
    "mixed": [(2, 2), (2, 1), (1, 2)],
}
LUMINANCE = [max(1, 3 + i // 3) for i in range(64)]
CHROMINANCE = [max(1, 4 + i // 2) for i in range(64)]


def seeds() -> dict[str, bytes]:
    image = picture("chelsea").crop((120, 90, 120 + 45, 90 + 35))
    files: dict[str, bytes] = {}
    for name, sampling in SAMPLINGS.items():
        count = len(sampling)
        small = picture_of(image, sampling=sampling, steps=[LUMINANCE, CHROMINANCE, CHROMINANCE][:count])
        forms = {
            "plain": Form(),
            "steep": Form(codes="steep"),
            "restarts": Form(restart=2),
            "apart": Form(scans=tuple(Scan((i,)) for i in range(count)), restart=4, fill=1),
            "wide": Form(wide_steps=True),
            "progressive": Form(progressive=True, scans=progressive_script(count)),
            "progressive-deep": Form(progressive=True, scans=progressive_script(count, low=3, split=12), codes="steep"),
            "progressive-restarts": Form(progressive=True, scans=progressive_script(count, low=2), restart=3),
        }
        files |= {f"{name}-{form}": jpeg(small, how) for form, how in forms.items()}
    colour = picture_of(image, sampling=SAMPLINGS["444"], steps=[LUMINANCE] * 3)
    files["rgb-by-name"] = jpeg(with_ids(colour, b"RGB"))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    saves: dict[str, dict[str, Any]] = {
        "pillow": {},
        "pillow-progressive": {"progressive": True},
        "pillow-optimised": {"optimize": True, "icc_profile": profile},
        "pillow-turned": {"exif": exif, "comment": b"a remark"},
        "pillow-rgb": {"keep_rgb": True},
    }
    late = b"\xff\xe0\0\x10JFIF\0" + bytes(9)  # says what colours mean when that is settled already
    files["rgb-and-late-jfif"] = files["rgb-by-name"][:-2] + late + b"\xff\xd9"
    for name, save in saves.items():
        out = io.BytesIO()
        image.save(out, "JPEG", quality=88, **save)
        files[name] = out.getvalue()
    return files


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds().items():
        (folder / f"{name}.jpg").write_bytes(data)
