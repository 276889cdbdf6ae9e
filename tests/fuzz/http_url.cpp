// URLs: those of the configuration, and those that a hostile page redirects to.
#include "fuzz.hpp"
#include "liveness/http_url.hpp"

namespace yagura::fuzz {
namespace {

void run(std::string_view bytes) {
  auto url = parse_http_url(std::string(bytes));
  if (!url) return require_safe(url.error().message, 1000);
  require(url->text.starts_with("http://") || url->text.starts_with("https://"), "only HTTP is asked");
  require(!url->host().empty() && url->port != 0, "a URL leads to a host and a port");
  require_safe(url->text, 8192);
  require_safe(url->place(), 200);
  auto again = parse_http_url(url->text);
  require(again && again->same_origin(*url), "a URL leads where it led before");
}
const Target target("http_url", run);

}  // namespace
}  // namespace yagura::fuzz
