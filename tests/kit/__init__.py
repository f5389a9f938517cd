"""What tests of several levels share: one file per room that they are about."""
