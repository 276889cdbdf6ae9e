// Roll-ups read back from samples.db, whose bytes nothing vouches for.
#include <algorithm>

#include "fuzz.hpp"
#include "roll_up.hpp"

namespace yagura::fuzz {
namespace {

void run(std::string_view bytes) {
  const std::size_t split = take_choice(bytes, 256);
  const std::string_view of_layout = bytes.substr(0, split);
  const std::string_view of_span = bytes.substr(std::min(split, bytes.size()));
  const auto layout = unpacked_layout(of_layout);
  if (!layout) return;
  const auto again = unpacked_layout(packed(*layout));
  require(again && packed(*again) == packed(*layout),
          "a layout that was read is written the same way");

  const Layout* both[] = {&*layout, &*again};
  const Layout all = joined(both);
  require(all.probes.size() == layout->probes.size(),
          "a layout joined with itself has the same probes");
  const PackedSpan spans[] = {{&*layout, of_span}, {&*again, of_span}};
  const std::string rolled = rolled_up(spans, all);
  Unpacker reader(rolled);
  Tally tally;
  for (const Layout::Probe& probe : all.probes) {
    reader.tally(all.names[probe.names].size(), tally);
    const auto percent = tally.runs.availability();
    require(!percent || (*percent >= 0 && *percent <= 100), "an availability is a percentage");
  }
  require(!reader.failed() && reader.at_end(),
          "what was rolled up can be read, and is all there is");
}
const Target target("sample_bytes", run);

}  // namespace
}  // namespace yagura::fuzz
