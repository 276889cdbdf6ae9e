// samples.db in the state folder: the spans that are over. A row is a span of five minutes over all
// probes, packed (roll_up.hpp), and names the row of its layout, which is written anew only when it
// changed. After two days the rows of an hour become one; after `retention.samples` they go. Each
// write does a bounded part of both.
//
// It is not the record: it is not chained, nobody audits it, nothing is decided by it, and it may
// be deleted. So it is written with synchronous=NORMAL: a crash loses what was not written yet,
// five minutes at most, a power cut perhaps some more, and neither damages the file. What is
// damaged or cannot be used is put aside, and begun anew. It may block: call it beside the loop,
// one write at a time; reading may be done meanwhile, each call with a connection of its own.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "instant.hpp"
#include "result.hpp"
#include "roll_up.hpp"

namespace yagura {

inline constexpr Duration kept_in_full = 48h;  // then by the hour

// What of the present layout is not known to be in the file goes with the span.
struct SpanToWrite {
  Instant from{};
  std::string bytes;
  std::optional<std::string> layout;
  std::int64_t layout_row = 0;  // without `layout`: where it was written
};

struct SampleWrite {
  Result<std::int64_t> layout_row = 0;  // where the layout stands; error: nothing was written
  // A file that could not be used was put aside under this name, in the place of what was put aside
  // before; empty: none was. `why`: what was wrong with it.
  std::string aside, why;
};

struct WriteOptions {
  Instant now{};
  Duration keep{};
  bool check = false;  // looks through the file for damage first, for two seconds at most
};
SampleWrite write_span(const std::string& folder, const SpanToWrite& span,
                       const WriteOptions& options);

struct SampleQuery {
  std::string component, probe;  // probe: "" for all
  Instant since{}, until{};      // of the beginnings of spans; until exclusive
};
using SampleRow = std::function<bool(Instant from, const ProbeId& probe, const NamedTally& tally)>;
// Calls `row` for each probe of each span in which it ran, in order of time, until it says false.
// Where there is no file yet there is nothing to call for.
Result<void> read_spans(const std::string& folder, const SampleQuery& query, const SampleRow& row);

}  // namespace yagura
