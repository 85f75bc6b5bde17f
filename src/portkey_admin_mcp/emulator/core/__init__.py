"""What every domain of the emulator uses: routing, storage, the control API and the seeds.

A rule of a single domain does not belong here.
"""
