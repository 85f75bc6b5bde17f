"""What every domain of the emulator uses: routing, storage, the control API, the first data.

No rule of a single domain lives here.
"""
