"""Product pictures at half the weight: a spreadsheet of image links in, the same spreadsheet and lighter images out."""

__version__: str


def __getattr__(name: str) -> str:
    # Reading the installed version takes 30 ms, which most commands need not spend.
    if name == "__version__":
        from importlib.metadata import version

        return version("halve")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
