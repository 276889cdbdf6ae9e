#include "request_target.hpp"

#include <doctest/doctest.h>

using namespace yagura;

TEST_CASE("a target is read into its path and its query, both decoded") {
  auto read = read_target("/ping/web%2D1/start?rid=a+b%20c&x=1&x=2&=3&y");
  REQUIRE(read.has_value());
  CHECK(read->path == "/ping/web-1/start");
  CHECK(read->query == std::map<std::string, std::string>{{"rid", "a b c"}, {"x", "2"}, {"y", ""}});
}

TEST_CASE("a target without a slash at its beginning, or with a broken code, is refused") {
  for (const char* target : {"", "ping", "*", "?a=b", "/%", "/%4", "/%4g", "/%-1", "/?a=%zz", "/?%=1"})
    CHECK_FALSE(read_target(target).has_value());
}
