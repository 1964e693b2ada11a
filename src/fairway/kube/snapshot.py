"""Snapshot: a cluster as it is now, for a verb that looks once."""

from collections.abc import Collection, Sequence

from fairway.kit.errors import UsageError
from fairway.kube.api import Api, NotThereError
from fairway.kube.deeds import pages
from fairway.kube.resources import WATCHED, Resource
from fairway.kube.world import World


def snapshot(api: Api, kinds: Collection[str] | None = None, resources: Sequence[Resource] = WATCHED) -> World:
    """All objects of these kinds, of all if none are named. What one may not see is among the world's warnings."""
    world = World()
    for resource in resources:
        if kinds is not None and resource.kind not in kinds:
            continue
        try:
            parts = dict(filter(None, (world.read(resource, value) for value in pages(api, resource.path))))
        except NotThereError:
            world.lacks(resource, "")
        except UsageError as error:
            world.lacks(resource, str(error))
        else:
            world.replace(resource, parts)
    return world
