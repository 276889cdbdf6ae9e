// timezone, state, listen, heartbeat, retention, response_user.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "draft.hpp"
#include "liveness/http_url.hpp"

namespace yagura {
namespace {

// "127.0.0.1:9640", "[::1]:9640"; "localhost:9640" is the first of them.
struct ListenAddress {
  std::string text;
  bool loopback = false;
};
std::optional<ListenAddress> read_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string host(text.substr(0, colon));
  const std::string_view digits = text.substr(colon + 1);
  int port = 0;
  auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || rest != digits.data() + digits.size() || port < 1 || port > 65535)
    return std::nullopt;
  if (host == "localhost") host = "127.0.0.1";
  const std::string whole = fmt::format("{}:{}", host, port);
  unsigned char bytes[16];
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    if (inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), bytes) != 1)
      return std::nullopt;
    static constexpr unsigned char own[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    return ListenAddress{whole, std::equal(std::begin(bytes), std::end(bytes), std::begin(own))};
  }
  if (inet_pton(AF_INET, host.c_str(), bytes) != 1) return std::nullopt;
  return ListenAddress{whole, bytes[0] == 127};
}

void read_http(Draft& draft, Reader& listen, const std::string& text) {
  const Node& at = *listen.find("http");
  const auto address = read_address(text);
  if (!address) {
    listen.problem(at,
                   "`http` must be an address of this machine and a port, such as 127.0.0.1:9640 "
                   "or [::1]:9640");
  } else if (!address->loopback) {
    listen.problem(at,
                   "`http` can be reached by other machines, and asks nobody who is calling: write "
                   "127.0.0.1:9640 or [::1]:9640, and put a proxy in front of it that has TLS and "
                   "knows its callers (docs/security.md)");
  } else {
    draft.configuration.http_address = address->text;
  }
}

void read_listen(Draft& draft) {
  Configuration& configuration = draft.configuration;
  configuration.control_socket = default_control_socket();
  configuration.places.control = configuration.places.http = draft.section_key("listen").place;
  const Node* section = draft.root.find("listen");
  if (section == nullptr) return;
  Reader listen(*section, draft.problems, "listen");
  configuration.control_socket = read_control_socket(listen);
  for (const auto& [key, value] : section->entries) {
    if (key.scalar == "control") configuration.places.control = key.place;
    if (key.scalar == "http") configuration.places.http = key.place;
  }
  if (auto address = listen.text("http")) read_http(draft, listen, *address);
  listen.finish();
}

// Whoever misses the daemon has to be asked often enough: an hour between two beats is an hour in
// which nobody watches and nobody knows.
void read_heartbeat(Draft& draft) {
  const Node* section = draft.root.find("heartbeat");
  if (section == nullptr) return;
  Reader heartbeat(*section, draft.problems, "heartbeat");
  HeartbeatSettings settings;
  heartbeat.required("url");
  if (auto text = heartbeat.text("url")) {
    if (auto url = parse_http_url(*text)) {
      settings.url = url->text;
    } else {
      heartbeat.problem(*heartbeat.find("url"), fmt::format("`url`: {}", url.error().message));
    }
  }
  settings.every = duration_within(heartbeat, "every", 1min, 1s, 5min);
  heartbeat.finish();
  draft.configuration.heartbeat = std::move(settings);
}

// An access log is kept for a year at least (R1).
void read_retention(Draft& draft) {
  draft.configuration.keep_record = 24h * 400;
  draft.configuration.keep_samples = 24h * 90;
  const Node* section = draft.root.find("retention");
  if (section == nullptr) return;
  Reader retention(*section, draft.problems, "retention");
  draft.configuration.keep_record =
      duration_within(retention, "record", 24h * 400, 24h * 365, 24h * 10'000);
  draft.configuration.keep_samples =
      duration_within(retention, "samples", 24h * 90, 24h, 24h * 10'000);
  retention.finish();
}

// That the daemon may start programs as this user shows when it starts
// (daemon/server/load_here.hpp).
void read_response_user(Draft& draft) {
  Configuration& configuration = draft.configuration;
  configuration.places.response_user = draft.section_key("response_user").place;
  const Node* node = draft.root.find("response_user");
  if (node == nullptr || !check_text(draft.root, *node, "response_user", 100)) return;
  configuration.places.response_user = node->place;
  if (auto user = io::find_user(node->scalar)) {
    configuration.response_user = std::move(*user);
  } else {
    draft.problem(*node, fmt::format("`response_user`: {}", user.error().message));
  }
}

}  // namespace

std::string default_control_socket() {
  return "/run/yagura/control.sock";
}

std::string read_control_socket(Reader& listen) {
  std::string path = path_of(listen, "control");
  const std::size_t longest = sizeof(sockaddr_un{}.sun_path) - 1;
  if (path.size() > longest) {
    listen.problem(
        *listen.find("control"),
        fmt::format("the path of a Unix socket has at most {} bytes, and this is {} long: {}",
                    longest, path.size(), path));
  }
  return path.empty() ? default_control_socket() : path;
}

std::string read_state_folder(Reader& root) {
  std::string folder = path_of(root, "state");
  return folder.empty() ? "/var/lib/yagura" : folder;
}

void read_settings(Draft& draft) {
  if (auto zone = Zone::named(draft.root.text_or("timezone", "Asia/Tokyo"))) {
    draft.platform.zone = *zone;
  } else {
    draft.problem(draft.section("timezone"), zone.error().message);
  }
  draft.configuration.state_folder = read_state_folder(draft.root);
  draft.configuration.places.state = draft.section_key("state").place;
  draft.guard(draft.configuration.state_folder, draft.section_key("state"),
              GuardedFile::Kind::state);
  read_listen(draft);
  read_heartbeat(draft);
  read_retention(draft);
  read_response_user(draft);
}

}  // namespace yagura
