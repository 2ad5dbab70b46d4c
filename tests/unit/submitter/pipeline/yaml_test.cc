#include "submitter/pipeline/yaml.h"

#include <gtest/gtest.h>

#include "submitter/pipeline/scalar.h"

namespace landseer::pipeline {
namespace {

struct Parsed {
  Diagnostics out;
  Document document;
  Node* root = nullptr;
};

std::unique_ptr<Parsed> parse(std::string_view text) {
  auto parsed = std::make_unique<Parsed>();
  parsed->root = parsed->document.parse(text, "f.yaml", parsed->out);
  return parsed;
}

Error error_of(std::string_view text) {
  const auto parsed = parse(text);
  EXPECT_EQ(parsed->root, nullptr) << text.substr(0, 40);
  EXPECT_TRUE(parsed->out.failed());
  return parsed->out.failed() ? parsed->out.failure().value() : Error{};
}

std::string json_of(std::string_view text) {
  const auto parsed = parse(text);
  if (parsed->root == nullptr) return parsed->out.failure().value().to_string();
  return read_config(*parsed->root, parsed->out).text();
}

TEST(Yaml, NodesKnowTheirPlace) {
  const auto parsed = parse("a: 1\nb:\n  - x\n  - {c: y}\nd:\ne: z");
  ASSERT_NE(parsed->root, nullptr);
  EXPECT_EQ(parsed->root->find("a")->place(), "f.yaml:1:4");
  EXPECT_EQ(parsed->root->find("b")->items[1]->find("c")->place(), "f.yaml:4:9");
  EXPECT_EQ(parsed->root->find("d")->place(), "f.yaml:5:1");
}

TEST(Yaml, ScalarsFollowTheCoreSchema) {
  EXPECT_EQ(json_of("{a: 1, b: -2, c: 0x1F, d: 0o17, e: 1.5, f: 1e3, g: .5, h: +4}"),
            R"({"a":1,"b":-2,"c":31,"d":15,"e":1.5,"f":1000,"g":0.5,"h":4})");
  EXPECT_EQ(json_of("{a: true, b: FALSE, c: null, d: ~, e: , f: yes, g: 'true', h: \"1\"}"),
            R"({"a":true,"b":false,"c":null,"d":null,"e":null,"f":"yes","g":"true","h":"1"})");
  EXPECT_EQ(json_of("{a: 1.2.3, b: 1_000, c: -, d: 12h, e: !!str 5, f: 18446744073709551615}"),
            R"({"a":"1.2.3","b":"1_000","c":"-","d":"12h","e":"5","f":18446744073709551615})");
  const auto infinite = parse("a: -.inf");
  read_config(*infinite->root, infinite->out);
  EXPECT_TRUE(infinite->out.failed());
}

TEST(Yaml, DuplicateKeysKeepTheirPositionAndTheLastValue) {
  const auto parsed = parse("a: 1\nb: 2\na: 3\n");
  ASSERT_NE(parsed->root, nullptr);
  ASSERT_EQ(parsed->root->entries.size(), 2u);
  EXPECT_EQ(parsed->root->entries[0].key->text, "a");
  EXPECT_EQ(parsed->root->find("a")->text, "3");
  EXPECT_EQ(parsed->out.take_warnings(),
            std::vector<std::string>{
                "f.yaml:3:1: the key 'a' is given twice; this one wins over line 1"});
}

TEST(Yaml, AliasesAndMergeKeysWork) {
  EXPECT_EQ(json_of("base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\n"),
            R"({"base":{"x":1,"y":2},"use":{"x":1,"y":3}})");
  EXPECT_EQ(json_of("a: &a {x: 1}\nb: &b {x: 2, z: 3}\nuse: {<<: [*a, *b]}\n"),
            R"({"a":{"x":1},"b":{"x":2,"z":3},"use":{"x":1,"z":3}})");
  EXPECT_NE(error_of("a: &a [1]\nb: {<<: *a}\n").message.find("not a mapping"), std::string::npos);
}

TEST(Yaml, ExponentialAliasesAreRefused) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string previous = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) text += (j > 0 ? ", " : "") + previous;
    text += "]\n";
  }
  EXPECT_EQ(error_of(text).code, ErrorCode::kLimit);
}

TEST(Yaml, AnAliasInsideItsOwnValueIsRefused) {
  EXPECT_NE(error_of("a: &a [1, *a]\n").message.find("inside the very value"), std::string::npos);
  EXPECT_NE(error_of("a: &a {b: {c: *a}}\n").message.find("inside the very value"),
            std::string::npos);
}

TEST(Yaml, DepthIsBoundedAlsoThroughAliases) {
  EXPECT_EQ(error_of("a: " + std::string(40, '[') + std::string(40, ']')).code, ErrorCode::kLimit);
  EXPECT_EQ(error_of(std::string(500'000, '[')).code, ErrorCode::kLimit);
  EXPECT_EQ(error_of(std::string(200'000, '{')).code, ErrorCode::kLimit);
  std::string dashes;
  for (int i = 0; i < 10'000; ++i) dashes += "- ";
  EXPECT_EQ(error_of(dashes).code, ErrorCode::kLimit);
  std::string chain = "a0: &a0 [x]\n";
  for (int i = 1; i < 40; ++i) {
    chain += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) +
             "]\n";
  }
  EXPECT_EQ(error_of(chain).code, ErrorCode::kLimit);
}

TEST(Yaml, BytesThatAreNoTextAreRefusedWithTheirLine) {
  EXPECT_EQ(error_of("a: 1\nb: \xff\n").where, "f.yaml:2:1");
  EXPECT_EQ(error_of("a: 1\nb: x\x04y\n").where, "f.yaml:2:5");
  EXPECT_EQ(error_of(std::string_view("a: \0b\n", 6)).where, "f.yaml:1:4");
  EXPECT_EQ(error_of("a: \"\xed\xa0\x80\"").message, "the file is not UTF-8 text");
  EXPECT_EQ(error_of(std::string(kYamlBytesMax + 1, ' ')).code, ErrorCode::kLimit);
}

TEST(Yaml, OneDocumentPerFileAndNoForeignTags) {
  EXPECT_NE(error_of("a: 1\n---\nb: 2\n").message.find("more than one"), std::string::npos);
  EXPECT_NE(error_of("a: !!python/object:os.system x\n").message.find("tag"), std::string::npos);
  EXPECT_NE(error_of("{[a]: 1}").message.find("key"), std::string::npos);
  EXPECT_NE(error_of("? {a: 1}\n: 2\n").message.find("key"), std::string::npos);
}

TEST(Yaml, EmptyTextIsNull) {
  for (const auto text : {"", "\n\n", "# only a comment\n", "---\n", "\xef\xbb\xbf"}) {
    const auto parsed = parse(text);
    ASSERT_NE(parsed->root, nullptr) << text;
    EXPECT_TRUE(parsed->root->is_null()) << text;
  }
}

TEST(Yaml, ByteOrderMarksAndWindowsLinesAreText) {
  EXPECT_EQ(json_of("\xef\xbb\xbf"
                    "a: 1\r\nb: x\r\n"),
            R"({"a":1,"b":"x"})");
}

/// Every prefix of a text with all kinds of constructs is read or refused, never more.
TEST(Yaml, NoTruncationCrashes) {
  const std::string text =
      "a: &x {b: [1, 'two', \"thr\\u00e9e\"], c: |\n  block\n  text\n}\nd: *x\n? key\n: - e\n"
      "  - >-\n    folded\nf: !!str 5\n<<: *x\n--- \n%YAML 1.2\n";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const auto parsed = parse(text.substr(0, size));
    EXPECT_EQ(parsed->root == nullptr, parsed->out.failed());
  }
}

TEST(QuoteWords, SurvivesASplit) {
  EXPECT_EQ(quote_words({"python3", "a b", "it's", ""}), "python3 'a b' 'it'\"'\"'s' ''");
}

}  // namespace
}  // namespace landseer::pipeline
