"""Prints what an image is made of, as CycloneDX 1.5 JSON: the Python packages of this environment."""

import json
import sys
from importlib.metadata import distributions


def main(part: str) -> None:
    """The same packages, the same bytes: no time and no random serial number."""
    installed = {(one.metadata["Name"], one.version) for one in distributions()} - {("", "")}
    left_out = {"pip", "setuptools"}
    components = [
        {
            "type": "library",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{version}",
        }
        for name, version in sorted(installed)
        if name not in left_out
    ]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": f"fairway-{part}"}},
        "components": components,
    }
    json.dump(document, sys.stdout, indent=1)


main(sys.argv[1])
