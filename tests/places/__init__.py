"""The places where people work: a commit, an editor, CI. Needs package registries, so it runs only when asked for."""
