"""What finance looks at: a month, line by line, with its money and its causes."""
