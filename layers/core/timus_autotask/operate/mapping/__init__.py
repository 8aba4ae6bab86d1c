"""Use cases: which contract and which service a quantity goes to."""
