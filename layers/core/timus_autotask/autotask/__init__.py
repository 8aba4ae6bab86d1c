"""Autotask's REST API: a client without I/O of its own, and the meaning of each answer."""
