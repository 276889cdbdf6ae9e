#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "expectation.hpp"
#include "rehearsal.hpp"

using namespace yagura;

namespace {

const std::filesystem::path folder = std::filesystem::path(YAGURA_SOURCE) / "tests/rehearsal";

std::string content(const std::filesystem::path& file) {
  std::ifstream stream(file);
  REQUIRE_MESSAGE(stream.good(), file.string() << " cannot be read");
  return {std::istreambuf_iterator<char>(stream), {}};
}

// Every NAME.expected has its NAME.yaml.
std::vector<std::string> stories() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() == ".expected") names.push_back(file.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::vector<GotLine>> play(const std::string& configuration, const std::string& story,
                                  std::uint64_t seed) {
  std::vector<GotLine> got;
  auto played = rehearse(
      configuration, story, seed, [&](const RehearsalLine& line, const Platform& platform) {
        got.push_back({line.at, boost::json::parse(json_line(line, platform.zone)).as_object()});
      });
  if (!played) return tl::unexpected(played.error());
  return got;
}

}  // namespace

TEST_CASE("stories come out as expected") {
  const std::vector<std::string> names = stories();
  REQUIRE(names.size() >= 40);
  for (const std::string& name : names) {
    SUBCASE(name.c_str()) {
      const auto expectation = read_expectation(content(folder / (name + ".expected")));
      REQUIRE_MESSAGE(expectation.has_value(),
                      name << ".expected: " << expectation.error().message);
      // Expectations hold wherever in its interval a probe runs.
      for (std::uint64_t seed : {0, 1}) {
        const auto got = play(folder / expectation->configuration, folder / (name + ".yaml"), seed);
        REQUIRE_MESSAGE(got.has_value(), name << ": " << got.error().message);
        const std::string difference = compare(*expectation, *got);
        CHECK_MESSAGE(difference.empty(), name << ".expected, seed " << seed << ":\n"
                                               << difference);
        if (!difference.empty()) break;
      }
    }
  }
}
