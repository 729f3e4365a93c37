"""CT of the hand: its bones by name, and the deposits between them."""
