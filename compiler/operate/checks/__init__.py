"""What `doctor` looks at, one subject a module. `doctor.CHECKS` has them all."""
