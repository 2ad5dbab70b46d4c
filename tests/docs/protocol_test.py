"""docs/protocol.md against the code: message tables, limits and golden bytes.

Names, order and types of the fields come from the headers in common/protocol; a change to one side
without the other fails here.
"""
import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROTOCOL = ROOT / "common/protocol"
DOCUMENT = (ROOT / "docs/protocol.md").read_text()
HEADERS = ("resources.h", "attempt.h", "content_check.h", "worker_messages.h", "client_rows.h", "explanation.h",
           "selection.h", "pause_part.h", "forecast_messages.h", "drain.h", "changes.h", "client_messages.h",
           "bulk_messages.h", "submission.h", "worker_list.h")
VARIANTS = {"FromWorker": "From worker", "ToWorker": "To worker", "FromClient": "From client",
            "ToClient": "To client", "BulkRequest": "Bulk request", "BulkReply": "Bulk reply"}
WORDS = {"std::uint8_t": "u8", "std::uint32_t": "u32", "std::uint64_t": "u64",
         "std::int32_t": "i32", "std::int64_t": "i64", "bool": "bool", "std::string": "text",
         "Digest": "digest", "TaskId": "task id", "WorkflowId": "workflow id",
         "PipelineId": "pipeline id", "WorkerId": "worker id", "Outcome": "outcome",
         "ErrorCode": "error code", "PipelineState": "pipeline state",
         "std::map<std::string, std::string>": "map of texts"}


def word_for(type_name):
    """The document's word for a C++ type."""
    for pattern, form in ((r"std::vector<(.+)>", "list of {}"), (r"std::optional<(.+)>", "{} or nil")):
        match = re.fullmatch(pattern, type_name)
        if match:
            return form.format(word_for(match.group(1)))
    return WORDS.get(type_name, type_name)


def read_structs():
    """Struct -> [(field, word)] in the order in which fields() visits them."""
    structs = {}
    for header in HEADERS:
        text = (PROTOCOL / header).read_text()
        for name, body in re.findall(r"^struct (\w+) \{\n(.*?)^\};", text, flags=re.M | re.S):
            members = dict((field, type_name) for type_name, field in re.findall(
                r"^  ([\w:]+(?:<[^;={]*>)?) (\w+)(?: = [^;]*|\{\})?;", body, flags=re.M))
            fields = []
            for field, value in re.findall(r'visit\("(\w+)", ([^;]+)\);', body):
                fields.append((field, "bytes" if "as_bytes" in value else word_for(members[field])))
            structs[name] = fields
    return structs


def read_variants():
    """`From worker 1: Hello` and so on: the document's headings."""
    headings = []
    for header in HEADERS:
        text = (PROTOCOL / header).read_text()
        for name, members in re.findall(r"using (\w+) =\s+std::variant<([^>]+)>;", text):
            for number, member in enumerate(re.split(r",\s*", members.strip()), 1):
                headings.append(f"{VARIANTS[name]} {number}: {member}")
    return headings


def read_tables():
    """Struct -> [(field, word)] as the document has them; one without fields has no table."""
    tables = {}
    for heading, section in re.findall(r"^### (.+?)\n(.*?)(?=^#|\Z)", DOCUMENT, flags=re.M | re.S):
        name = re.search(r"(?:Part|\w+ \w+ \d+): (\w+)$", heading)
        if name:
            rows = re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", section, flags=re.M)
            tables[name.group(1)] = rows
    return tables


def read_limits():
    text = (PROTOCOL / "limits.h").read_text()
    found = re.findall(r"inline constexpr [\w:]+ (k\w+) = ([\d' *]+);", text)
    return {name: eval(value.replace("'", "")) for name, value in found}  # products of numbers


def number_of(text):
    match = re.match(r"([\d,]+)(?: (KiB|MiB))?", text)
    scale = {None: 1, "KiB": 1024, "MiB": 1024 * 1024}[match.group(2)]
    return int(match.group(1).replace(",", "")) * scale


class ProtocolDocument(unittest.TestCase):
    maxDiff = None

    def test_every_message_has_its_heading_and_number(self):
        headings = re.findall(r"^### ((?:From|To|Bulk) \w+ \d+: \w+)$", DOCUMENT, flags=re.M)
        self.assertEqual(headings, sorted(headings, key=headings.index))
        self.assertCountEqual(headings, read_variants())

    def test_every_table_has_the_fields_in_order(self):
        tables = read_tables()
        for name, fields in read_structs().items():
            self.assertIn(name, tables, f"docs/protocol.md has no section for {name}")
            self.assertEqual(tables[name], fields, f"the table of {name}")

    def test_no_table_describes_what_does_not_exist(self):
        self.assertEqual(sorted(read_tables().keys() - read_structs().keys()), [])

    def test_limits_are_those_of_the_code(self):
        rows = re.findall(r"^\| `(k\w+)` \| ([\d,]+(?: [KM]iB)?) \|", DOCUMENT, flags=re.M)
        self.assertEqual({name: number_of(value) for name, value in rows}, read_limits())

    def test_golden_bytes_are_those_of_the_tests(self):
        shown = re.findall(r"<!-- golden: (\w+) -->\n+```\w*\n(.*?)^```", DOCUMENT, flags=re.M | re.S)
        self.assertGreaterEqual(len(shown), 2)
        for name, text in shown:
            golden = (ROOT / f"tests/protocol/golden/v1/{name}.hex").read_text()
            self.assertEqual("".join(text.split()), "".join(golden.split()), name)

    def test_enumerations_have_their_numbers(self):
        for header, enum in (("attempt.h", "Outcome"), ("client_rows.h", "PipelineState")):
            text = (PROTOCOL / header).read_text()
            body = re.search(rf"enum class {enum} [^{{]*\{{(.*?)\}};", text, flags=re.S).group(1)
            for name, number in re.findall(r"k(\w+) = (\d+)", body):
                self.assertRegex(DOCUMENT, rf"(?m)^\| {number} \| `k{name}` \|", f"{enum}::k{name}")
        codes = re.findall(r"k(\w+) = (\d+)", (ROOT / "common/base/result.h").read_text())
        for name, number in codes:
            self.assertRegex(DOCUMENT, rf"(?m)^\| {number} \| `k{name}` \|", f"ErrorCode::k{name}")

    def test_architecture_names_the_rules_of_the_code(self):
        document = (ROOT / "docs/architecture.md").read_text()
        settings = (ROOT / "broker/core/settings.h").read_text()
        for name in re.findall(r"^\| `(k\w+)` \| ", document, flags=re.M):
            value = re.search(rf"\| `{name}` \| (\d+)(?: (s|min))? \|", document)
            unit = {None: "", "s": "seconds", "min": "minutes"}[value.group(2)]
            self.assertRegex(settings, rf"{name} =\s+[\w:]*{unit}\(?{value.group(1)}\)?;")


if __name__ == "__main__":
    unittest.main()
