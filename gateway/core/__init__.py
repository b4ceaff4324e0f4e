"""The words everybody uses: types, ports, handles, errors, time. Imports only the standard library and phonenumbers."""
