"""Random named flows for tests of the database: a few workloads, both reporters, both families, some denials."""

import random

import pyarrow as pa

from fairway.hub.columns import END, SCHEMA

MINUTE_US = 60_000_000
START_US = 1_790_000_000 // 3600 * 3600 * 1_000_000
"""A whole hour."""


def _end(rng: random.Random) -> dict[str, str]:
    kind = rng.choice(["pod", "pod", "pod", "external", "cloud", "service"])
    number = rng.randrange(4)
    word = dict.fromkeys(END, "") | {"kind": kind, "labels": "{}", "ports": "[]"}
    if kind == "pod":
        name = rng.choice(["ui", "orders", "db"])
        word |= {"namespace": rng.choice(["shop", "data"]), "workload": f"Deployment/{name}"}
        word |= {"name": f"{name}-{number}", "node": f"node-{number}", "zone": f"1{'ab'[number % 2]}"}
        word |= {"address": f"10.0.{number}.{rng.randrange(9)}", "labels": f'{{"app":"{name}"}}'}
    elif kind == "external":
        word["address"] = rng.choice([f"198.51.100.{number}", f"2001:db8:{number}::1", f"203.0.113.{number}"])
        word["name"] = ["", "api.example.com"][number % 2]
    elif kind == "cloud":
        word |= {"name": rng.choice(["S3", "DYNAMODB"]), "address": f"192.0.2.{number}"}
    else:
        word |= {"namespace": "shop", "name": "orders", "address": "10.96.0.20"}
    return word


def random_flows(seed: int, count: int, hours: int = 3) -> pa.Table:
    """`count` flows over some hours, in whole milliseconds."""
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        end = START_US + rng.randrange(hours * 60 * MINUTE_US) // 1000 * 1000
        client, server = _end(rng), _end(rng)
        family = 6 if ":" in client["address"] + server["address"] else 4
        verdict = rng.choice(["unjudged", "allow", "allow", "deny"])
        rows.append(
            {
                "time_start": end - 10_000_000,
                "time_end": end,
                "first_seen": end - rng.randrange(5000, 10000) * 1000,
                "last_seen": end - rng.randrange(5000) * 1000,
                "kind": rng.choice(["flow", "flow", "flow", "edge", "rest"]),
                "reporter": rng.choice(["client", "server"]),
                "initiator_known": rng.random() < 0.9,
                "protocol": rng.choice(["TCP", "TCP", "UDP"]),
                "family": family,
                **{f"client_{name}": value for name, value in client.items()},
                **{f"server_{name}": value for name, value in server.items()},
                "service": rng.choice(["", "shop/orders:80"]),
                "port": rng.choice([80, 8080, 5432, 53]),
                "verdict": verdict,
                "staged": rng.choice(["unjudged", "allow", "deny"]),
                "reason": "no_rule" if verdict == "deny" else "",
                "denied": rng.choice([0, 3]) if verdict == "deny" else 0,
                "category": rng.choice(["intra-zone", "inter-zone", "external"]),
            }
        )
    for row in rows:
        for field in SCHEMA:
            if field.name not in row:
                word = pa.types.is_dictionary(field.type)
                row[field.name] = "" if word else rng.randrange(1000)
    return pa.Table.from_pylist(rows, schema=SCHEMA)
