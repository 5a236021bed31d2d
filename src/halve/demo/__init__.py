"""What `halve demo` shows: real photographs, a sheet as a shop has it, and a server on loopback that hands them out."""
