// timezone, state, listen, retention.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/un.h>

#include <charconv>

#include "draft.hpp"

namespace yagura {
namespace {

// "127.0.0.1:9640", "[::1]:9640", "localhost:9640".
bool is_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  std::string host(text.substr(0, colon));
  const std::string_view digits = text.substr(colon + 1);
  int port = 0;
  auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || rest != digits.data() + digits.size() || port < 1 || port > 65535)
    return false;
  unsigned char bytes[16];
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    return inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), bytes) == 1;
  }
  return host == "localhost" || inet_pton(AF_INET, host.c_str(), bytes) == 1;
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
  if (auto address = listen.text("http")) {
    if (is_listen_address(*address)) {
      configuration.http_address = *address;
    } else {
      listen.problem(*listen.find("http"),
                     "`http` must be an address of this machine and a port, such as 127.0.0.1:9640 "
                     "or [::1]:9640 "
                     "(0.0.0.0:9640 listens on all)");
    }
  }
  listen.finish();
}

void read_retention(Draft& draft) {
  draft.configuration.keep_record = 24h * 400;
  draft.configuration.keep_samples = 24h * 90;
  const Node* section = draft.root.find("retention");
  if (section == nullptr) return;
  Reader retention(*section, draft.problems, "retention");
  draft.configuration.keep_record =
      duration_within(retention, "record", 24h * 400, 24h, 24h * 10'000);
  draft.configuration.keep_samples =
      duration_within(retention, "samples", 24h * 90, 24h, 24h * 10'000);
  retention.finish();
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
  read_listen(draft);
  read_retention(draft);
}

}  // namespace yagura
