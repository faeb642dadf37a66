"""Subjects and their doses, from enrolment to the empty syringe."""
