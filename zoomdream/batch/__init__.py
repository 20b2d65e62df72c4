"""Many renders, one machine or many."""
