"""The Style Playground: neural style transfer that can be steered while it runs."""
