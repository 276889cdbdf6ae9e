// The last layer before a line of the log: whatever a value holds, it is one line, and each value ends where it says.
#include "log.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "world.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

// What is written to standard error meanwhile.
std::string written(const std::function<void()>& writes) {
  Folder folder;
  const std::string file = folder.path + "/log";
  std::fflush(stderr);
  const int kept = dup(STDERR_FILENO);
  const int to = open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  REQUIRE(to >= 0);
  dup2(to, STDERR_FILENO);
  writes();
  std::fflush(stderr);
  dup2(kept, STDERR_FILENO);
  close(kept);
  close(to);
  std::ostringstream all;
  all << std::ifstream(file).rdbuf();
  return all.str();
}

}  // namespace

TEST_CASE("nothing that a value holds breaks out of its place in a line of the log") {
  log::start();
  const std::string hostile =
      "a\n2026-01-01T00:00:00Z error   forged.line by=root\r\x1b[2J\x1b]0;title\x07 \xe2\x80\xae\" failure=7 \\ \xff\xfe";
  const std::string text = written([&] {
    log::line(log::Level::warning, "probe.turned", {{"reason", hostile}, {"who", "sato"}, {"z", "x=y"}, {"empty", ""}});
  });
  REQUIRE(text.ends_with('\n'));
  const std::string line = text.substr(0, text.size() - 1);
  for (char letter : line) CHECK((static_cast<unsigned char>(letter) >= 0x20 && letter != '\x7f'));
  CHECK(line.find("\xe2\x80\xae") == std::string::npos);
  CHECK(line.find('\xff') == std::string::npos);
  // Quotes and backslashes are escaped, so that the value ends at the first quote that stands alone.
  const auto begins = line.find(" reason=\"");
  REQUIRE(begins != std::string::npos);
  std::size_t end = begins + 9;
  while (end < line.size() && line[end] != '"') end += line[end] == '\\' ? 2 : 1;
  CHECK(line.substr(end) == "\" who=sato z=\"x=y\"");
  CHECK(line.find(" empty=\"\" ") != std::string::npos);
  CHECK(line.find("\\\" failure=7 \\\\") != std::string::npos);
}
