"""The ports on AWS, and what the functions tell CloudWatch."""
