#include "log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdlib>
#include <mutex>

#include "text.hpp"

namespace yagura::log {

namespace {

bool under_systemd = false;
std::mutex zone_mutex;  // the record's writer logs as well
Zone zone;

std::string prefix(Level level) {
  const bool error = level == Level::error, warning = level == Level::warning;
  if (under_systemd) return error ? "<3>" : warning ? "<4>" : "<6>";
  std::lock_guard lock(zone_mutex);
  return zone.format(std::chrono::floor<Duration>(std::chrono::system_clock::now())) +
         (error ? " error   " : warning ? " warning " : " info    ");
}

// Values without blanks and quotes stand as they are.
std::string quoted(const std::string& value) {
  std::string safe = one_line(value, 4000);
  if (!safe.empty() && safe.find_first_of(" \"=\\") == std::string::npos) return safe;
  std::string text = "\"";
  for (char letter : safe) {
    if (letter == '"' || letter == '\\') text += '\\';
    text += letter;
  }
  return text + "\"";
}

}  // namespace

void start() {
  under_systemd = std::getenv("JOURNAL_STREAM") != nullptr;
  auto logger = std::make_shared<spdlog::logger>("yagurad", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%v");
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(logger);
}

void set_zone(const Zone& given) {
  std::lock_guard lock(zone_mutex);
  zone = given;
}

void line(Level level, std::string_view name, const Fields& fields) {
  std::string text = prefix(level) + std::string(name);
  for (const auto& [key, value] : fields) text += " " + key + "=" + quoted(value);
  switch (level) {
    case Level::info: spdlog::info("{}", text); break;
    case Level::warning: spdlog::warn("{}", text); break;
    case Level::error: spdlog::error("{}", text); break;
  }
}

}  // namespace yagura::log
