"""Templates: arithmetic, rendering, the sandbox, compiling, MIME, the library, checks."""
