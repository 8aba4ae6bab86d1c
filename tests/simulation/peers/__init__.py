"""Simpler designs under the same schedules: what each of them bills in the end, beside the product.

``python -m tests.simulation.peers --help``
"""
