// What a Prometheus endpoint says, and the selector of a series: the first line is the selector, the
// others are the endpoint's.
#include "resource/exposition.hpp"

#include <cmath>

#include "fuzz.hpp"
#include "resource/series_values.hpp"

namespace yagura::fuzz {
namespace {

void run(std::string_view bytes) {
  const auto end = bytes.find('\n');
  const std::string_view text = end == bytes.npos ? "" : bytes.substr(end + 1);
  auto selector = SeriesSelector::parse(bytes.substr(0, end));
  if (!selector) {
    require_safe(selector.error().message, 1000);
    selector = SeriesSelector::parse("up{job!=\"\"}");
  }
  require(is_metric_name(selector->name()), "a selector has a name");
  const auto lines = lines_of(text, {selector->name()});
  if (!lines) return require_safe(lines.error().message, 1000);
  require(lines->size() <= text.size() + 1, "no more is kept than came");
  const auto again = lines_of(*lines, {selector->name()});
  // Where the first of them is broken, they begin with something else.
  require(!again || *again == *lines, "what is kept is kept again");
  const auto series = series_in(*lines, *selector);
  if (!series) return require_safe(series.error().message, 1000);
  for (const Sample& sample : *series) {
    require(selector->matches(sample.labels), "a series is one that is asked for");
    const std::string* before = nullptr;
    for (const auto& [label, value] : sample.labels) {
      require(is_label_name(label), "a label has a name");
      require(before == nullptr || *before < label, "labels are in order, each of them once");
      before = &label;
    }
    require_safe(series_words(selector->name(), sample.labels), 160);
  }
  const SeriesValues values = values_of(*series);
  for (Together how : {Together::each, Together::sum, Together::min, Together::max}) {
    for (const auto& [labels, value] : together(values, how))
      require(!std::isnan(value), "a value is a number");
  }
  for (const auto& [labels, value] : shares_of(values, values).values)
    require(!std::isnan(value), "a share is a number");
}
const Target target("exposition", run);

}  // namespace
}  // namespace yagura::fuzz
