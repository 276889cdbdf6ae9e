// The target of an HTTP request, "/ping/web-1?rid=1", read into its path and its query. It comes
// from whoever can reach the socket.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace yagura {

struct RequestTarget {
  std::string path;                          // decoded, without the query: "/ping/web-1"
  std::map<std::string, std::string> query;  // decoded; of a key given twice the last
};
// None where the path does not begin with "/", or percent-encoding (RFC 3986) is malformed.
std::optional<RequestTarget> read_target(std::string_view target);

}  // namespace yagura
