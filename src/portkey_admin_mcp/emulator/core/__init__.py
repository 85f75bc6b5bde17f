"""What every domain of the emulator uses: routing, storage, the control API and the seeds.

Domains declare what a deletion does to other rows; `tables.py` collects these rules, and the store
carries them out. A rule of a single domain does not belong here.
"""
