"""What `halve` is about, free of any database, network or image library: words, sheets, reports and the story itself."""
