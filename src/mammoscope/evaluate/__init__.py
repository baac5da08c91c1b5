"""Reports from predictions and truth."""
