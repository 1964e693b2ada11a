"""Karpenter's side, played: it watches NodeClasses, marks NodeClaims as drifted, and replaces them within the
budgets of their NodePool when it is told to go on by a step. No cloud is behind it."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from fairway.kube.karpenter import budgets_of
from fairway.rollout.budgets import allowed
from support.apiserver import KARPENTER, ApiServerReplay

Value = dict[str, Any]
HASH = "eks.amazonaws.com/nodeclass-hash"


class Karpenter:
    """One NodeClass and NodePool called `default`, with `nodes` NodeClaims."""

    def __init__(self, server: ApiServerReplay, nodes: int, budget: str = "1") -> None:
        self.server = server
        self.made = 0
        server.missing -= {plural for plural in KARPENTER if plural != "ec2nodeclasses"}
        server.put("nodeclasses", {"metadata": {"name": "default"}, "spec": {"role": "nodes"}})
        pool = {"disruption": {"budgets": [{"nodes": budget}]}}
        server.put("nodepools", {"metadata": {"name": "default"}, "spec": pool})
        self.look()
        for _ in range(nodes):
            self.make()

    @property
    def nodeclass(self) -> Value:
        return self.server.objects["nodeclasses"]["", "default"]

    @property
    def claims(self) -> list[Value]:
        return [claim for _, claim in sorted(self.server.objects.get("nodeclaims", {}).items())]

    def look(self) -> None:
        """Note the hash of the class, and mark the claims that are not as it says any more."""
        value = self.nodeclass
        wanted = hashlib.sha256(json.dumps(value["spec"], sort_keys=True).encode()).hexdigest()[:12]
        value["metadata"].setdefault("annotations", {})[HASH] = wanted
        ready = {"type": "Ready", "status": "True", "observedGeneration": value["metadata"]["generation"]}
        self.server.put("nodeclasses", {**value, "status": {"conditions": [ready]}})
        for claim in self.claims:
            drifted = claim["metadata"]["annotations"][HASH] != wanted
            self.mark(claim, "Drifted", "True" if drifted else "False")

    def mark(self, claim: Value, kind: str, status: str) -> None:
        """Set a condition."""
        kept = [one for one in claim["status"]["conditions"] if one["type"] != kind]
        told = {**claim["status"], "conditions": [*kept, {"type": kind, "status": status}]}
        self.server.put("nodeclaims", {**claim, "status": told})

    def make(self) -> None:
        """A node of the class as it is."""
        self.made += 1
        name = f"default-{self.made}"
        self.server.put(
            "nodeclaims",
            {
                "metadata": {
                    "name": name,
                    "labels": {"karpenter.sh/nodepool": "default"},
                    "annotations": {HASH: self.nodeclass["metadata"]["annotations"][HASH]},
                },
                "spec": {"nodeClassRef": {"group": "eks.amazonaws.com", "kind": "NodeClass", "name": "default"}},
                "status": {"nodeName": f"node-{name}", "conditions": [{"type": "Initialized", "status": "True"}]},
            },
        )

    def step(self) -> int:
        """Look, and replace as many nodes as the budgets allow at once; how many."""
        self.look()
        [pool] = self.server.objects["nodepools"].values()
        drifted = [c for c in self.claims if {"type": "Drifted", "status": "True"} in c["status"]["conditions"]]
        chosen = drifted[: allowed(budgets_of(pool), len(self.claims), 0, datetime.now(UTC))]
        for claim in chosen:
            self.server.delete("nodeclaims", claim["metadata"]["name"])
            self.make()
        return len(chosen)
