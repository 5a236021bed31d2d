"""Sheets as shops export them: what their columns are called, and how they differ from a plain list of products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from halve.core.sheet import headers as names
from halve.core.sheet.headers import find


@dataclass(frozen=True, slots=True)
class Preset:
    """`serial` and `name`: the accepted headers, the first that is there wins. `images`: for each column of images its
    accepted headers; a row's images are those of all columns, in this order.

    `strict`: a serial column is needed, and every row needs a name and an image. Otherwise a row without image is no
    product and passes through, and one without name is called by its serial.
    `groups`: rows with the same serial are one product, whose name stands in the first of them.
    """

    key: str
    serial: tuple[str, ...]
    name: tuple[str, ...]
    images: tuple[tuple[str, ...], ...]
    strict: bool = False
    groups: bool = False


PLAIN = Preset("plain", names.SERIAL, names.NAME, (names.IMAGES,), strict=True)

SHOPIFY = Preset(
    "shopify",
    ("Handle", "URL handle"),
    ("Title", *names.NAME),
    (("Image Src", "Product image URL"), ("Variant Image", "Variant image URL")),
    groups=True,
)
WOOCOMMERCE = Preset("woocommerce", ("id", "SKU", *names.SERIAL), ("Name", *names.NAME), (("Images",),))
GOOGLE = Preset("google", ("id", *names.SERIAL), ("title", *names.NAME), (("image_link",), ("additional_image_link",)))
MAGENTO = Preset("magento", ("sku", *names.SERIAL), ("name", *names.NAME), (("base_image",), ("additional_images",)))

BY_KEY = {preset.key: preset for preset in (PLAIN, SHOPIFY, WOOCOMMERCE, GOOGLE, MAGENTO)}

_SERIAL_OF_ONES_OWN = tuple(name for name in names.SERIAL if name != "id")

_WOOCOMMERCE_ALONE = ("SKU", "Type", "Published", "Visibility in catalog", "Parent", "Categories", "Regular price")
"""Headers of a WooCommerce export that a plain list with a column `Images` would not have."""


def recognise(places: Mapping[str, int]) -> Preset:
    """The preset whose headers these are, as `headers.placed` has them.

    A complete plain header is plain, so that a column more never changes the meaning of one's own sheet. WooCommerce's `ID`,
    `Name` and `Images` are plain names too; there the company they keep decides. No shop's export has an `S. No.`.
    """

    def has(*accepted: str) -> bool:
        return find(accepted, places) is not None

    woocommerce = has("Images") and has("Name") and not has(*_SERIAL_OF_ONES_OWN) and (has(*_WOOCOMMERCE_ALONE) or not has("id"))
    if all(has(*accepted) for accepted in (PLAIN.serial, PLAIN.name, *PLAIN.images)) and not woocommerce:
        return PLAIN
    if has(*SHOPIFY.serial) and any(has(*accepted) for accepted in SHOPIFY.images):
        return SHOPIFY
    for preset in (GOOGLE, MAGENTO):
        if any(has(*accepted) for accepted in preset.images):
            return preset
    return WOOCOMMERCE if woocommerce else PLAIN
