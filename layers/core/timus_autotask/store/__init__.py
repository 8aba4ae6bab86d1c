"""The records of the product and where each lives in the table."""
