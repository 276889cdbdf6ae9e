// What AWS says: an answer of GetMetricData, a refusal, the instance's credentials; and the file of
// credentials. The first byte chooses.
#include <cmath>

#include "fuzz.hpp"
#include "resource/aws_credentials.hpp"
#include "resource/cloudwatch_data.hpp"

namespace yagura::fuzz {
namespace {

void check(const Result<AwsCredentials>& found) {
  if (!found) return require_safe(found.error().message, 500);
  for (const std::string* text : {&found->key_id, &found->secret, &found->session_token}) {
    for (char c : *text)
      require(c > 0x20 && c < 0x7F, "what goes into a header is visible ASCII");
  }
  require(!found->key_id.empty() && !found->secret.empty(), "a key has a secret");
}

void run(std::string_view bytes) {
  constexpr std::size_t metrics = 3;
  const MetricSpan span{Instant(1'700'000'000s), Instant(1'700'000'900s)};
  switch (take_choice(bytes, 4)) {
    case 0: {
      auto page = parse_metric_page(bytes, metrics, span);
      if (!page) return require_safe(page.error().message, 300);
      require(page->parts.size() == metrics, "each metric has its part");
      for (MetricPart& part : page->parts) {
        require_safe(part.message, 200);
        require(part.newest.has_value() == (part.points > 0), "a value is one of the points");
        if (!part.newest) continue;
        require(part.newest->at >= span.from && part.newest->at < span.to, "a point lies in the span");
        require(std::isfinite(part.newest->value), "a value is a number");
      }
      return;
    }
    case 1: {
      for (int status : {400, 403, 503})
        require_safe(parse_refusal(status, bytes).words, 300);
      return;
    }
    case 2:
      return check(credentials_of_instance(bytes));
    default:
      check(credentials_in(bytes, "default"));
      return check(credentials_in(bytes, "other"));
  }
}
const Target target("cloudwatch", run);

}  // namespace
}  // namespace yagura::fuzz
