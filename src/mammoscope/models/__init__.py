"""Networks, their weights, and the cards that describe them. Only `card` works without torch."""
