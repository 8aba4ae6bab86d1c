"""What the product costs, beside the straightforward version of the same functions: calls, requests, units, dollars, instructions."""
