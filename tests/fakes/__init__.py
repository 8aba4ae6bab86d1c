"""In-memory adapters of the product's ports, held to the same contract suites as the real ones."""
