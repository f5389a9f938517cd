"""All checks, in the order in which a person reads them."""

from __future__ import annotations

from eventsrc.doctor import agents, disk, machine, port, sources, store
from eventsrc.doctor.asked import ask
from eventsrc.doctor.finding import Finding
from eventsrc.doctor.scene import Scene


def examine(scene: Scene) -> list[Finding]:
    """Looks, then judges. Blocks for as long as it takes to list what is followed."""
    status = ask(scene.data)
    directory = store.look(scene, status)
    room = disk.look(scene)
    around = machine.look(scene)
    agent = agents.look(scene, status)
    return [
        store.service(directory),
        store.permissions(directory),
        disk.space(room),
        disk.inodes(room),
        disk.keeps(room),
        sources.sources(sources.look(scene, status)),
        agents.deletion(agent),
        agents.hooks(agent),
        store.read_models(directory),
        store.checkpoint(directory),
        store.verify(directory),
        port.port(port.look(scene)),
        machine.inotify(around),
        machine.sqlite(around),
        machine.clock(around),
        machine.hidepid(around),
    ]
