"""The style pictures, one module each, and `brush`, the tools they share. `paint.py` beside this package runs them."""
