"""Feed-forward style transfer: a network is trained once per style and then paints any picture in one pass."""
