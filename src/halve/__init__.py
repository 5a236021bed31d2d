"""Product pictures at half the weight: a spreadsheet of image links in, the same spreadsheet and lighter images out."""

from importlib.metadata import version

__version__ = version("halve")
