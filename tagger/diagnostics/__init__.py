"""What is here and how fast it is: doctor, formats, bench, profile."""
