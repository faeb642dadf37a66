"""Tables that others write, read strictly: titles, units, zones and times in many spellings; what a file does not tell
is asked (`question.py`), never guessed. Loggers' files, freezers' files and results' sheets are profiles of this."""
