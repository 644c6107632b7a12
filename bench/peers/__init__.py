"""The same work, done by FieldSync and by what people would pick instead. See README.md beside this file."""
