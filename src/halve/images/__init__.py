"""Where bytes live: images, and sheets too."""
