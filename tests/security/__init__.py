"""Security as a whole: the checklists against the tests that they name, and tests over every route and every page."""
