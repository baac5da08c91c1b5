"""Training: recipe (config), images (dataset), two plain loops (loop), folds (run), export."""
