"""Areas in few points and with shared borders: what tablets take along."""
