"""The compatibility matrix: what a package does on each Python and operating system, observed."""
