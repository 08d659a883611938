"""ytproxy keeps YouTube out of a page until the visitor asks for it."""

from importlib.metadata import version

__version__ = version("ytproxy")
