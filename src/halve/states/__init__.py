"""Where requests, products and deliveries live; the truth."""
