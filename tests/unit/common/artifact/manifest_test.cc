#include "common/artifact/manifest.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace landseer {
namespace {

const Digest kContent = sha256("content");
const std::string kHex = kContent.hex();

ManifestEntry entry(std::string path) { return {std::move(path), 7, false, kContent}; }

Result<std::string> text_of(std::vector<std::string> paths) {
  Manifest manifest;
  for (std::string& path : paths) manifest.entries.push_back(entry(std::move(path)));
  return manifest_text(manifest);
}

TEST(Manifest, HasOneCanonicalText) {
  Manifest manifest{{entry("model.pt"), {"bin/run", 12, true, kContent}}};
  const auto text = manifest_text(manifest);
  ASSERT_TRUE(text) << text.error().to_string();
  EXPECT_EQ(*text, "landseer-manifest 1\n" + kHex + " x 12 bin/run\n" + kHex + " - 7 model.pt\n");
  EXPECT_EQ(manifest.bytes(), 19u);
}

TEST(Manifest, OrderOfEntriesDoesNotMatter) {
  EXPECT_EQ(*text_of({"b", "a/z", "a/b", "c"}), *text_of({"a/b", "c", "b", "a/z"}));
}

TEST(Manifest, ComesBackFromItsText) {
  Manifest manifest{{entry("a/b"), entry("a-b"), entry("line\nbreak"), entry("back\\slash\\n"),
                     entry(std::string(255, 'x')), entry("\xff\xfe")}};
  const auto text = manifest_text(manifest);
  ASSERT_TRUE(text);
  const auto parsed = parse_manifest(*text);
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  EXPECT_EQ(*parsed, manifest);
}

TEST(Manifest, RefusesBadPaths) {
  const std::string nul("a\0b", 3);
  for (const std::string& path :
       {std::string(), std::string("/etc/passwd"), std::string("a//b"), std::string("a/"),
        std::string("."), std::string("a/./b"), std::string(".."), std::string("../x"),
        std::string("a/../../x"), nul, std::string(kPathBytesMax + 1, 'x')}) {
    EXPECT_FALSE(check_path(path)) << path;
    EXPECT_FALSE(text_of({path})) << path;
  }
  EXPECT_TRUE(check_path("...") && check_path("a/.b") && check_path("a..b/c"));
}

TEST(Manifest, RefusesPathsThatAreTooDeep) {
  std::string path = "d";
  for (std::size_t i = 1; i < kPathDepthMax; ++i) path += "/d";
  EXPECT_TRUE(check_path(path));
  EXPECT_EQ(check_path(path + "/d").error().code, ErrorCode::kLimit);
}

TEST(Manifest, RefusesConflicts) {
  EXPECT_FALSE(text_of({"a", "a"}));
  EXPECT_FALSE(text_of({"a", "a/b"}));
  EXPECT_FALSE(text_of({"a/b/c", "a-b", "a.b", "a/b"}));
  EXPECT_TRUE(text_of({"a", "ab", "a-b", "a b"}));
}

TEST(Manifest, RefusesTooManyFiles) {
  std::vector<std::string> paths;
  for (std::size_t i = 0; i <= kManifestEntriesMax; ++i) paths.push_back(std::to_string(i));
  EXPECT_EQ(text_of(paths).error().code, ErrorCode::kLimit);
  paths.pop_back();
  const auto text = text_of(paths);
  ASSERT_TRUE(text);
  EXPECT_EQ(parse_manifest(*text)->entries.size(), kManifestEntriesMax);
  EXPECT_FALSE(parse_manifest(*text + kHex + " - 7 x\n"));
}

TEST(Manifest, ParserTakesOnlyWhatTheWriterWrites) {
  const std::string title = "landseer-manifest 1\n";
  EXPECT_TRUE(parse_manifest(title + kHex + " - 7 a\n"));
  for (const std::string& text :
       {std::string(), std::string("landseer-manifest 2\n"), title + kHex + " - 7 a",
        title + kHex + " - 7 a\n\n", title + kHex + " - 07 a\n", title + kHex + " - +7 a\n",
        title + kHex + " - -7 a\n", title + kHex + " - 7  \n a\n", title + kHex + " y 7 a\n",
        title + kHex + "  - 7 a\n", title + kHex.substr(1) + " - 7 a\n",
        title + kHex + " - 99999999999999999999 a\n", title + kHex + " - 7 a\\x\n",
        title + kHex + " - 7 a\\\n", title + kHex + " - 7 ../a\n", title + kHex + " - 7\n",
        title + kHex + " - 7 b\n" + kHex + " - 7 a\n",
        title + kHex + " - 7 a\n" + kHex + " - 7 a\n",
        title + kHex + " - 7 a\n" + kHex + " - 7 a/b\n"}) {
    EXPECT_FALSE(parse_manifest(text)) << text;
  }
}

TEST(Manifest, EveryTruncationFailsOrIsAShorterList) {
  const auto text = text_of({"a", "b/c", "d"});
  ASSERT_TRUE(text);
  for (std::size_t size = 0; size < text->size(); ++size) {
    const auto parsed = parse_manifest(std::string_view(*text).substr(0, size));
    EXPECT_EQ(parsed.has_value(), size >= 20 && (*text)[size - 1] == '\n') << size;
  }
}

TEST(Manifest, TopLevelName) {
  EXPECT_EQ(entry("a/b/c").top_level_name(), "a");
  EXPECT_EQ(entry("model.pt").top_level_name(), "model.pt");
}

}  // namespace
}  // namespace landseer
