"""The style pictures, one module each, and the tools they share, `brush` and `block`. `paint.py` beside this package runs them."""
