#include "smtp_reply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t line_most = 2'000;
constexpr std::size_t lines_most = 100;
constexpr std::size_t replies_most = 2'000;
constexpr std::size_t text_most = 300;

}  // namespace

std::string SmtpReply::text() const {
  std::string joined = std::to_string(code);
  std::string status;  // An enhanced status code, which relays repeat on every line.
  for (std::string_view line : lines) {
    if (!status.empty() && line.rfind(status, 0) == 0) line.remove_prefix(status.size());
    if (status.empty() && joined.size() == 3) {
      std::size_t space = line.find(' ');
      if (space != std::string_view::npos &&
          std::count(line.begin(), line.begin() + static_cast<long>(space), '.') == 2) {
        status = line.substr(0, space + 1);
      }
    }
    if (line.empty()) continue;
    joined += ' ';
    joined += line;
    if (joined.size() > 2 * text_most) break;
  }
  return one_line(joined, text_most);
}

bool SmtpReplyReader::feed(std::string_view bytes) {
  while (!broken_ && !bytes.empty()) {
    std::size_t end = bytes.find('\n');
    unfinished_ += bytes.substr(0, std::min(end, line_most + 1));
    if (unfinished_.size() > line_most) broken_ = true;
    if (broken_ || end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
    if (!unfinished_.empty() && unfinished_.back() == '\r') unfinished_.pop_back();
    broken_ = !take_line(unfinished_);
    unfinished_.clear();
  }
  return !broken_;
}

bool SmtpReplyReader::take_line(std::string_view line) {
  const auto digit = [&](std::size_t at) { return line[at] >= '0' && line[at] <= '9'; };
  if (line.size() < 3 || line[0] < '2' || line[0] > '5' || !digit(1) || !digit(2)) return false;
  if (line.size() > 3 && line[3] != ' ' && line[3] != '-') return false;
  if (reply_.lines.size() >= lines_most || finished_.size() >= replies_most) return false;
  reply_.code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
  reply_.lines.emplace_back(line.substr(std::min<std::size_t>(line.size(), 4)));
  if (line.size() <= 3 || line[3] == ' ') finished_.push_back(std::exchange(reply_, {}));
  return true;
}

std::optional<SmtpReply> SmtpReplyReader::take() {
  if (finished_.empty()) return std::nullopt;
  SmtpReply reply = std::move(finished_.front());
  finished_.pop_front();
  return reply;
}

}  // namespace yagura
