"""The machine: cores, threads, memory, devices, files that appear whole; every switch of the whole process is here."""
