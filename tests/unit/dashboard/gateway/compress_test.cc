/// What a browser gets compressed, and that it is the same afterwards.
#include "dashboard/gateway/compress.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace landseer::gateway {
namespace {

Request asking(const std::string& accepted) {
  Request request;
  if (!accepted.empty()) request.headers["accept-encoding"] = accepted;
  return request;
}

std::string unzip(const std::string& zipped, std::size_t size) {
  std::string text(size + 1, '\0');
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(zipped.data()));
  stream.avail_in = static_cast<uInt>(zipped.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

std::string header(const Response& response, const std::string& name) {
  for (const auto& [each, value] : response.headers) {
    if (each == name) return value;
  }
  return {};
}

std::string long_json() {
  std::string text = "[";
  for (int i = 0; i < 2000; ++i) text += "{\"task_id\":\"task_" + std::to_string(i) + "\"},";
  text.back() = ']';
  return text;
}

TEST(Compress, WhoTakesItGetsTheSameInLess) {
  const std::string text = long_json();
  const Response whole = text_response(200, "application/json", text);
  const Response zipped = compressed(asking("gzip, deflate, br"), whole);
  EXPECT_EQ(header(zipped, "Content-Encoding"), "gzip");
  EXPECT_EQ(header(zipped, "Vary"), "Accept-Encoding");
  EXPECT_LT(zipped.body->size(), text.size() / 4);
  EXPECT_EQ(unzip(*zipped.body, text.size()), text);
}

TEST(Compress, WhoDoesNotTakeItGetsItAsItIs) {
  const std::string text = long_json();
  for (const char* accepted : {"", "br", "gzip;q=0", "deflate, gzip; q=0.0", "notgzip"}) {
    const Response same =
        compressed(asking(accepted), text_response(200, "application/json", text));
    EXPECT_EQ(*same.body, text) << accepted;
    EXPECT_EQ(header(same, "Content-Encoding"), "") << accepted;
    EXPECT_EQ(header(same, "Vary"), "Accept-Encoding") << accepted;
  }
  EXPECT_TRUE(takes_gzip(asking("br;q=1.0, gzip;q=0.8")));
  EXPECT_TRUE(takes_gzip(asking("  gzip ")));
}

TEST(Compress, WhatIsShortOrNoJsonStaysAsItIs) {
  const auto is_same = [](const Response& response) {
    return compressed(asking("gzip"), response).headers.empty();
  };
  EXPECT_TRUE(is_same(text_response(200, "application/json", "{}")));
  EXPECT_TRUE(is_same(text_response(200, "text/plain", std::string(5000, 'x'))));
  Response unchanged;
  unchanged.status = 304;
  EXPECT_TRUE(is_same(unchanged));
}

}  // namespace
}  // namespace landseer::gateway
