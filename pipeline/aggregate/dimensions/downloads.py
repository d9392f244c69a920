"""Files that leave Canvas, and links that work without a login."""

from typing import Final

from pipeline.aggregate.dimensions import traits
from pipeline.aggregate.dimensions.dimension import WEB, Narrow
from pipeline.aggregate.dimensions.parts import ACTOR, COURSE, IP, NETWORK, PATH, first_of

BY_ACTOR: Final = Narrow(
    "download_actor",
    WEB,
    traits.FILE,
    (first_of(ACTOR, IP),),
    (traits.DOWNLOAD,),
    members=COURSE,
    sampled=False,
)
BY_LINK: Final = Narrow(
    "shared_link",
    WEB,
    traits.FEED | traits.FILE,
    (PATH,),
    (traits.FEED | traits.ANONYMOUS_DOWNLOAD,),
    members=NETWORK,
)
"""Whoever has a file's verifier or a feed's address needs no login. The secret itself is masked
before Kafka: a file is known by its id, while all feeds of one kind are one key."""

DOWNLOADS: Final = (BY_ACTOR, BY_LINK)
