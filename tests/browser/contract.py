"""Compares answers, a JSON list on standard input, with the schemas of an OpenAPI file.

An answer is {"path", "body"}, of GET and status 200, or {"schema", "body"}. Prints every difference.
"""
import json
import sys

import jsonschema
import yaml


def schema_of(document, answer):
    if "schema" in answer:
        return {"$ref": f"#/components/schemas/{answer['schema']}"}
    content = document["paths"][answer["path"]]["get"]["responses"]["200"]["content"]
    return content["application/json"]["schema"]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        document = yaml.safe_load(file)
    broken = []
    for answer in json.load(sys.stdin):
        schema = {**schema_of(document, answer), "components": document["components"]}
        for error in jsonschema.Draft202012Validator(schema).iter_errors(answer["body"]):
            place = "/".join(map(str, error.absolute_path))
            broken.append(f"{answer.get('path') or answer['schema']}: {place}: {error.message[:200]}")
    print("\n".join(broken[:40]))
    sys.exit(1 if broken else 0)


main()
