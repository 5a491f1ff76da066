"""What depends on the machine: files written whole, devices, memory, progress for people.

Called by everybody above it. It must never know what is painted.
"""
