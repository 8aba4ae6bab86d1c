"""The next step of a contract: what is known, what is missing, what may be sent now."""
