"""Fuzzing of everything that reads what strangers send: ``make fuzz SECONDS=600``.

``targets`` says what each reader promises; ``corpus/NAME`` holds what the mutations begin with, ``regressions/NAME``
each input that once broke a promise. Both are run as tests (``test_fuzz.py``); ``engine`` is the fuzzer itself.
"""
