"""What a person does, as functions with typed arguments and results; no terminal."""
