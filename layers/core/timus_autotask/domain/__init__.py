"""Every decision of the product: pure functions over frozen records, standard library only."""
