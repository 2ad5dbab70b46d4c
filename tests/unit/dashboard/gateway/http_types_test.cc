#include "dashboard/gateway/http_types.h"

#include <gtest/gtest.h>

namespace landseer::gateway {
namespace {

TEST(Target, PathAndQueryAreDecoded) {
  Request request;
  ASSERT_TRUE(read_target("/a%20b/c+d?x=1%2B1&y=a+b&x=2&empty&=odd", request));
  EXPECT_EQ(request.path, "/a b/c+d");
  EXPECT_EQ(request.query_or("x", ""), "2");
  EXPECT_EQ(request.query_or("y", ""), "a b");
  EXPECT_EQ(request.query_or("empty", "none"), "");
  EXPECT_EQ(request.query_or("missing", "none"), "none");
}

TEST(Target, WhatIsNotWellFormedIsRefused) {
  for (const char* odd :
       {"", "a", "http://x/", "/%", "/%4", "/%zz", "/%00", "/a%0d%0ab", "/?a=%0A", "/\x7f", "*"}) {
    Request request;
    EXPECT_FALSE(read_target(odd, request)) << odd;
  }
}

TEST(Cookies, OneIsFoundAmongOthers) {
  Request request;
  request.headers["cookie"] = "a=1; session=x=y;session2=z;  b";
  EXPECT_EQ(request.cookie("a"), "1");
  EXPECT_EQ(request.cookie("session"), "x=y");
  EXPECT_EQ(request.cookie("session2"), "z");
  EXPECT_EQ(request.cookie("b"), "");
  EXPECT_EQ(request.cookie("sess"), "");
}

TEST(Errors, HaveTheStatusOfTheirCode) {
  EXPECT_EQ(error_response(Error{ErrorCode::kNotFound, "m", "", ""}).status, 404u);
  EXPECT_EQ(error_response(Error{ErrorCode::kInternal, "m", "", ""}).status, 500u);
  const Response away = error_response(Error{ErrorCode::kUnavailable, "m", "w", "h"});
  EXPECT_EQ(away.status, 503u);
  EXPECT_EQ(away.headers.at(0).first, "Retry-After");
  EXPECT_EQ(*away.body, R"({"error":{"code":"unavailable","message":"m","where":"w","hint":"h"}})");
}

}  // namespace
}  // namespace landseer::gateway
