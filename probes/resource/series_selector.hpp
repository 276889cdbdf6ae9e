// Which series of a Prometheus endpoint are meant: a name, and what its labels have to be, written
// as in PromQL: node_filesystem_avail_bytes{mountpoint="/",fstype!~"tmpfs|overlay"}. Pure.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "result.hpp"

namespace re2 {
class RE2;
}

namespace yagura {

// By the label's name, each of them once.
using Labels = std::vector<std::pair<std::string, std::string>>;

class SeriesSelector {
 public:
  // Error: what is wrong with it, and how it is written. At most 32 labels; regular expressions are
  // RE2's, and have to match the whole value.
  static Result<SeriesSelector> parse(std::string_view text);

  const std::string& name() const { return name_; }
  // A label that a series does not have is "", as with Prometheus.
  bool matches(const Labels& labels) const;

 private:
  struct Matcher {
    std::string label;
    std::string value;                       // where there is no expression
    std::shared_ptr<const re2::RE2> matches;
    bool negated = false;
  };
  std::string name_;
  std::vector<Matcher> matchers_;
};

// Of a metric: letters, digits, _ and :, no digit first; of a label the same without the colon.
bool is_metric_name(std::string_view name);
bool is_label_name(std::string_view name);

// "name{a=\"b\"}" for people: safe, at most 160 bytes.
std::string series_words(std::string_view name, const Labels& labels);

}  // namespace yagura
