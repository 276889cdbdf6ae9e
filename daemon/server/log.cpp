#include "log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>

#include "text.hpp"

namespace yagura::log {

namespace {

bool under_systemd = false;

// Values without blanks and quotes stand as they are.
std::string quoted(const std::string& value) {
  std::string safe = one_line(value, 1000);
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
  auto logger = std::make_shared<spdlog::logger>("yagurad", std::make_shared<spdlog::sinks::stderr_sink_st>());
  logger->set_pattern(under_systemd ? "%v" : "%Y-%m-%dT%H:%M:%S.%e%z %-7l %v");
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(logger);
}

void line(Level level, std::string_view name, const Fields& fields) {
  std::string text(name);
  for (const auto& [key, value] : fields) text += " " + key + "=" + quoted(value);
  switch (level) {
    case Level::info: spdlog::info("{}{}", under_systemd ? "<6>" : "", text); break;
    case Level::warning: spdlog::warn("{}{}", under_systemd ? "<4>" : "", text); break;
    case Level::error: spdlog::error("{}{}", under_systemd ? "<3>" : "", text); break;
  }
}

}  // namespace yagura::log
