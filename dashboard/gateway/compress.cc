#include "dashboard/gateway/compress.h"

#include <zlib.h>

#include <algorithm>

#include "common/base/check.h"

namespace landseer::gateway {
namespace {

/// The fastest: 4 ms for 1 MiB of task rows, which become a sixth. The best one leaves a seventh,
/// in 29 ms (3,000 rows, one core of the reference machine).
constexpr int kLevel = 1;
/// zlib's largest window, and 16 for gzip's frame around it.
constexpr int kGzipWindow = 15 + 16;
constexpr int kMemoryLevel = 8;

std::string gzip(const std::string& text) {
  z_stream stream{};
  const int begun =
      deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipWindow, kMemoryLevel, Z_DEFAULT_STRATEGY);
  CHECK(begun == Z_OK, "the parameters are constants, and memory is there");
  std::string zipped(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(zipped.data());
  stream.avail_out = static_cast<uInt>(zipped.size());
  const int ended = deflate(&stream, Z_FINISH);
  zipped.resize(stream.total_out);
  deflateEnd(&stream);
  CHECK(ended == Z_STREAM_END, "the bound is one");
  return zipped;
}

/// `gzip;q=0` refuses it.
bool is_refused(std::string_view rest) {
  const auto weight = rest.find("q=");
  if (weight == std::string_view::npos) return false;
  const std::string_view value = rest.substr(weight + 2);
  return value.find_first_not_of("0.") == std::string_view::npos;
}

}  // namespace

bool takes_gzip(const Request& request) {
  std::string_view accepted = request.header("accept-encoding");
  while (!accepted.empty()) {
    const auto comma = std::min(accepted.find(','), accepted.size());
    std::string_view each = accepted.substr(0, comma);
    accepted.remove_prefix(std::min(comma + 1, accepted.size()));
    each.remove_prefix(std::min(each.find_first_not_of(' '), each.size()));
    each = each.substr(0, each.find_last_not_of(' ') + 1);
    const auto end = std::min(each.find_first_of("; "), each.size());
    if (each.substr(0, end) == "gzip") return !is_refused(each.substr(end));
  }
  return false;
}

Response compressed(const Request& request, Response response) {
  if (response.type != "application/json" || response.body == nullptr ||
      response.body->size() < kCompressBytesMin) {
    return response;
  }
  response.headers.emplace_back("Vary", "Accept-Encoding");
  if (!takes_gzip(request)) return response;
  response.body = std::make_shared<const std::string>(gzip(*response.body));
  response.headers.emplace_back("Content-Encoding", "gzip");
  return response;
}

}  // namespace landseer::gateway
