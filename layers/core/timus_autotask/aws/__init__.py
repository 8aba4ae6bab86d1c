"""The ports on AWS, and what the functions report to CloudWatch."""
