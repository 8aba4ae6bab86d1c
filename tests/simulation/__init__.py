"""Deterministic simulation of the real handlers: one process, a virtual clock, a seeded scheduler, a fault at every call.

``python -m tests.simulation --help``
"""
