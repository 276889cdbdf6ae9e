// What the tests of the samples share: a platform of some probes, runs, a folder that goes away.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "history.hpp"
#include "sample_file.hpp"
#include "samples.hpp"
#include "sqlite.hpp"

namespace yagura::test {

class TempFolder {
 public:
  TempFolder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "yagura-samples-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

// A Monday, 12:00 in Tokyo.
inline const Instant noon = *parse_instant("2026-12-28T12:00:00+09:00");

inline Platform platform_of(const std::map<std::string, std::vector<std::string>>& components) {
  Platform platform;
  for (const auto& [name, probes] : components) {
    Component component;
    component.id = name;
    for (const std::string& probe : probes) {
      ProbeSpec spec;
      spec.name = probe;
      component.probes.push_back(spec);
    }
    platform.components.emplace(name, component);
  }
  return platform;
}

inline Observation ran(Verdict verdict, MeasuredValues values = {}) {
  Observation one;
  one.verdict = verdict;
  one.values = std::move(values);
  return one;
}

inline const ProbeId web{"web", "http"};

// Writes what was counted, as the daemon does: the layout goes with it.
inline SampleWrite written(const TempFolder& folder, Samples& samples, Instant now,
                           Duration keep = 24h * 90) {
  Samples::Span span = samples.end(now);
  return write_span(folder.path, {span.from, std::move(span.bytes), samples.layout(), 0},
                    {now, keep, false});
}

struct ReadRow {
  Instant from{};
  ProbeId probe;
  NamedTally tally;
};
inline std::vector<ReadRow> read_all(const TempFolder& folder, const std::string& component,
                                     const std::string& probe = {}) {
  std::vector<ReadRow> rows;
  const SampleQuery query{component, probe, noon - 24h * 10'000, noon + 24h * 10'000};
  auto read =
      read_spans(folder.path, query, [&](Instant from, const ProbeId& id, const NamedTally& tally) {
        rows.push_back({from, id, tally});
        return true;
      });
  REQUIRE_MESSAGE(read.has_value(), (read ? "" : read.error().message));
  return rows;
}

inline std::int64_t number_in_file(const TempFolder& folder, const std::string& sql) {
  auto connection =
      sqlite::Connection::open(folder.path + "/samples.db", sqlite::Connection::Access::read);
  REQUIRE(connection.has_value());
  auto number = connection->integer(sql);
  REQUIRE_MESSAGE(number.has_value(), (number ? "" : number.error().message));
  return *number;
}

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace yagura::test
