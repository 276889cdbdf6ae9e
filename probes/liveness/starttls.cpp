#include "starttls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "text.hpp"

namespace yagura {

// A reply that is waited for, and what is sent once it has come.
struct StartTlsStep {
  std::string_view good;     // How its last line begins: "220 ", "+OK".
  std::string_view more;     // How a line begins after which another belongs to it; "" for none.
  std::string_view keyword;  // What one of its lines has to name; "" for nothing.
  std::string_view answer;   // "" after the last; {} is our own name.
};

struct StartTlsProtocol {
  std::string_view name;
  std::uint16_t port;
  std::array<StartTlsStep, 3> steps;  // Those without `good` do not exist.
};

namespace {

constexpr std::size_t most_bytes = 16 * 1024;
constexpr std::size_t most_lines = 100;

// Untagged lines of IMAP ("* …") may come before any reply. An FTP reply of several lines has
// whatever it likes between "220-" and "220 ".
constexpr std::array<StartTlsProtocol, 4> protocols{{
    {"smtp",
     25,
     {{{"220 ", "220-", "", "EHLO {}\r\n"},
       {"250 ", "250-", "STARTTLS", "STARTTLS\r\n"},
       {"220 ", "220-", "", ""}}}},
    {"imap", 143, {{{"* OK", "", "", "y1 STARTTLS\r\n"}, {"y1 OK", "* ", "", ""}, {}}}},
    {"pop3", 110, {{{"+OK", "", "", "STLS\r\n"}, {"+OK", "", "", ""}, {}}}},
    {"ftp", 21, {{{"220 ", "220-", "", "AUTH TLS\r\n"}, {"234 ", "234-", "", ""}, {}}}},
}};

bool begins_with(std::string_view line, std::string_view start) {
  return lower(line.substr(0, start.size())) == lower(start);
}

// "250-STARTTLS", "250 starttls"
bool names(std::string_view line, std::string_view keyword) {
  return line.size() >= 4 + keyword.size() && begins_with(line.substr(4), keyword) &&
         (line.size() == 4 + keyword.size() || line[4 + keyword.size()] == ' ');
}

}  // namespace

const StartTlsProtocol* starttls_protocol(std::string_view name) {
  const auto* found =
      std::find_if(protocols.begin(), protocols.end(),
                   [&](const StartTlsProtocol& protocol) { return protocol.name == name; });
  return found == protocols.end() ? nullptr : found;
}

std::vector<std::string> starttls_names() {
  std::vector<std::string> all;
  for (const StartTlsProtocol& protocol : protocols)
    all.emplace_back(protocol.name);
  return all;
}

std::uint16_t usual_port(const StartTlsProtocol& protocol) {
  return protocol.port;
}

StartTls::StartTls(const StartTlsProtocol& protocol, std::string own_name)
    : protocol_(protocol), own_name_(std::move(own_name)) {}

StartTls::State StartTls::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    // Whatever follows the last reply came before TLS protects it: somebody may have put it there.
    if (state_ == State::ready) refuse("sent more in the clear after it had agreed to TLS");
    if (!to_send_.empty()) refuse("answers before it was asked");
    if (state_ == State::refused) break;
    if (++bytes_ > most_bytes) {
      refuse(fmt::format("sent {} KiB without coming to TLS", most_bytes / 1024));
      break;
    }
    char byte = bytes.front();
    bytes.remove_prefix(1);
    if (byte != '\n') {
      unread_ += byte;
      continue;
    }
    if (unread_.ends_with('\r')) unread_.pop_back();
    on_line(std::exchange(unread_, {}));
  }
  return state_;
}

void StartTls::on_line(std::string_view line) {
  last_line_ = line;
  if (++lines_ > most_lines)
    return refuse(fmt::format("sent {} lines without coming to TLS", most_lines));
  const StartTlsStep& step = protocol_.steps[step_];
  offered_ = offered_ || step.keyword.empty() || names(line, step.keyword);
  // A line that is only the number ends a reply too.
  bool last = begins_with(line, step.good) ||
              (step.good.ends_with(' ') && line == step.good.substr(0, step.good.size() - 1));
  if (!last) {
    bool continues = !step.more.empty() && begins_with(line, step.more);
    bool within_ftp = protocol_.name == "ftp" && lines_ > 1 && step_ == 0;
    if (!continues && !within_ftp) refuse(fmt::format("said '{}'", one_line(line, 120)));
    return;
  }
  if (!offered_) return refuse(fmt::format("offers no {}", step.keyword));
  offered_ = false;
  ++step_;
  if (step.answer.empty()) {
    state_ = State::ready;
  } else {
    to_send_ = fmt::format(fmt::runtime(step.answer), own_name_);
  }
}

void StartTls::refuse(std::string words) {
  state_ = State::refused;
  refusal_ = std::move(words);
  to_send_.clear();
}

std::string StartTls::take() {
  return std::exchange(to_send_, {});
}

std::string StartTls::heard() const {
  return one_line(unread_.empty() ? last_line_ : unread_, 120);
}

}  // namespace yagura
