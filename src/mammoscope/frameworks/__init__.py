"""The same network, weights, data and recipe through several deep-learning frameworks, timed."""
