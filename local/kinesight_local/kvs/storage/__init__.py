"""State on disk: media as one file per fragment, everything else in an SQLite index. Persisted data survives a kill.

index.py               the SQLite file: tables, migrations, locking
streams.py             streams and their settings
stored_fragment.py     a fragment's row in the index
fragment_files.py      a fragment's bytes
fragment_store.py      adds and deletes fragments
fragment_reader.py     queries fragments
pending_deliveries.py  images and notifications that are still to be delivered
secret_keys.py         keys generated on first use
"""
