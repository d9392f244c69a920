"""The nouns. Standard library only; everything may import this room, it imports nothing."""
