"""One file an engine: Params, Memory, init and step."""
