"""Fills gooseBit's database: so many devices that run 1.0, and five rollouts of releases that fit them.

usage: fill_goosebit.py DEVICES; the settings are in the environment.
"""

import asyncio
import sys

from tortoise import Tortoise

from goosebit.db.config import TORTOISE_CONF
from goosebit.db.models import Device, Hardware, Rollout, Software, UpdateStateEnum


async def fill(count: int) -> None:
    await Tortoise.init(config=TORTOISE_CONF)
    await Tortoise.generate_schemas()
    hardware = await Hardware.create(model="GW-200", revision="C")
    for n in range(5):
        software = await Software.create(
            uri=f"file:///nowhere/os-{n}.swu", size=4096, hash="0" * 40, version=f"2.{n}.0"
        )
        await software.compatibility.add(hardware)
        await Rollout.create(name=f"Gateways to 2.{n}", feed="default", software=software)
    for first in range(0, count, 10_000):
        last = min(first + 10_000, count)
        await Device.bulk_create(
            [
                Device(
                    id=f"GW-{n:07}",
                    hardware=hardware,
                    sw_version="1.0.0",
                    last_state=UpdateStateEnum.REGISTERED,
                    feed="default",
                )
                for n in range(first, last)
            ]
        )
    await Tortoise.close_connections()


asyncio.run(fill(int(sys.argv[1])))
