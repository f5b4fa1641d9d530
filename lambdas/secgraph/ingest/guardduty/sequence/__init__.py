"""An attack sequence (`service.detection.sequence`) → its properties, actors, resources and member findings.

    element     one of resources[], and what several of them say of one thing
    naming      an element → the thing it is, or nothing that could be named
    listed      resources[] → all elements, each thing once
    references  the uids in their lists → the things that they name
    resources   all of them → Resource…, each with what its block says and the cross references between them
    actors      actors[] → the users and roles that acted
    members     signals[] that are findings, and the sequence a finding belongs to → one and the same edge
    properties  what the sequence's own entity says

The names of fields differ from those of single findings, so each kind of resource has a block of its own
(`guardduty/sequence/EC2_INSTANCE`).
"""
