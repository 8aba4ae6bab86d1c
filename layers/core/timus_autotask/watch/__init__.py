"""Looks at how everything is; never writes a seat."""
