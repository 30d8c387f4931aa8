"""Documents that are there twice, nearly twice, or in the evaluation too."""
