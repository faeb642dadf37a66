"""What becomes of a record: its states (states.py, meanings.py), who moves it (roles.py), and THE table
of moves (table.py)."""
