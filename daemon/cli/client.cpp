#include "client.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "configuration.hpp"

namespace yagura::cli {
namespace {

constexpr const char* default_socket = "/run/yagura/control.sock";
constexpr std::string_view what_to_do =
    "is the daemon running? `systemctl status yagurad` tells; another socket is chosen with "
    "--socket PATH or --config FILE";

struct Body {
  std::string text;
  std::size_t limit = 0;
  bool too_long = false;
};

std::size_t take(char* data, std::size_t size, std::size_t count, void* into) {
  auto& body = *static_cast<Body*>(into);
  if (body.text.size() + size * count > body.limit) {
    body.too_long = true;
    return 0;
  }
  body.text.append(data, size * count);
  return size * count;
}

std::string why_not(const std::string& socket, CURLcode code, long error, bool too_long) {
  if (too_long) return fmt::format("what the daemon on {} answers has no end", socket);
  switch (code) {
    case CURLE_COULDNT_CONNECT:
      switch (error) {
        case ENOENT:
          return fmt::format("there is no socket {}: {}", socket, what_to_do);
        case ECONNREFUSED:
          return fmt::format("nobody answers on {}, though the socket is there: {}", socket,
                             what_to_do);
        case EAGAIN:
          return fmt::format(
              "the daemon on {} is there, but takes no more connections now: try again in a moment",
              socket);
        case EACCES:
          return fmt::format(
              "{} may not be opened by this user: its folder has to let everybody "
              "through (chmod 755)",
              socket);
        default:
          return fmt::format("cannot connect to {}{}{}: {}", socket, error == 0 ? "" : ", ",
                             error == 0 ? "" : std::strerror(static_cast<int>(error)), what_to_do);
      }
    case CURLE_OPERATION_TIMEDOUT:
      return fmt::format(
          "the daemon on {} is there, but does not answer in time: "
          "`systemctl status yagurad` and its log tell why",
          socket);
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
      return fmt::format(
          "the daemon on {} went away before it answered: it is ending, or had too many "
          "connections; "
          "look with `yagura status` whether what was asked has happened",
          socket);
    default:
      return fmt::format("what answers on {} is no yagurad ({})", socket, curl_easy_strerror(code));
  }
}

}  // namespace

Result<Reply> Client::ask(const std::string& target, const std::optional<std::string>& body) const {
  if (socket_.size() >= sizeof(sockaddr_un::sun_path)) {
    return failure_of(fmt::format("the path of the control socket is longer than {} bytes: {}",
                                  sizeof(sockaddr_un::sun_path) - 1, socket_));
  }
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
  if (!curl) return failure_of("libcurl cannot be used: out of memory");
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(
      curl_slist_append(nullptr, "Content-Type: application/json"), curl_slist_free_all);
  CURL* handle = curl.get();
  const std::string url = "http://localhost" + target;
  Body received;
  received.limit = limits_.body;
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, socket_.c_str());
  curl_easy_setopt(handle, CURLOPT_PROXY, "");  // whatever http_proxy says
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(limits_.connect_within.count()));
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(limits_.answer_within.count()));
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &received);
  if (body) {
    curl_easy_setopt(handle, CURLOPT_POST, 1L);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body->data());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(body->size()));
  }
  if (CURLcode code = curl_easy_perform(handle); code != CURLE_OK) {
    long error = 0;
    curl_easy_getinfo(handle, CURLINFO_OS_ERRNO, &error);
    return failure_of(why_not(socket_, code, error, received.too_long));
  }
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  return Reply{static_cast<int>(status), std::move(received.text)};
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Result<std::string> choose_socket(const std::string& option, const char* environment,
                                  const std::string& config) {
  if (!option.empty()) return option;
  if (environment != nullptr && *environment != '\0') return std::string(environment);
  if (!config.empty()) return control_socket_of(config);
  return std::string(default_socket);
}

}  // namespace yagura::cli
