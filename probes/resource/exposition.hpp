// What a Prometheus endpoint says: the exposition format in text, version 0.0.4. A line for each
// series: NAME{LABEL="VALUE",…} VALUE [TIMESTAMP]; histograms and summaries are such lines as well
// (…_bucket, …_sum, …_count). Pure, and only as much is read as is asked for. Comments (HELP, TYPE)
// and timestamps are passed over.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "result.hpp"
#include "series_selector.hpp"

namespace yagura {

struct Sample {
  Labels labels;     // sorted by name
  double value = 0;  // may be NaN or infinite
};

// The lines of these metrics, as they are, each with its line break. Error: the text is none of
// this format, as a page in HTML.
Result<std::string> lines_of(std::string_view text,
                             const std::set<std::string, std::less<>>& names);

// The series that the selector is for, in the order written, at most 10,000. Error: one line of
// that metric cannot be read (its number is that among the lines given), or is no UTF-8, or is
// longer than 64 KiB, or there are more of them; the whole is of no use then, as with Prometheus.
Result<std::vector<Sample>> series_in(std::string_view text, const SeriesSelector& selector);

}  // namespace yagura
