"""Mutation testing of the deciding code: small faults are put into it one at a time, and a unit test must notice each."""
