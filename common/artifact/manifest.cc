#include "common/artifact/manifest.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace landseer {
namespace {

constexpr std::string_view kTitle = "landseer-manifest 1\n";

void append_escaped(std::string& out, std::string_view path) {
  for (const char c : path) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '\\') out.push_back(c);
      out.push_back(c);
    }
  }
}

std::optional<std::string> unescaped(std::string_view text) {
  std::string path;
  path.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      path.push_back(text[i]);
      continue;
    }
    if (++i == text.size() || (text[i] != 'n' && text[i] != '\\')) return std::nullopt;
    path.push_back(text[i] == 'n' ? '\n' : '\\');
  }
  return path;
}

/// Everything before the next `end`, which is taken too; empty when there is none.
std::optional<std::string_view> take_until(std::string_view& text, char end) {
  const std::size_t size = text.find(end);
  if (size == std::string_view::npos) return std::nullopt;
  const std::string_view taken = text.substr(0, size);
  text.remove_prefix(size + 1);
  return taken;
}

/// Decimal as we write it: no sign, no leading zero.
std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text[0] == '0') return std::nullopt;
  return value;
}

std::optional<ManifestEntry> parse_line(std::string_view line) {
  const auto digest = take_until(line, ' ');
  const auto mode = take_until(line, ' ');
  const auto size = take_until(line, ' ');
  if (!digest || !mode || !size || (*mode != "x" && *mode != "-")) return std::nullopt;
  const auto content = Digest::from_hex(*digest);
  const auto bytes = parse_size(*size);
  auto path = unescaped(line);
  if (!content || !bytes || !path) return std::nullopt;
  return ManifestEntry{std::move(*path), *bytes, *mode == "x", *content};
}

bool is_inside(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

/// Every path by itself, then each against its successor: path_before puts conflicts side by side.
Result<void> check_entries(const std::vector<ManifestEntry>& entries) {
  if (entries.size() > kManifestEntriesMax) {
    return fail(ErrorCode::kLimit, "an artifact has at most 100000 files", {},
                "pack small files into an archive");
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (auto good = check_path(entries[i].path); !good) return good;
    if (i == 0) continue;
    const std::string& last = entries[i - 1].path;
    if (is_inside(entries[i].path, last)) {
      return fail(ErrorCode::kInvalid, "is both a file and a folder", last);
    }
    if (!path_before(last, entries[i].path)) {
      return fail(ErrorCode::kInvalid, "is listed twice or out of order", entries[i].path);
    }
  }
  return {};
}

}  // namespace

std::string_view ManifestEntry::top_level_name() const {
  return std::string_view(path).substr(0, path.find('/'));
}

std::uint64_t Manifest::bytes() const {
  std::uint64_t total = 0;
  for (const ManifestEntry& entry : entries) total += entry.bytes;
  return total;
}

Result<void> check_path(std::string_view path) {
  if (path.size() > kPathBytesMax) {
    return fail(ErrorCode::kLimit, "the path is longer than 4096 bytes",
                std::string(path.substr(0, 64)) + "...");
  }
  if (path.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::kInvalid, "the path has a NUL byte in it");
  }
  std::size_t depth = 0;
  for (std::string_view rest = path;;) {
    const std::string_view name = rest.substr(0, rest.find('/'));
    if (name.empty() || name == "." || name == "..") {
      return fail(ErrorCode::kInvalid, "the path has an empty name, '.' or '..' in it",
                  std::string(path));
    }
    if (++depth > kPathDepthMax) {
      return fail(ErrorCode::kLimit, "the path is deeper than 64 names", std::string(path));
    }
    if (name.size() == rest.size()) return {};
    rest.remove_prefix(name.size() + 1);
  }
}

bool path_before(std::string_view a, std::string_view b) {
  const auto weight = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c); };
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [&](char x, char y) { return weight(x) < weight(y); });
}

Result<std::string> manifest_text(Manifest& manifest) {
  std::sort(
      manifest.entries.begin(), manifest.entries.end(),
      [](const ManifestEntry& a, const ManifestEntry& b) { return path_before(a.path, b.path); });
  if (auto good = check_entries(manifest.entries); !good) {
    return tl::make_unexpected(good.error());
  }
  std::string text(kTitle);
  for (const ManifestEntry& entry : manifest.entries) {
    text += entry.content.hex();
    text += entry.executable ? " x " : " - ";
    text += std::to_string(entry.bytes);
    text.push_back(' ');
    append_escaped(text, entry.path);
    text.push_back('\n');
  }
  if (text.size() > kManifestBytesMax) {
    return fail(ErrorCode::kLimit, "the list of files is larger than 64 MiB");
  }
  return text;
}

Result<Manifest> parse_manifest(std::string_view text) {
  if (text.size() > kManifestBytesMax) {
    return fail(ErrorCode::kLimit, "the list of files is larger than 64 MiB");
  }
  if (!text.starts_with(kTitle)) {
    return fail(ErrorCode::kInvalid, "is not a list of an artifact's files");
  }
  text.remove_prefix(kTitle.size());
  Manifest manifest;
  while (!text.empty()) {
    const auto line = take_until(text, '\n');
    auto entry = line ? parse_line(*line) : std::nullopt;
    if (!entry) {
      return fail(ErrorCode::kInvalid, "the list of an artifact's files is damaged in line " +
                                           std::to_string(manifest.entries.size() + 2));
    }
    manifest.entries.push_back(std::move(*entry));
    if (manifest.entries.size() > kManifestEntriesMax) break;
  }
  if (auto good = check_entries(manifest.entries); !good) {
    return tl::make_unexpected(good.error());
  }
  return manifest;
}

}  // namespace landseer
