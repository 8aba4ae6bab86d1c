"""What the product needs of the world: protocols and errors, standard library only."""
