"""What a revoked tablet still held: deposited without an answer, and entered when a dispatcher releases it."""
