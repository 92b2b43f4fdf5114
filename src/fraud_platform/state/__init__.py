"""What the platform remembers of customers, cards, devices, merchants and addresses."""
