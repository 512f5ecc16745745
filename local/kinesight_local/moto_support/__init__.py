"""Changes to moto while the local cloud runs, where it differs from AWS or is too slow.

hooks.py          functions run in our processes; call counting; signed links
mappings.py       event source mappings are served by us
templates.py      templates of SAM; state_machines.py runs the state machines of templates
atomic_writes.py  conditional writes of DynamoDB and Kinesis under concurrency
queues.py         SQS under concurrency and with many messages
shards.py         Kinesis shards with many records
signed_links.py   S3 links that expire
patches.py        replaces attributes of moto's classes
"""
