"""What the machine and its user give: cores, quiet native libraries, limits."""
