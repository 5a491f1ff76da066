"""What came out and what it will cost: distances, comparisons, and estimates of seconds and memory.

Called by service/, the command line, the page and benchmarks/. It must never know a person or a queue.
"""
